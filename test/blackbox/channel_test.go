package blackbox

import (
	"encoding/json"
	"strings"
	"testing"
)

// words are all strings in a JSON document.
func words(t *testing.T, body []byte) string {
	t.Helper()
	var doc any
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	var out []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		case map[string]any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	walk(doc)
	return strings.Join(out, "\n")
}

// Messages to people go the way of webhooks: retried, recorded, shown, without secrets.
func TestMessagesToPeople(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"slack", "teams"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := sharedOrg(t)
			r := newReceiver(t, func(n int) int { return map[bool]int{true: 500, false: 200}[n == 1] })
			ep := c.Call(t, 201, "POST", "/v1/endpoints", object{
				"type": kind, "url": r.URL + "/services/hush-hush", "events": []string{"budget.*"}, "retry": object{"schedule": []string{"100ms"}},
			})
			if ep["url"] != r.URL+"/***" {
				t.Errorf("the URL is shown as %v", ep["url"])
			}
			event := c.Publish(t, "budget.exceeded", object{
				"blocked_by": "daily_budget", "daily_spent": 1048.1234, "daily_budget": 1000, "model": "<!channel> *m* [x](https://evil.example)",
			})
			got := r.Wait(t, 2)
			for _, a := range got {
				all := words(t, a.Body)
				for _, want := range []string{"Daily budget exceeded", "$1,048.12", "HIGH"} {
					if !strings.Contains(all, want) {
						t.Errorf("%q is not in %s", want, a.Body)
					}
				}
				if strings.Contains(all, "<!channel>") && kind == "slack" {
					t.Errorf("a mention: %s", a.Body)
				}
				if a.Path != "/services/hush-hush" || a.Header.Get("webhook-id") != text(event, "id") || string(a.Body) != string(got[0].Body) {
					t.Errorf("%s %v %s", a.Path, a.Header, a.Body)
				}
			}
			d := c.Delivery(t, text(event, "id"), "succeeded")
			path := "/v1/deliveries/" + text(d, "id")
			if payload := c.Try(t, "GET", path+"/payload", nil); payload.Status != 200 || string(payload.Body) != string(got[0].Body) {
				t.Errorf("payload: status %d, %s", payload.Status, payload.Body)
			}
			for _, shown := range []string{path, "/v1/endpoints", "/v1/endpoints/" + text(ep, "id"), "/nemo/channel/list"} {
				if a := c.Try(t, "GET", shown, nil); a.Status != 200 || strings.Contains(string(a.Body), "hush-hush") {
					t.Errorf("%s: status %d, %s", shown, a.Status, a.Body)
				}
			}
		})
	}
}
