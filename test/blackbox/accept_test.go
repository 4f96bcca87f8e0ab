package blackbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, nil)
	c.Endpoint(t, r.URL)
	body := object{"type": "order.paid", "data": object{"n": 1}}
	first := c.Call(t, 202, "POST", "/v1/events", body, "Idempotency-Key", "k1")
	again := c.Call(t, 202, "POST", "/v1/events", body, "Idempotency-Key", "k1")
	if first["duplicate"] != false || again["duplicate"] != true || first["id"] != again["id"] || first["deliveries"] != again["deliveries"] {
		t.Errorf("first %v, again %v", first, again)
	}
	c.Call(t, 422, "POST", "/v1/events", object{"type": "order.paid", "data": object{"n": 2}}, "Idempotency-Key", "k1")

	batch := []object{body, body}
	c.Call(t, 202, "POST", "/v1/events", batch, "Idempotency-Key", "k2")
	for _, o := range list(c.Call(t, 202, "POST", "/v1/events", batch, "Idempotency-Key", "k2"), "data") {
		if o["duplicate"] != true {
			t.Errorf("the repeated batch answered %v", o)
		}
	}
	// What comes after them was not overtaken by a second copy of them.
	c.Publish(t, "order.done", object{})
	eventually(t, func() error {
		if got := r.Got(); len(got) < 4 {
			return fmt.Errorf("%d of 4 arrived", len(got))
		}
		return nil
	})
	if all := c.List(t, "/v1/deliveries"); len(all) != 4 {
		t.Errorf("%d deliveries, want 4", len(all))
	}
	// Another org's keys are its own.
	other := sharedOrg(t)
	if o := other.Call(t, 202, "POST", "/v1/events", body, "Idempotency-Key", "k1"); o["duplicate"] != false || o["id"] == first["id"] {
		t.Errorf("another org, the same key: %v", o)
	}
}

// A batch that was accepted is answered alike when it is repeated, though by now it would
// make too many deliveries; a new one of the kind is refused.
func TestARepeatedBatchIsNotTooLarge(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	const events, endpoints = 1000, 21
	batch := slices.Repeat([]object{{"type": "order.paid", "data": object{}}}, events)
	first := c.Call(t, 202, "POST", "/v1/events", batch, "Idempotency-Key", "big")
	for range endpoints {
		c.Endpoint(t, "http://127.0.0.1:9/none")
	}
	for i, o := range list(c.Call(t, 202, "POST", "/v1/events", batch, "Idempotency-Key", "big"), "data") {
		if o["duplicate"] != true || o["id"] != list(first, "data")[i]["id"] {
			t.Fatalf("event %d: %v", i, o)
		}
	}
	c.Call(t, 413, "POST", "/v1/events", batch, "Idempotency-Key", "new")
	c.Call(t, 413, "POST", "/v1/events", batch)
	c.Call(t, 202, "POST", "/v1/events", batch[:1], "Idempotency-Key", "new") // what was refused used no key
}

func TestConcurrentRequestsWithOneKey(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	body := object{"type": "order.paid", "data": object{"n": 1}}
	answers := make([]*answer, 20)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			a, err := c.Do("POST", "/v1/events", body, "Idempotency-Key", "race")
			if err != nil {
				t.Error(err)
				return
			}
			answers[i] = a
		})
	}
	wg.Wait()
	ids, fresh := map[string]bool{}, 0
	for _, a := range answers {
		if a == nil || a.Status != 202 {
			t.Fatalf("answered %v", a)
		}
		o := a.Object(t)
		ids[text(o, "id")] = true
		if o["duplicate"] == false {
			fresh++
		}
	}
	if len(ids) != 1 || fresh != 1 {
		t.Errorf("%d ids, %d times accepted as new", len(ids), fresh)
	}
}

func TestClientsOwnID(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	first := c.Publish(t, "order.paid", object{"n": 1}, "id", "order 1/ü")
	again := c.Publish(t, "order.paid", object{"n": 1}, "id", "order 1/ü")
	if text(first, "id") != "order 1/ü" || first["duplicate"] != false || again["duplicate"] != true || again["id"] != first["id"] {
		t.Errorf("first %v, again %v", first, again)
	}
	c.Call(t, 422, "POST", "/v1/events", object{"type": "order.paid", "data": object{"n": 2}, "id": "order 1/ü"})
	if o := sharedOrg(t).Publish(t, "order.paid", object{"n": 2}, "id", "order 1/ü"); o["duplicate"] != false {
		t.Errorf("the same id in another org: %v", o)
	}
	if ev := c.Call(t, 200, "GET", "/v1/events/order%201%2F%C3%BC", nil); text(ev, "id") != "order 1/ü" {
		t.Errorf("read back: %v", ev)
	}
}

func TestBatchIsAllOrNothing(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	good := object{"type": "order.paid", "data": object{}}
	c.Call(t, 400, "POST", "/v1/events", []object{good, {"type": "no spaces allowed", "data": object{}}})
	if all := c.List(t, "/v1/events"); len(all) != 0 {
		t.Errorf("a refused batch left %d events", len(all))
	}
	o := c.Call(t, 202, "POST", "/v1/events", []object{with(object{"id": "a"}, "type", "x", "data", object{}), with(object{"id": "b"}, "type", "x", "data", object{})})
	if data := list(o, "data"); len(data) != 2 || text(data[0], "id") != "a" || text(data[1], "id") != "b" {
		t.Errorf("the batch answered %v", o)
	}
}

func TestDedupWindow(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	window, plain := newReceiver(t, nil), newReceiver(t, nil)
	c.Endpoint(t, window.URL, "profile", "curate-me")
	c.Endpoint(t, plain.URL)
	first := c.Publish(t, "guardrail.triggered", object{"n": 1})
	second := c.Publish(t, "guardrail.triggered", object{"n": 2})
	third := c.Publish(t, "agent.failed", object{"n": 3})
	for i, want := range []int{2, 1, 2} {
		if got := number(t, []object{first, second, third}[i], "deliveries"); got != want {
			t.Errorf("event %d has %d deliveries, want %d", i+1, got, want)
		}
	}
	plain.Wait(t, 3)
	window.Wait(t, 2)
	suppressed := c.List(t, "/v1/deliveries?status=suppressed")
	if len(suppressed) != 1 || text(suppressed[0], "event_id") != text(second, "id") || text(suppressed[0], "reason") == "" {
		t.Fatalf("suppressed: %v", suppressed)
	}
	// By hand it goes out all the same.
	c.Call(t, 202, "POST", "/v1/deliveries/"+text(suppressed[0], "id")+"/retry", nil)
	window.Wait(t, 3)
	// The window is the org's own.
	other := sharedOrg(t)
	other.Endpoint(t, window.URL, "profile", "curate-me")
	other.Publish(t, "guardrail.triggered", object{"n": 4})
	window.Wait(t, 4)
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	data := func(v string) string { return `{"type":"x","data":` + v + `}` }
	for name, test := range map[string]struct {
		status int
		body   string
	}{
		"too large":                  {413, data(`{"a":"` + strings.Repeat("a", 300<<10) + `"}`)},
		"far too large":              {413, data(`{"a":"` + strings.Repeat("a", 40<<20) + `"}`)},
		"depth 129":                  {400, data(`{"a":` + strings.Repeat("[", 128) + strings.Repeat("]", 128) + `}`)},
		"a depth bomb":               {400, data(`{"a":` + strings.Repeat("[", 200_000))},
		"a depth bomb of objects":    {400, data(strings.Repeat(`{"a":`, 40_000))},
		"a batch of depth bombs":     {400, `[` + strings.Repeat(strings.Repeat("[", 1000), 100)},
		"a duplicate key":            {400, data(`{"a":1,"a":2}`)},
		"a duplicate key, escaped":   {400, data(`{"a":1,"\u0061":2}`)},
		"a duplicate key, deep down": {400, data(`{"a":[{"b":1,"b":1}]}`)},
		"a duplicate field":          {400, `{"type":"x","data":{},"type":"x"}`},
		"NaN":                        {400, data(`{"a":NaN}`)},
		"Infinity":                   {400, data(`{"a":-Infinity}`)},
		"beyond a double's range":    {400, data(`{"a":1e400}`)},
		"an integer of 4301 digits":  {400, data(`{"a":` + strings.Repeat("9", 4301) + `}`)},
		"invalid UTF-8":              {400, data("{\"a\":\"\xff\"}")},
		"overlong UTF-8":             {400, data("{\"a\":\"\xc0\xaf\"}")},
		"a lone surrogate":           {400, data(`{"a":"\ud800"}`)},
		"a control character":        {400, data("{\"a\":\"\x01\"}")},
		"a leading zero":             {400, data(`{"a":01}`)},
		"a trailing comma":           {400, data(`{"a":1,}`)},
		"a comment":                  {400, data(`{"a":1/**/}`)},
		"something after the end":    {400, data(`{}`) + `{}`},
		"nothing":                    {400, ``},
		"data that is no object":     {400, data(`[1]`)},
		"no type":                    {400, `{"data":{}}`},
		"an empty batch":             {400, `[]`},
		"an unknown severity":        {400, `{"type":"x","data":{},"severity":"huge"}`},
	} {
		t.Run(name, func(t *testing.T) {
			c.Call(t, test.status, "POST", "/v1/events", test.body)
		})
	}
	if all := c.List(t, "/v1/events"); len(all) != 0 {
		t.Errorf("%d refused events were kept", len(all))
	}
}

func TestWhatIsAtTheLimit(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	for name, data := range map[string]string{
		"large":             `{"a":"` + strings.Repeat("a", 250<<10) + `"}`,
		"deep":              `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
		"a long integer":    `{"a":` + strings.Repeat("9", 300) + `}`,
		"a surrogate pair":  `{"a":"\ud83d\ude00"}`,
		"odd but legal":     `{"":0,"\u0000":"\u2028","a":-0.0,"b":1E-300}`,
		"space all over":    " { \"a\" :\t[ 1 ,\r\n 2 ] } ",
		"an almost-key":     `{"a":1,"A":2}`,
		"the empty object":  `{}`,
		"one hundred fours": `{"a":0.` + strings.Repeat("4", 100) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			c.Call(t, 202, "POST", "/v1/events", `{"type":"x","data":`+data+`}`)
		})
	}
}

func TestCloudEvents(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, nil)
	c.Endpoint(t, r.URL, "profile", "curate-me", "events", []string{"*"})
	event := func(n int) object {
		return object{
			"specversion": "1.0", "id": fmt.Sprintf("ce-%d", n), "source": "/tests", "type": fmt.Sprintf("ce.type%d", n),
			"subject": "s", "time": "2026-05-04T14:23:00Z", "data": object{"n": json.Number("12345678901234567890")},
		}
	}
	c.Call(t, 202, "POST", "/v1/events", event(1), "Content-Type", "application/cloudevents+json")
	c.Call(t, 202, "POST", "/v1/events", []object{event(2), event(3)}, "Content-Type", "application/cloudevents-batch+json")
	c.Call(t, 202, "POST", "/v1/events", `{"n":12345678901234567890}`, "ce-specversion", "1.0", "ce-id", "ce-4",
		"ce-source", "/tests", "ce-type", "ce.type4", "ce-subject", "s", "ce-time", "2026-05-04T14:23:00Z")
	seen := map[string]bool{}
	for _, a := range r.Wait(t, 4) {
		var o object
		decode(t, a.Body, &o)
		n := strings.TrimPrefix(text(o, "id"), "ce-")
		seen[n] = true
		want := `{"id":"ce-` + n + `","specversion":"1.0","type":"ce.type` + n +
			`","source":"/tests","time":"2026-05-04T14:23:00Z","data":{"n":12345678901234567890}}`
		if string(a.Body) != want {
			t.Errorf("got  %s\nwant %s", a.Body, want)
		}
	}
	if len(seen) != 4 {
		t.Errorf("arrived: %v", seen)
	}
}

func TestOwnSchemaIsEnforced(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	schema := object{"type": "object", "required": []string{"total"}, "properties": object{"total": object{"type": "number"}}}
	c.Call(t, 201, "POST", "/v1/event-types", object{"name": "invoice.paid", "description": "paid", "schema": schema})
	c.Publish(t, "invoice.paid", object{"total": 1})
	c.Call(t, 400, "POST", "/v1/events", object{"type": "invoice.paid", "data": object{"total": "much"}})
	// The catalogue documents; it refuses nothing.
	c.Publish(t, "quota.warning", object{"nothing": "of what the catalogue says"})
}
