package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/peal-dev/peal/internal/peal"
)

// newTask makes an offering, a request of it, and a task for that.
func (s *server) newTask(key string) (offering, request, task string) {
	s.t.Helper()
	offering = s.call(key, "POST", "/v1/offerings", `{"name":"New laptop","sla":{"accept":"1h","complete":"8h"}}`).want(201)["id"].(string)
	request = s.call(key, "POST", "/v1/requests", `{"offering":"`+offering+`"}`).want(201)["id"].(string)
	task = s.call(key, "POST", "/v1/tasks", `{"title":"Order laptop","request":"`+request+`"}`).want(201)["id"].(string)
	return offering, request, task
}

func TestOfferings(t *testing.T) {
	s := newServer(t)
	key := s.key("acme", peal.Admin)
	for body, field := range map[string]string{
		`{"name":""}`: "name",
		`{"name":"A","workflow":"wf_01h455vb4pex5vsknk084sn02q"}`: "workflow",
		`{"name":"A","workflow":"x"}`:                             "workflow",
		`{"name":"A","sla":{}}`:                                   "sla",
		`{"name":"A","sla":{"accept":"soon"}}`:                    "sla.accept",
		`{"name":"A","sla":{"accept":"-1h"}}`:                     "sla.accept",
		`{"name":"A","sla":{"complete":"9000h"}}`:                 "sla.complete",
		`{"name":"A","sla":{"complete":"1h","warn_at":1}}`:        "sla.warn_at",
		`{"name":"A","sla":{"complete":"1h","working_hours":{"days":[],"from":"09:00","to":"17:00","time_zone":"Europe/Zurich"}}}`:         "sla.working_hours.days",
		`{"name":"A","sla":{"complete":"1h","working_hours":{"days":["monday"],"from":"09:00","to":"17:00","time_zone":"Europe/Zurich"}}}`: "sla.working_hours.days",
		`{"name":"A","sla":{"complete":"1h","working_hours":{"days":["mon"],"from":"9","to":"17:00","time_zone":"Europe/Zurich"}}}`:        "sla.working_hours.from",
		`{"name":"A","sla":{"complete":"1h","working_hours":{"days":["mon"],"from":"17:00","to":"09:00","time_zone":"Europe/Zurich"}}}`:    "sla.working_hours.to",
		`{"name":"A","sla":{"complete":"1h","working_hours":{"days":["mon"],"from":"09:00","to":"17:00","time_zone":"Local"}}}`:            "sla.working_hours.time_zone",
		`{"name":"A","sla":{"complete":"1h","working_hours":{"days":["mon"],"from":"09:00","to":"17:00","time_zone":"../../etc/passwd"}}}`: "sla.working_hours.time_zone",
		`{"name":"` + strings.Repeat("n", 257) + `"}`: "name",
	} {
		if p := s.call(key, "POST", "/v1/offerings", body).problem(400, peal.CodeInvalid); p.Field != field {
			t.Errorf("%s: the field is %q, want %q: %s", body, p.Field, field, p.Detail)
		}
	}
	made := s.call(key, "POST", "/v1/offerings", `{"name":"A","sla":{"accept":"90m","working_hours":{"days":["mon","fri"],"from":"09:00","to":"24:00","time_zone":"America/New_York"}}}`).want(201)
	want := `map[accept:1h30m warn_at:0.8 working_hours:map[days:[mon fri] from:09:00 time_zone:America/New_York to:24:00]]`
	if got := fmt.Sprint(made["sla"]); got != want {
		t.Errorf("sla %s, want %s", got, want)
	}
	path := "/v1/offerings/" + made["id"].(string)
	if got := s.call(key, "PATCH", path, `{"description":"For everybody"}`).want(200); got["description"] != "For everybody" || fmt.Sprint(got["sla"]) != want {
		t.Errorf("changed to %v", got)
	}
	if got := s.call(key, "PATCH", path, `{"sla":null}`).want(200); got["sla"] != nil {
		t.Errorf("reset to %v", got)
	}
	s.call(key, "PATCH", path, `{"sla":{"accept":"0s"}}`).problem(400, peal.CodeInvalid)
	hook := s.call(key, "POST", "/v1/hooks", `{"name":"Intake","offering":"`+made["id"].(string)+`"}`).want(201)["id"].(string)
	s.call(key, "DELETE", path, "").problem(409, peal.CodeConflict)
	s.call(key, "DELETE", "/v1/hooks/"+hook, "").want(204)
	s.call(key, "DELETE", path, "").want(204)
	s.call(key, "GET", path, "").problem(404, peal.CodeNotFound)
}

func TestRequestsAndTasksRefuseNonsense(t *testing.T) {
	s := newServer(t)
	key := s.key("acme", peal.Admin)
	_, request, task := s.newTask(key)
	long := strings.Repeat("x", 200<<10)
	for call, field := range map[string]string{
		`/v1/requests {}`:                                                                      "title",
		`/v1/requests {"title":"a\u0000b"}`:                                                    "title",
		`/v1/requests {"title":"A","priority":"soon"}`:                                         "priority",
		`/v1/requests {"title":"A","offering":"svc_"}`:                                         "offering",
		`/v1/requests {"title":"A","data":"` + long + `"}`:                                     "data",
		`/v1/requests {"title":"A","created_by":"` + strings.Repeat("x", 300) + `"}`:           "created_by",
		`/v1/tasks {"title":""}`:                                                               "title",
		`/v1/tasks {"title":"A","request":"x"}`:                                                "request",
		`/v1/tasks {"title":"A","execution":"x"}`:                                              "execution",
		`/v1/tasks {"title":"A","assignee":{"kind":"team","id":"x"}}`:                          "assignee.kind",
		`/v1/tasks {"title":"A","assignee":{"kind":"user","id":""}}`:                           "assignee.id",
		`/v1/tasks/` + task + `/complete {"output":"` + long + `"}`:                            "output",
		`/v1/requests/` + request + `/cancel {"reason":"` + strings.Repeat("x", 17<<10) + `"}`: "reason",
	} {
		path, body, _ := strings.Cut(call, " ")
		if p := s.call(key, "POST", path, body).problem(400, peal.CodeInvalid); !strings.HasSuffix(p.Field, field) {
			t.Errorf("%.100s: the field is %q, want %q: %s", call, p.Field, field, p.Detail)
		}
	}
	s.call(key, "PATCH", "/v1/requests/"+request, `{"title":""}`).problem(400, peal.CodeInvalid)
	if got := s.call(key, "PATCH", "/v1/requests/"+request, `{"title":"Other","priority":"URGENT"}`).want(200); got["title"] != "Other" || got["priority"] != "URGENT" {
		t.Errorf("changed to %v", got)
	}
	s.call(key, "POST", "/v1/requests/"+request+"/cancel", "").want(200)
	s.call(key, "POST", "/v1/tasks", `{"title":"Late","request":"`+request+`"}`).problem(409, peal.CodeConflict)
	s.call(key, "POST", "/v1/tasks/"+task+"/complete", `{}`).problem(409, peal.CodeConflict) // it was cancelled with its request
	s.call(key, "PATCH", "/v1/tasks/"+task, `{"title":"Late"}`).problem(409, peal.CodeConflict)
	for _, list := range []string{"/v1/requests?status=pending", "/v1/tasks?status=DONE", "/v1/requests?offering=x", "/v1/tasks?request=x"} {
		s.call(key, "GET", list, "").problem(400, peal.CodeInvalid)
	}
}

// A client that did not get its answer asks again, and opens nothing twice.
func TestRequestsAreOpenedOnce(t *testing.T) {
	s := newServer(t)
	key, other := s.key("acme", peal.Publisher), s.key("rival", peal.Publisher)
	const body = `{"title":"New laptop","data":{"size": 14}}`
	first := s.call(key, "POST", "/v1/requests", body, "Idempotency-Key", "k").want(201)["id"]
	if again := s.call(key, "POST", "/v1/requests", `{"data":{"size":14},"title":"New laptop"}`, "Idempotency-Key", "k").want(201)["id"]; again != first {
		t.Errorf("opened %v and %v", first, again)
	}
	s.call(key, "POST", "/v1/requests", `{"title":"Another"}`, "Idempotency-Key", "k").problem(422, peal.CodeUnprocessable)
	s.call(key, "POST", "/v1/requests", body, "Idempotency-Key", strings.Repeat("k", 300)).problem(400, peal.CodeInvalid)
	s.call(other, "POST", "/v1/requests", body, "Idempotency-Key", "k").want(201)
	s.call(key, "POST", "/v1/requests", body).want(201)
	if n := len(s.call(key, "GET", "/v1/requests", "").want(200)["data"].([]any)); n != 2 {
		t.Errorf("%d requests", n)
	}
}

// A page follows the next, and filters hold across pages.
func TestRequestPages(t *testing.T) {
	s := newServer(t)
	key := s.key("acme", peal.Admin)
	for i := range 5 {
		id := s.call(key, "POST", "/v1/requests", fmt.Sprintf(`{"title":"R%d"}`, i)).want(201)["id"].(string)
		s.call(key, "POST", "/v1/tasks", fmt.Sprintf(`{"title":"T%d","assignee":{"kind":"agent","id":"a%d"}}`, i, i%2)).want(201)
		if i == 3 {
			s.call(key, "POST", "/v1/requests/"+id+"/accept", "").want(200)
		}
	}
	for path, want := range map[string]string{
		"/v1/requests?limit=2":                     "R4 R3 R2 R1 R0",
		"/v1/requests?limit=2&status=PENDING":      "R4 R2 R1 R0",
		"/v1/requests?limit=2&status=ACCEPTED":     "R3",
		"/v1/requests?priority=HIGH":               "",
		"/v1/tasks?limit=1&assignee=a0":            "T4 T2 T0",
		"/v1/tasks?assignee=a0&assignee_kind=user": "",
		"/v1/tasks?limit=2&assignee_kind=agent":    "T4 T3 T2 T1 T0",
		"/v1/tasks?status=ASSIGNED&assignee=a1":    "T3 T1",
		"/v1/tasks?status=OPEN":                    "",
	} {
		var titles []string
		for cursor := ""; ; {
			page := s.call(key, "GET", path+cursor, "").want(200)
			for _, row := range page["data"].([]any) {
				titles = append(titles, row.(map[string]any)["title"].(string))
			}
			next, more := page["next_cursor"].(string)
			if !more {
				break
			}
			cursor = "&cursor=" + next
		}
		if got := strings.Join(titles, " "); got != want {
			t.Errorf("%s lists %q, want %q", path, got, want)
		}
	}
}
