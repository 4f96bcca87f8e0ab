package blackbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// toldOnce waits until a receiver got an event of each type as often as named, and gives the
// bodies by type. More of any of them is a failure.
func toldOnce(t *testing.T, r *receiver, want ...string) map[string][]string {
	t.Helper()
	slices.Sort(want)
	var got map[string][]string
	eventually(t, func() error {
		got = map[string][]string{}
		var types []string
		for _, a := range r.Got() {
			var head struct{ Event string }
			if err := json.Unmarshal(a.Body, &head); err != nil {
				return err
			}
			types = append(types, head.Event)
			got[head.Event] = append(got[head.Event], string(a.Body))
		}
		slices.Sort(types)
		if len(types) < len(want) {
			return fmt.Errorf("told %v, want %v", types, want)
		}
		if !slices.Equal(types, want) {
			t.Fatalf("told %v, want %v", types, want)
		}
		return nil
	})
	return got
}

// hookFor makes a hook that is not verified, and gives the path to call.
func hookFor(t *testing.T, c *caller, fields ...any) string {
	t.Helper()
	h := c.Call(t, 201, "POST", "/v1/hooks", with(object{"name": "Intake", "verification": object{"enabled": false}}, fields...))
	return "/v1/webhooks/inbound/" + text(h, "id")
}

// execution waits until an execution has a status.
func execution(t *testing.T, c *caller, id, status string) object {
	t.Helper()
	var x object
	eventually(t, func() error {
		if x = c.Call(t, 200, "GET", "/v1/executions/"+id, nil); text(x, "status") != status {
			return fmt.Errorf("the execution is %v, want %s", x, status)
		}
		return nil
	})
	return x
}

// The whole story of a request that a hook opens, as a receiver of the nembl profile is
// told it: each event once, with the payload of the document.
func TestRequestFromHookToCompletion(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t, "profile", "nembl")
	r := newReceiver(t, nil)
	c.Endpoint(t, r.URL, "profile", "nembl", "events", []string{"request.*", "task.*", "sla.*"})
	offering := c.Call(t, 201, "POST", "/v1/offerings", object{"name": "New laptop", "sla": object{"accept": "1h", "complete": "8h"}})
	svc := text(offering, "id")
	if !strings.HasPrefix(svc, "svc_") {
		t.Fatalf("an offering %v", offering)
	}
	path := hookFor(t, c, "offering", svc)
	a := c.Call(t, 202, "POST", path, object{"title": "New laptop request", "priority": "high", "size": 14})
	x := execution(t, c, text(a, "executionId"), "succeeded")
	if steps := list(x, "steps"); len(steps) != 1 || text(steps[0], "uses") != "request" {
		t.Fatalf("steps %v", steps)
	}
	requests := c.List(t, "/v1/requests?status=PENDING&offering="+svc)
	if len(requests) != 1 {
		t.Fatalf("requests %v", requests)
	}
	id := text(requests[0], "id")
	hook := strings.TrimPrefix(path, "/v1/webhooks/inbound/")
	created := toldOnce(t, r, "request.created")["request.created"][0]
	want := `^\{"event":"request\.created","timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ","data":` + regexp.QuoteMeta(
		fmt.Sprintf(`{"id":%q,"serviceId":%q,"title":"New laptop request","status":"PENDING","priority":"HIGH","createdBy":%q}`, id, svc, hook)) + `\}$`
	if !regexp.MustCompile(want).MatchString(created) {
		t.Errorf("told %s, want %s", created, want)
	}
	if got := c.Call(t, 200, "GET", "/v1/requests/"+id, nil); fmt.Sprint(got["data"].(object)["size"]) != "14" || got["complete_due_at"] == nil {
		t.Errorf("the request is %v", got)
	}

	c.Call(t, 409, "POST", "/v1/requests/"+id+"/complete", nil)
	if got := c.Call(t, 200, "POST", "/v1/requests/"+id+"/accept", nil); text(got, "status") != "ACCEPTED" {
		t.Errorf("accepted %v", got)
	}
	c.Call(t, 409, "POST", "/v1/requests/"+id+"/accept", nil)
	task := c.Call(t, 201, "POST", "/v1/tasks", object{"title": "Order laptop", "request": id, "assignee": object{"kind": "user", "id": "user_def456"}})
	path = "/v1/tasks/" + text(task, "id")
	c.Call(t, 200, "POST", path+"/assign", object{"assignee": object{"kind": "user", "id": "user_def456"}}) // theirs already
	c.Call(t, 200, "POST", path+"/assign", object{"assignee": object{"kind": "agent", "id": "buyer"}})
	if mine := c.List(t, "/v1/tasks?assignee=buyer&status=ASSIGNED"); len(mine) != 1 {
		t.Errorf("the agent's tasks: %v", mine)
	}
	done := c.Call(t, 200, "POST", path+"/complete", object{"output": object{"order": 4711}})
	if fmt.Sprint(done["output"]) != "map[order:4711]" {
		t.Errorf("completed %v", done)
	}
	c.Call(t, 409, "POST", path+"/complete", nil)
	c.Call(t, 200, "POST", "/v1/requests/"+id+"/complete", nil)
	c.Call(t, 409, "POST", "/v1/requests/"+id+"/cancel", nil)

	all := toldOnce(t, r, "request.created", "request.accepted", "request.completed", "task.assigned", "task.assigned", "task.completed")
	taskDone := fmt.Sprintf(`"data":{"id":%q,"title":"Order laptop","status":"COMPLETED","assignee":"buyer","assigneeType":"AGENT","requestId":%q}}`, text(task, "id"), id)
	if !strings.Contains(all["task.completed"][0], taskDone) {
		t.Errorf("told %s, want %s", all["task.completed"][0], taskDone)
	}
}

// A workflow works on the request of its offering: it waits for a task, and goes on with
// what came of it.
func TestWorkflowWaitsForATask(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, nil)
	c.Endpoint(t, r.URL, "profile", "nembl", "events", []string{"laptop.*", "request.cancelled", "task.*"})
	w := c.Call(t, 201, "POST", "/v1/workflows", object{"name": "Laptops", "steps": []any{
		object{"id": "order", "uses": "task", "with": object{
			"title": "Order {{ request.title }}", "assignee": object{"kind": "agent", "id": "buyer"}, "wait": true, "data": "{{ request.data }}",
		}},
		object{"id": "tell", "uses": "publish", "with": object{"type": "laptop.ordered", "data": object{
			"order": "{{ steps.order.output.output.order }}", "request": "{{ request.id }}",
		}}},
	}})
	offering := c.Call(t, 201, "POST", "/v1/offerings", object{"name": "New laptop", "workflow": text(w, "id")})
	c.Call(t, 409, "DELETE", "/v1/workflows/"+text(w, "id"), nil)

	request := c.Call(t, 201, "POST", "/v1/requests", object{"offering": text(offering, "id"), "created_by": "user_def456", "data": object{"size": 14}})
	if text(request, "title") != "New laptop" || text(request, "created_by") != "user_def456" {
		t.Errorf("the request is %v", request)
	}
	x := execution(t, c, text(request, "execution_id"), "waiting")
	tasks := c.List(t, "/v1/tasks?request="+text(request, "id"))
	if len(tasks) != 1 || text(tasks[0], "execution_id") != text(x, "id") || fmt.Sprint(tasks[0]["data"]) != "map[size:14]" {
		t.Fatalf("tasks %v of %v", tasks, x)
	}
	c.Call(t, 200, "POST", "/v1/tasks/"+text(tasks[0], "id")+"/complete", object{"output": object{"order": 4711}})
	execution(t, c, text(x, "id"), "succeeded")
	ordered := toldOnce(t, r, "task.assigned", "task.completed", "laptop.ordered")["laptop.ordered"][0]
	if want := fmt.Sprintf(`"data":{"order":4711,"request":%q}`, text(request, "id")); !strings.Contains(ordered, want) {
		t.Errorf("told %s, want %s", ordered, want)
	}

	// Where the request is cancelled, so is its task, and the workflow hears of it.
	request = c.Call(t, 201, "POST", "/v1/requests", object{"offering": text(offering, "id")})
	execution(t, c, text(request, "execution_id"), "waiting")
	c.Call(t, 200, "POST", "/v1/requests/"+text(request, "id")+"/cancel", object{"reason": "a mistake"})
	x = execution(t, c, text(request, "execution_id"), "failed")
	if !strings.Contains(text(x, "error"), "was cancelled") || text(x, "failed_step") != "order" {
		t.Errorf("the execution is %v", x)
	}
	if tasks := c.List(t, "/v1/tasks?status=CANCELLED&request="+text(request, "id")); len(tasks) != 1 {
		t.Errorf("cancelled tasks: %v", tasks)
	}
	toldOnce(t, r, "task.assigned", "task.completed", "laptop.ordered", "task.assigned", "request.cancelled")
}

// Targets that pass are told of once each, those that are met are not.
func TestSLATargets(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, nil)
	c.Endpoint(t, r.URL, "profile", "nembl", "events", []string{"sla.*"})
	offering := c.Call(t, 201, "POST", "/v1/offerings", object{"name": "Fast", "sla": object{"accept": "1s", "complete": "2s", "warn_at": 0.5}})
	met := c.Call(t, 201, "POST", "/v1/requests", object{"offering": text(offering, "id"), "title": "Met"})
	c.Call(t, 200, "POST", "/v1/requests/"+text(met, "id")+"/cancel", nil)
	missed := c.Call(t, 201, "POST", "/v1/requests", object{"offering": text(offering, "id"), "title": "Missed"})
	got := toldOnce(t, r, "sla.warning", "sla.breached", "sla.warning", "sla.breached")
	for _, body := range slices.Concat(got["sla.warning"], got["sla.breached"]) {
		var event struct {
			Data struct {
				RequestID, Title, Target string
				DueAt                    time.Time
				Percentage               int
			}
		}
		decode(t, []byte(body), &event)
		d := event.Data
		least, due := 50, "accept_due_at"
		if strings.Contains(body, "sla.breached") {
			least = 100
		}
		if d.Target == "RESOLUTION" {
			due = "complete_due_at"
		}
		at, err := time.Parse(time.RFC3339, text(missed, due))
		if err != nil {
			t.Fatal(err)
		}
		if d.RequestID != text(missed, "id") || d.Title != "Missed" || !d.DueAt.Equal(at.Truncate(time.Second)) || d.Percentage < least {
			t.Errorf("told %s of %v", body, missed)
		}
	}
	c.Call(t, 200, "POST", "/v1/requests/"+text(missed, "id")+"/accept", nil)
	late := c.Call(t, 200, "POST", "/v1/requests/"+text(missed, "id")+"/complete", nil)
	if fmt.Sprint(late["breached"]) != "[RESPONSE RESOLUTION]" {
		t.Errorf("the late request is %v", late)
	}
	if met = c.Call(t, 200, "GET", "/v1/requests/"+text(met, "id"), nil); fmt.Sprint(met["breached"]) != "[]" {
		t.Errorf("the other is %v", met)
	}
	toldOnce(t, r, "sla.warning", "sla.breached", "sla.warning", "sla.breached")
}

// What another org has is not there.
func TestDeskIsolation(t *testing.T) {
	t.Parallel()
	mine, theirs := sharedOrg(t), sharedOrg(t)
	offering := theirs.Call(t, 201, "POST", "/v1/offerings", object{"name": "Theirs"})
	request := theirs.Call(t, 201, "POST", "/v1/requests", object{"offering": text(offering, "id")})
	task := theirs.Call(t, 201, "POST", "/v1/tasks", object{"title": "Theirs", "request": text(request, "id")})
	for _, call := range []struct{ method, path string }{
		{"GET", "/v1/offerings/" + text(offering, "id")},
		{"PATCH", "/v1/offerings/" + text(offering, "id")},
		{"DELETE", "/v1/offerings/" + text(offering, "id")},
		{"GET", "/v1/requests/" + text(request, "id")},
		{"PATCH", "/v1/requests/" + text(request, "id")},
		{"POST", "/v1/requests/" + text(request, "id") + "/accept"},
		{"POST", "/v1/requests/" + text(request, "id") + "/complete"},
		{"POST", "/v1/requests/" + text(request, "id") + "/cancel"},
		{"GET", "/v1/tasks/" + text(task, "id")},
		{"PATCH", "/v1/tasks/" + text(task, "id")},
		{"POST", "/v1/tasks/" + text(task, "id") + "/complete"},
		{"POST", "/v1/tasks/" + text(task, "id") + "/cancel"},
	} {
		var body any
		if call.method != "GET" && call.method != "DELETE" {
			body = object{}
		}
		mine.Call(t, 404, call.method, call.path, body)
	}
	mine.Call(t, 404, "POST", "/v1/tasks", object{"title": "Mine", "request": text(request, "id")})
	mine.Call(t, 400, "POST", "/v1/requests", object{"title": "Mine", "offering": text(offering, "id")})
	mine.Call(t, 400, "POST", "/v1/hooks", object{"name": "Mine", "offering": text(offering, "id")})
	for _, path := range []string{"/v1/offerings", "/v1/requests", "/v1/tasks", "/v1/tasks?request=" + text(request, "id")} {
		if rows := mine.List(t, path); len(rows) != 0 {
			t.Errorf("%s lists %v", path, rows)
		}
	}
	if got := theirs.Call(t, 200, "GET", "/v1/requests/"+text(request, "id"), nil); text(got, "status") != "PENDING" {
		t.Errorf("the request is %v", got)
	}
}

// A hook with an offering and a workflow: the steps work on the request.
func TestHookOpensARequestForItsWorkflow(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, nil)
	c.Endpoint(t, r.URL, "profile", "nembl", "events", []string{"request.created", "workflow.started", "laptop.*"})
	own := c.Call(t, 201, "POST", "/v1/workflows", object{"name": "The offering's", "steps": []any{
		object{"id": "tell", "uses": "publish", "with": object{"type": "laptop.twice"}},
	}})
	offering := c.Call(t, 201, "POST", "/v1/offerings", object{"name": "New laptop", "workflow": text(own, "id")})
	w := c.Call(t, 201, "POST", "/v1/workflows", object{"name": "The hook's", "steps": []any{
		object{"id": "pause", "uses": "wait", "with": object{"for": "10ms"}}, // so that it is walked through twice
		object{"id": "tell", "uses": "publish", "if": `request.priority == "MEDIUM"`, "with": object{"type": "laptop.asked", "data": object{
			"title": "{{ request.title }}", "size": "{{ webhook.body.size }}", "status": "{{ request.status }}",
		}}},
	}})
	path := hookFor(t, c, "offering", text(offering, "id"), "workflow", text(w, "id"))
	a := c.Call(t, 202, "POST", path, object{"size": 14, "title": 7, "priority": "P1"}) // neither fits
	x := execution(t, c, text(a, "executionId"), "succeeded")
	all := toldOnce(t, r, "request.created", "workflow.started", "laptop.asked")
	if want := `"data":{"size":14,"status":"PENDING","title":"New laptop"}`; !strings.Contains(all["laptop.asked"][0], want) {
		t.Errorf("told %s, want %s", all["laptop.asked"][0], want)
	}
	requests := c.List(t, "/v1/requests")
	if len(requests) != 1 || text(requests[0], "execution_id") != text(x, "id") {
		t.Fatalf("requests %v of %v", requests, x)
	}
	if want := fmt.Sprintf(`"requestId":%q`, text(requests[0], "id")); !strings.Contains(all["workflow.started"][0], want) {
		t.Errorf("told %s, want %s", all["workflow.started"][0], want)
	}
}

// The example of docs/inbound.md, from Stripe's signature to what the customer's system is
// told.
func TestStripePaymentExample(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, nil)
	c.Endpoint(t, r.URL, "profile", "nembl", "events", []string{"request.*", "task.*", "payment.*"})
	doc, err := os.ReadFile(filepath.Join(root, "docs", "inbound.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(doc), "### Stripe payment")
	_, rest, _ := strings.Cut(example, "-d '")
	offer, _, _ := strings.Cut(rest, "'")
	_, rest, _ = strings.Cut(example, "<<'YAML'\n")
	definition, _, _ := strings.Cut(rest, "\nYAML\n")
	offering := c.Call(t, 201, "POST", "/v1/offerings", offer)
	definition = strings.ReplaceAll(definition, "svc_01h455vb4pex5vsknk084sn02q", text(offering, "id"))
	w := c.Call(t, 201, "POST", "/v1/workflows", definition, "Content-Type", "application/yaml")
	const secret = "whsec_from_stripe"
	h := c.Call(t, 201, "POST", "/v1/hooks", object{"name": "Stripe payments", "workflow": text(w, "id"), "verification": object{"scheme": "stripe", "secret": secret}})
	post := func(status int, body, signature string) object {
		t.Helper()
		anybody := &caller{URL: c.URL}
		return anybody.Call(t, status, "POST", "/v1/webhooks/inbound/"+text(h, "id"), body, "Stripe-Signature", signature)
	}
	sign := func(body string) string {
		mac := hmac.New(sha256.New, []byte(secret))
		at := time.Now().Unix()
		fmt.Fprintf(mac, "%d.%s", at, body)
		return fmt.Sprintf("t=%d,v1=%x", at, mac.Sum(nil))
	}
	other := `{"id":"evt_1","type":"charge.refunded","data":{"object":{"id":"ch_1"}}}`
	execution(t, c, text(post(202, other, sign(other)), "executionId"), "succeeded")
	paid := `{"id":"evt_2","type":"payment_intent.succeeded","data":{"object":{"id":"pi_3Mt","amount":2000,"currency":"chf"}}}`
	post(401, paid, sign(other))
	id := text(post(202, paid, sign(paid)), "executionId")
	execution(t, c, id, "waiting")
	if again := text(post(202, paid, sign(paid)), "executionId"); again != id {
		t.Errorf("Stripe's repeat started %s beside %s", again, id)
	}
	requests := c.List(t, "/v1/requests")
	if len(requests) != 1 || text(requests[0], "title") != "Payment pi_3Mt" || text(requests[0], "priority") != "HIGH" || requests[0]["complete_due_at"] == nil {
		t.Fatalf("requests %v", requests)
	}
	tasks := c.List(t, "/v1/tasks?assignee=finance")
	if len(tasks) != 1 || text(tasks[0], "title") != "Book 2000 CHF" || text(tasks[0], "request") != text(requests[0], "id") {
		t.Fatalf("tasks %v", tasks)
	}
	c.Call(t, 200, "POST", "/v1/tasks/"+text(tasks[0], "id")+"/complete", nil)
	c.Call(t, 200, "POST", "/v1/requests/"+text(requests[0], "id")+"/accept", nil)
	c.Call(t, 200, "POST", "/v1/requests/"+text(requests[0], "id")+"/complete", nil)
	execution(t, c, id, "succeeded")
	all := toldOnce(t, r, "request.created", "task.assigned", "task.completed", "request.accepted", "request.completed", "payment.handled")
	if want := `"data":{"payment":"pi_3Mt","status":"COMPLETED"}`; !strings.Contains(all["payment.handled"][0], want) {
		t.Errorf("told %s, want %s", all["payment.handled"][0], want)
	}
}

// A server that is killed again and again opens no request twice, forgets no wait, and
// tells of each once.
func TestKillLosesNoRequest(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.Admin()
	r := newReceiver(t, nil)
	c.Endpoint(t, r.URL, "profile", "nembl", "events", []string{"request.*", "task.*"})
	offering := c.Call(t, 201, "POST", "/v1/offerings", object{"name": "Laptop", "sla": object{"complete": "1h"}})
	w := c.Call(t, 201, "POST", "/v1/workflows", object{"name": "Laptops", "steps": []any{
		object{"id": "open", "uses": "request", "with": object{"offering": text(offering, "id")}},
		object{"id": "do", "uses": "task", "with": object{"title": "Do it", "assignee": "ada", "request": "{{ steps.open.output.id }}", "wait": true}},
	}})
	path := hookFor(t, c, "workflow", text(w, "id"))
	const calls = 20
	var ids []string
	for i := range calls {
		ids = append(ids, text(c.Call(t, 202, "POST", path, object{"n": i}), "executionId"))
		if i%5 == 2 {
			s.Kill()
			s.Start(t)
			c = s.Admin()
		}
	}
	completed := map[string]bool{}
	for round := 0; len(completed) < calls; round++ {
		var open []object
		eventually(t, func() error {
			if open = c.List(t, "/v1/tasks?status=ASSIGNED&assignee=ada"); len(open) == 0 {
				return fmt.Errorf("%d of %d tasks were there", len(completed), calls)
			}
			return nil
		})
		for _, task := range open {
			c.Call(t, 200, "POST", "/v1/tasks/"+text(task, "id")+"/complete", object{"output": round})
			completed[text(task, "id")] = true
		}
		if round < 3 {
			s.Kill()
			s.Start(t)
			c = s.Admin()
		}
	}
	for _, id := range ids {
		execution(t, c, id, "succeeded")
	}
	if requests := c.List(t, "/v1/requests"); len(requests) != calls {
		t.Errorf("%d calls opened %d requests", calls, len(requests))
	}
	if tasks := c.List(t, "/v1/tasks"); len(tasks) != calls {
		t.Errorf("%d calls opened %d tasks", calls, len(tasks))
	}
	// A delivery may come again after a kill, under the same id; an event is one id.
	want := map[string]int{"request.created": calls, "task.assigned": calls, "task.completed": calls}
	eventually(t, func() error {
		got, seen := map[string]int{}, map[string]bool{}
		for _, a := range r.Got() {
			var head struct{ Event string }
			if err := json.Unmarshal(a.Body, &head); err != nil {
				return err
			}
			if id := a.Header.Get("webhook-id"); !seen[id] {
				seen[id] = true
				got[head.Event]++
			}
		}
		if !maps.Equal(got, want) {
			return fmt.Errorf("told %v, want %v", got, want)
		}
		return nil
	})
}
