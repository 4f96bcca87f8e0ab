package blackbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// object is a decoded JSON object; numbers are json.Number.
type object = map[string]any

// caller calls a server with one key in one org.
type caller struct {
	URL, Key, Org string
}

// newOrg makes an org and a caller with the admin key in it; fields are pairs that
// go into the request.
func newOrg(t *testing.T, s *server, fields ...any) *caller {
	t.Helper()
	id := fmt.Sprintf("t-%08x", rand.Uint32())
	s.Admin().Call(t, 201, "POST", "/v1/orgs", with(object{"id": id, "name": t.Name()}, fields...))
	return &caller{URL: s.URL, Key: adminKey, Org: id}
}

// with adds pairs of keys and values to an object.
func with(o object, pairs ...any) object {
	for i := 0; i < len(pairs); i += 2 {
		o[pairs[i].(string)] = pairs[i+1]
	}
	return o
}

// As is a caller of the same org with another key.
func (c *caller) As(key string) *caller { return &caller{URL: c.URL, Key: key, Org: c.Org} }

// answer is a server's response, read to its end.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request. The body is nil, bytes or a string as they are, or anything
// else as JSON. Headers come in pairs.
func (c *caller) Do(method, path string, body any, headers ...string) (*answer, error) {
	var raw []byte
	switch b := body.(type) {
	case nil:
	case []byte:
		raw = b
	case string:
		raw = []byte(b)
	default:
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(context.Background(), method, c.URL+path, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	if c.Org != "" {
		req.Header.Set("X-Org-ID", c.Org)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := plain.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	return &answer{Status: res.StatusCode, Header: res.Header, Body: text}, nil
}

// Try sends a request and expects an answer, whatever it says.
func (c *caller) Try(t *testing.T, method, path string, body any, headers ...string) *answer {
	t.Helper()
	a, err := c.Do(method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// Call sends a request, expects a status, and gives the answer's JSON object. What
// is refused must be a problem with a stable type.
func (c *caller) Call(t *testing.T, status int, method, path string, body any, headers ...string) object {
	t.Helper()
	a := c.Try(t, method, path, body, headers...)
	if a.Status != status {
		t.Fatalf("%s %s: got %d, want %d: %s", method, path, a.Status, status, clip(a.Body))
	}
	if status == 204 || len(a.Body) == 0 {
		return nil
	}
	o := a.Object(t)
	if status >= 400 {
		if kind := a.Header.Get("Content-Type"); kind != "application/problem+json" {
			t.Errorf("%s %s: a refusal of type %q", method, path, kind)
		}
		if text(o, "type") == "" || text(o, "title") == "" || o["status"] != json.Number(fmt.Sprint(status)) {
			t.Errorf("%s %s: not a problem of RFC 9457: %s", method, path, a.Body)
		}
	}
	return o
}

// Object decodes the answer.
func (a *answer) Object(t *testing.T) object {
	t.Helper()
	var o object
	decode(t, a.Body, &o)
	return o
}

// List reads a list to its end, page by page.
func (c *caller) List(t *testing.T, path string) []object {
	t.Helper()
	var all []object
	for cursor := ""; ; {
		page := path
		if cursor != "" {
			sep := "?"
			if strings.Contains(path, "?") {
				sep = "&"
			}
			page += sep + "cursor=" + url.QueryEscape(cursor)
		}
		o := c.Call(t, 200, "GET", page, nil)
		all = append(all, list(o, "data")...)
		next, more := o["next_cursor"].(string)
		if !more {
			return all
		}
		cursor = next
	}
}

// Endpoint makes an endpoint for a URL; fields are pairs that go into the request.
func (c *caller) Endpoint(t *testing.T, url string, fields ...any) object {
	t.Helper()
	return c.Call(t, 201, "POST", "/v1/endpoints", with(object{"url": url}, fields...))
}

// Publish publishes an event of a type; fields are pairs that go into the request.
func (c *caller) Publish(t *testing.T, eventType string, data any, fields ...any) object {
	t.Helper()
	return c.Call(t, 202, "POST", "/v1/events", with(object{"type": eventType, "data": data}, fields...))
}

// Delivery waits until the only delivery of an event has one of the states.
func (c *caller) Delivery(t *testing.T, event string, states ...string) object {
	t.Helper()
	var d object
	eventually(t, func() error {
		all := c.List(t, "/v1/events/"+url.PathEscape(event)+"/deliveries")
		if len(all) != 1 {
			return fmt.Errorf("event %s has %d deliveries", event, len(all))
		}
		d = all[0]
		for _, s := range states {
			if text(d, "status") == s {
				return nil
			}
		}
		return fmt.Errorf("the delivery is %v, want one of %q", d, states)
	})
	return c.Call(t, 200, "GET", "/v1/deliveries/"+text(d, "id"), nil)
}

// patience bounds every wait for something that must happen.
const patience = 60 * time.Second

// eventually repeats a check until it holds.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	within(t, patience, check)
}

// within repeats a check until it holds, and tells how long that took.
func within(t *testing.T, limit time.Duration, check func() error) time.Duration {
	t.Helper()
	for since := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := check()
		took := time.Since(since)
		if err == nil {
			return took
		}
		if took > limit {
			t.Fatalf("not within %s: %v", limit, err)
		}
	}
}

func decode(t *testing.T, raw []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		t.Fatalf("not JSON: %v: %s", err, clip(raw))
	}
}

// text is a string member of an object, empty where it is none.
func text(o object, key string) string {
	s, _ := o[key].(string)
	return s
}

// number is an integer member of an object.
func number(t *testing.T, o object, key string) int {
	t.Helper()
	n, ok := o[key].(json.Number)
	if !ok {
		t.Fatalf("%q is not a number in %v", key, o)
	}
	i, err := n.Int64()
	if err != nil {
		t.Fatal(err)
	}
	return int(i)
}

// list is an array of objects in an object.
func list(o object, key string) []object {
	items, _ := o[key].([]any)
	out := make([]object, 0, len(items))
	for _, item := range items {
		if m, ok := item.(object); ok {
			out = append(out, m)
		}
	}
	return out
}

func clip(b []byte) []byte { return b[:min(len(b), 2000)] }
