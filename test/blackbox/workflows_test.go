package blackbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/test/pgtest"
)

// What a definition names has to be the org's, and is told with its place where it is not.
func TestWorkflowsNameWhatIsThere(t *testing.T) {
	t.Parallel()
	c, other := sharedOrg(t), sharedOrg(t)
	r := newReceiver(t, nil)
	mine := text(c.Endpoint(t, r.URL), "id")
	theirs := text(other.Endpoint(t, r.URL), "id")
	offering := text(other.Call(t, 201, "POST", "/v1/offerings", object{"name": "Theirs"}), "id")
	other.Call(t, 200, "PUT", "/v1/secrets/THEIRS", object{"value": "of-the-other"})
	create := func(status int, kind, with string) object {
		t.Helper()
		return c.Call(t, status, "POST", "/v1/workflows", "name: Test\nsteps:\n  - id: a\n    uses: "+kind+"\n    with:\n      "+with, "Content-Type", "application/yaml")
	}
	create(201, "notify", "{endpoint: "+mine+", title: x}")
	create(201, "notify", "{endpoint: \"{{ webhook.body.to }}\", title: x}")
	for _, bad := range []struct{ kind, with, want string }{
		{"notify", "{title: x, endpoint: " + theirs + "}", "line 6, column 28: there is no endpoint " + theirs},
		{"notify", "{title: x, endpoint: ep_01h455vb4pex5vsknk084sn02q}", "line 6, column 28: there is no endpoint"},
		{"request", "{offering: " + offering + "}", "line 6, column 18: there is no offering " + offering},
		{"http", "{url: \"" + r.URL + "/{{ secrets.THEIRS }}\"}", "line 6, column 13: there is no secret THEIRS"},
		{"publish", "{type: x, data: {t: \"{{ secrets.THEIRS }}\"}}", "line 6, column 27: {{ secrets.THEIRS }}: a publish step keeps what it takes"},
	} {
		if got := text(create(400, bad.kind, bad.with), "detail"); !strings.HasPrefix(got, bad.want) {
			t.Errorf("%s %s\n got %s\nwant %s", bad.kind, bad.with, got, bad.want)
		}
	}
}

// A secret is set by an admin, used by a step, and read by nobody: not in answers, in the
// audit trail, in what is kept of executions, or in the server's log.
func TestSecretsOfWorkflows(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := newOrg(t, s)
	const value = "s3cr3t-token-of-the-org"
	seen := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen <- r.Header.Get("Authorization") + " " + r.URL.Query().Get("key") + " " + string(body)
		w.Header().Set("Set-Cookie", "session=of-the-answer")
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"echo":"` + value + `","fine":"yes"}`))
	}))
	t.Cleanup(receiver.Close)

	var kept []string
	call := func(status int, who *caller, method, path string, body any) object {
		t.Helper()
		out := who.Call(t, status, method, path, body)
		doc, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, string(doc))
		return out
	}
	viewer := c.As(text(c.Call(t, 201, "POST", "/v1/keys", object{"name": "v", "role": "viewer"}), "key"))
	viewer.Call(t, 403, "PUT", "/v1/secrets/TOKEN", object{"value": value})
	call(200, c, "PUT", "/v1/secrets/TOKEN", object{"value": value + "-old"})
	if made := call(200, c, "PUT", "/v1/secrets/TOKEN", object{"value": value}); text(made, "name") != "TOKEN" {
		t.Errorf("made %v", made)
	}
	call(400, c, "PUT", "/v1/secrets/no-name", object{"value": value})
	call(400, c, "PUT", "/v1/secrets/SHORT", object{"value": "short"})
	call(404, c, "DELETE", "/v1/secrets/GONE", nil)
	if list := viewer.List(t, "/v1/secrets"); len(list) != 1 || text(list[0], "name") != "TOKEN" || list[0]["value"] != nil {
		t.Errorf("listed %v", list)
	}

	steps := []any{
		step("call", "http", object{
			"url": receiver.URL + "/?key={{ secrets.TOKEN }}", "headers": object{"Authorization": "Bearer {{ secrets.TOKEN }}"},
			"body": object{"token": "{{ secrets.TOKEN }}"},
		}),
		step("tell", "publish", object{"type": "echo", "data": object{"echo": "{{ steps.call.output.body.echo }}"}}),
		step("fail", "http", object{"url": "ftp://{{ secrets.TOKEN }}/"}),
	}
	w := call(201, c, "POST", "/v1/workflows", object{"name": "Test", "steps": steps})
	hook := call(201, c, "POST", "/v1/hooks", object{"name": "Test", "workflow": text(w, "id"), "verification": object{"enabled": false}})
	run := func() object {
		t.Helper()
		id := text(call(202, c, "POST", "/v1/webhooks/inbound/"+text(hook, "id"), object{}), "executionId")
		x := c.finished(t, id)
		call(200, viewer, "GET", "/v1/executions/"+id, nil)
		return x
	}
	x := run()
	if text(x, "status") != "failed" || text(x, "failed_step") != "fail" {
		t.Errorf("ended %v", x)
	}
	if got := <-seen; got != "Bearer "+value+" "+value+` {"token":"`+value+`"}` {
		t.Errorf("the receiver got %s", got)
	}
	call(200, viewer, "GET", "/v1/events", nil)
	trail := call(200, c, "GET", "/v1/audit", nil)
	if doc, _ := json.Marshal(trail); !strings.Contains(string(doc), "secret.created") || !strings.Contains(string(doc), "secret.updated") {
		t.Errorf("the audit trail is %s", doc)
	}
	c.Call(t, 204, "DELETE", "/v1/secrets/TOKEN", nil)
	if x := run(); !strings.Contains(text(x, "error"), "there is no secrets.TOKEN") {
		t.Errorf("without the secret: %v", x)
	}
	kept = append(kept, string(s.log.All()))
	for _, text := range kept {
		if strings.Contains(text, value) || strings.Contains(text, "of-the-answer") {
			t.Errorf("a secret is told: %s", text)
		}
	}
	if all := strings.Join(kept, "\n"); !strings.Contains(all, `"echo":"***"`) || !strings.Contains(all, `"fine":"yes"`) {
		t.Errorf("what is kept is\n%s", all)
	}
}

// A cancel reaches a step that another node has under way, also inside of a parallel.
func TestNodesCutOffWhatOthersCancel(t *testing.T) {
	t.Parallel()
	database := pgtest.Schema(t)
	nodes := []*caller{newNode(t, database).Admin(), newNode(t, database).Admin()}
	called, cut := make(chan struct{}, 10), make(chan time.Time, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body) // so that the end of the connection is noticed
		called <- struct{}{}
		<-r.Context().Done()
		cut <- time.Now()
	}))
	t.Cleanup(receiver.Close)
	hang := object{"id": "hang", "uses": "http", "timeout": "1m", "with": object{"url": receiver.URL}}
	for _, steps := range [][]any{
		{hang},
		{step("both", "parallel", object{"branches": []any{[]any{hang}, []any{step("wait", "wait", object{"for": "1h"})}}})},
	} {
		hook, _, _ := nodes[0].hook(t, steps, "verification", object{"enabled": false})
		for i, node := range nodes { // each runs what it took in
			id := text(node.Call(t, 202, "POST", "/v1/webhooks/inbound/"+hook, object{}), "executionId")
			<-called
			at := time.Now()
			nodes[1-i].Call(t, 200, "POST", "/v1/executions/"+id+"/cancel", nil)
			if late := (<-cut).Sub(at); late > 5*time.Second {
				t.Errorf("the step was cut off after %s", late)
			}
			if x := node.finished(t, id); text(x, "status") != "cancelled" {
				t.Errorf("ended %v", x)
			}
		}
	}
}
