package blackbox

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// curl runs a command as its documentation prints it, with other hosts, keys and
// ids (pairs of old and new), and gives status and body.
func curl(t *testing.T, name string, env []string, pairs ...string) *answer {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		required(t, "curl is not installed")
	}
	raw, err := os.ReadFile(filepath.Join("testdata/curl", name+".sh"))
	if err != nil {
		t.Fatal(err)
	}
	script := strings.NewReplacer(pairs...).Replace(strings.TrimSpace(string(raw)))
	cmd := exec.Command("sh", "-c", script+` --silent --show-error --write-out '\n%{http_code}'`)
	cmd.Env = append(environment(), env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	cut := strings.LastIndexByte(string(out), '\n')
	a := &answer{Body: out[:cut]}
	if _, err := fmt.Sscan(string(out[cut+1:]), &a.Status); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestNemoDocumentsCommands(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	receiver := newReceiver(t, nil)
	pairs := []string{
		"https://api.nemorouter.ai", s.URL,
		"sk-nemo-your-key", adminKey,
		"https://hooks.your-app.com/nemo", receiver.URL + "/nemo",
	}

	tested := curl(t, "nemo-channel-test", nil, pairs...)
	if o := tested.Object(t); tested.Status != 200 || o["success"] != true {
		t.Fatalf("the test of a channel: %d %s", tested.Status, tested.Body)
	}
	var sent object
	decode(t, receiver.Wait(t, 1)[0].Body, &sent)
	details, _ := sent["details"].(object)
	if text(sent, "severity") != "INFO" || details["test"] != true {
		t.Errorf("the test's payload: %v", sent)
	}

	made := curl(t, "nemo-channel-new", nil, pairs...)
	if made.Status/100 != 2 {
		t.Fatalf("a new channel: %d %s", made.Status, made.Body)
	}
	c := s.Admin()
	c.Publish(t, "balance.low", object{"current_balance": 4.27, "threshold": 10},
		"severity", "high", "title", "Budget depletion warning", "message", "Org acme-inc is below $10 in credits.")
	got := receiver.Wait(t, 2)[1]
	want := `{"details":{"current_balance":4.27,"threshold":10},"message":"Org acme-inc is below $10 in credits.",` +
		`"service":"nemo-backend","severity":"HIGH","title":"[Nemo Router] Budget depletion warning"}`
	if string(got.Body) != want {
		t.Errorf("got  %s\nwant %s", got.Body, want)
	}
	if got.Path != "/nemo" || got.Header.Get("X-Custom-Header") != "optional" {
		t.Errorf("path %s, headers %v", got.Path, got.Header)
	}
	verified(t, "nemo", "whsec_a-long-random-string", got)
}

func TestCurateMeDocumentsCommands(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	receiver := newReceiver(t, nil)
	env := []string{"TOKEN=" + c.Key, "ORG_ID=" + c.Org}
	pairs := []string{
		"https://api.curate-me.ai", c.URL,
		"https://your-app.com", receiver.URL,
	}

	made := curl(t, "curate-me-create", env, pairs...)
	if made.Status != 201 {
		t.Fatalf("create: %d %s", made.Status, made.Body)
	}
	webhook := made.Object(t)
	id := text(webhook, "id")
	if !strings.HasPrefix(id, "wh_") || text(webhook, "status") != "active" || text(webhook, "created_at") == "" ||
		text(webhook, "url") != receiver.URL+"/webhooks/curate-me" || len(webhook["events"].([]any)) != 5 {
		t.Errorf("create answered %v", webhook)
	}
	pairs = append(pairs, "wh_abc123", id)

	listed := curl(t, "curate-me-list", env, pairs...)
	if listed.Status != 200 || strings.Count(string(listed.Body), id) != 1 {
		t.Errorf("list: %d %s", listed.Status, listed.Body)
	}

	updated := curl(t, "curate-me-update", env, pairs...)
	if updated.Status != 200 {
		t.Fatalf("update: %d %s", updated.Status, updated.Body)
	}
	c.Publish(t, "budget.warning", object{"no longer": "subscribed"})
	event := c.Publish(t, "budget.exceeded", object{"blocked_by": "daily_budget"})
	got := receiver.Wait(t, 1)[0]
	if got.Path != "/webhooks/v2/curate-me" {
		t.Errorf("delivered to %s after the update", got.Path)
	}
	verified(t, "curate-me", "whsec_your_signing_secret", got)
	c.Delivery(t, text(event, "id"), "succeeded")

	history := curl(t, "curate-me-deliveries", env, pairs...)
	if history.Status != 200 {
		t.Fatalf("deliveries: %d %s", history.Status, history.Body)
	}
	o := history.Object(t)
	rows := list(o, "deliveries")
	if len(rows) != 1 || number(t, o, "total") != 1 || text(rows[0], "event_type") != "budget.exceeded" ||
		text(rows[0], "status") != "succeeded" || number(t, rows[0], "status_code") != 200 || number(t, rows[0], "retry_count") != 0 {
		t.Errorf("history: %s", history.Body)
	}

	deleted := curl(t, "curate-me-delete", env, pairs...)
	if deleted.Status/100 != 2 {
		t.Fatalf("delete: %d %s", deleted.Status, deleted.Body)
	}
	c.Call(t, 404, "GET", "/v1/endpoints/"+id, nil)
}

// The Nemo document refuses plain HTTP and internal addresses when a channel is made.
func TestNemoRefusesPlainHTTP(t *testing.T) {
	t.Parallel()
	s := newServer(t, []string{}...)
	target := httptest.NewServer(nil)
	defer target.Close()
	for _, name := range []string{"nemo-channel-new", "nemo-channel-test"} {
		a := curl(t, name, nil, "https://api.nemorouter.ai", s.URL, "sk-nemo-your-key", adminKey,
			"https://hooks.your-app.com/nemo", target.URL)
		if a.Status != 400 {
			t.Errorf("%s with an internal address over http: %d %s", name, a.Status, a.Body)
		}
	}
}
