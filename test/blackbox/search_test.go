package blackbox

import (
	"fmt"
	"strings"
	"testing"
)

// A text is found in a type, subject, title, message or data, however far back, a page at a
// time.
func TestSearchOfEvents(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.Admin()
	c.Call(t, 202, "POST", "/v1/events", []object{
		{"type": "oldest", "data": object{"model": "GPT-4.1"}}, {"type": "gpt-4.1.used", "data": object{}},
	})
	for range 3 {
		var noise []object
		for i := range 500 {
			noise = append(noise, object{"type": "noise", "data": object{"i": i}})
		}
		c.Call(t, 202, "POST", "/v1/events", noise)
	}
	c.Call(t, 202, "POST", "/v1/events", object{"type": "newest", "title": "About gpt-4.1", "data": object{}})
	var found []string
	path := "/v1/events?text=gpt-4.1&limit=1"
	for pages := 0; ; pages++ {
		page := c.Call(t, 200, "GET", path, nil)
		for _, row := range page["data"].([]any) {
			found = append(found, text(row.(object), "type"))
		}
		cursor, more := page["next_cursor"].(string)
		if more != (text(page, "searched_back_to") != "") {
			t.Errorf("a page says %v and %v", page["next_cursor"], page["searched_back_to"])
		}
		if !more {
			break
		}
		if pages > 10 {
			t.Fatal("the search does not end")
		}
		path = "/v1/events?text=gpt-4.1&limit=1&cursor=" + cursor
	}
	if got := fmt.Sprint(found); got != "[newest gpt-4.1.used oldest]" {
		t.Errorf("found %s", got)
	}
	if rows := c.List(t, "/v1/events?text=gpt-4.1&type=gpt-4.1.*"); len(rows) != 1 {
		t.Errorf("of the types: %v", rows)
	}
	stdout, stderr, code := peal(t, "events", "list", "--text", "GPT-4.1", "--url", s.URL, "--key", c.Key)
	if code != 0 || strings.Count(stdout, "\n") != 4 || !strings.Contains(stdout, "oldest") {
		t.Errorf("peal events list --text: %d\n%s%s", code, stdout, stderr)
	}
}

// Dead letters that are given up are cancelled, stand in the audit log, and can still be
// retried.
func TestDiscardedDeadLetters(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.Admin()
	r := newReceiver(t, func(n int) int {
		if n > 3 {
			return 200
		}
		return 500
	})
	c.Endpoint(t, r.URL, "retry", object{"schedule": []string{}})
	for _, kind := range []string{"order.paid", "order.sent", "parcel.lost"} {
		c.Call(t, 202, "POST", "/v1/events", object{"type": kind, "data": object{}})
	}
	var dead []object
	eventually(t, func() error {
		if dead = c.List(t, "/v1/deliveries?status=dead"); len(dead) != 3 {
			return fmt.Errorf("%d dead letters", len(dead))
		}
		return nil
	})
	if got := c.Call(t, 200, "POST", "/v1/discards", object{"filter": object{"type": "order.*"}}); fmt.Sprintf("%v %v", got["deliveries"], got["finished"]) != "2 true" {
		t.Errorf("discarded %v", got)
	}
	if got := c.Call(t, 200, "POST", "/v1/discards", object{"deliveries": []any{dead[0]["id"], dead[1]["id"], dead[2]["id"]}}); fmt.Sprintf("%v %v", got["deliveries"], got["finished"]) != "1 true" {
		t.Errorf("discarded the rest: %v", got)
	}
	if rows := c.List(t, "/v1/deliveries?status=dead"); len(rows) != 0 {
		t.Errorf("left: %v", rows)
	}
	rows := c.List(t, "/v1/deliveries?status=cancelled")
	for _, row := range rows {
		if row["reason"] != "discarded" {
			t.Errorf("cancelled: %v", row)
		}
	}
	deeds := 0
	for _, entry := range c.List(t, "/v1/audit") {
		if entry["action"] == "deliveries.discard" {
			deeds++
		}
	}
	if len(rows) != 3 || deeds != 2 {
		t.Errorf("%d are cancelled, by %d deeds", len(rows), deeds)
	}
	id := text(dead[0], "id")
	c.Call(t, 202, "POST", "/v1/deliveries/"+id+"/retry", nil)
	eventually(t, func() error {
		if got := c.Call(t, 200, "GET", "/v1/deliveries/"+id, nil); got["status"] != "succeeded" {
			return fmt.Errorf("it is %v", got["status"])
		}
		return nil
	})
}
