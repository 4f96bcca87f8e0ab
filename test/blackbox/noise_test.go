package blackbox

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// 1,000 events become a handful of messages, and every one of them is accounted for, also
// where the server is killed while it collects.
func TestAFloodIsAHandfulOfMessages(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.Admin()
	r := newReceiver(t, nil)
	ep := text(c.Call(t, 201, "POST", "/v1/endpoints", object{
		"type": "slack", "config": object{"url": r.URL + "/services/x"},
		"group": object{"by": []string{"type"}, "wait": "2s", "interval": "3s", "repeat_interval": "1h"},
	}), "id")

	const events, batch = 1000, 50
	start := time.Now()
	for i := 0; i < events; i += batch {
		var list []object
		for n := i; n < i+batch; n++ {
			// Every tenth tells what another told before it.
			list = append(list, object{"type": "flood." + string(rune('a'+n%3)), "data": object{"n": n - n%10/9*3}})
		}
		c.Call(t, 202, "POST", "/v1/events", list)
		time.Sleep(200 * time.Millisecond) // a minute's flood, faster
		if i == events/2 {
			s.Kill()
			s.Start(t)
			c.URL = s.URL
		}
	}
	took := time.Since(start)
	var rows []object
	eventually(t, func() error {
		rows = c.List(t, "/v1/deliveries?endpoint="+ep)
		for _, row := range rows {
			if status := text(row, "status"); status != "succeeded" && status != "suppressed" {
				return fmt.Errorf("delivery %v is %s", row["id"], status)
			}
		}
		return nil
	})
	if len(rows) != events {
		t.Fatalf("%d deliveries of %d events", len(rows), events)
	}
	groups := map[string]object{}
	for _, g := range c.List(t, "/v1/groups?endpoint="+ep) {
		groups[text(g, "id")] = g
	}
	told, suppressed := 0, 0
	for _, row := range rows {
		id := text(row, "group_id")
		if groups[id] == nil {
			t.Fatalf("%v is of no group", row)
		}
		if text(row, "status") == "succeeded" {
			if told++; told == 1 {
				attempts := list(c.Call(t, 200, "GET", "/v1/deliveries/"+text(row, "id"), nil), "attempts")
				if n := number(t, attempts[len(attempts)-1], "events"); n < 2 {
					t.Errorf("its message told %d events", n)
				}
			}
			continue
		}
		if suppressed++; text(row, "reason") != "repeat "+id {
			t.Errorf("suppressed for %q", text(row, "reason"))
		}
	}
	if len(groups) != 3 || suppressed != events/10 || told != events-suppressed {
		t.Errorf("%d groups, %d told, %d suppressed", len(groups), told, suppressed)
	}
	total := 0
	for id, g := range groups {
		n := number(t, g, "total_events")
		if total += n; len(c.List(t, "/v1/groups/"+id+"/deliveries?status=succeeded")) != n {
			t.Errorf("the group of %v does not list its %d events", g["labels"], n)
		}
	}
	if total != told {
		t.Errorf("the groups count %d events, %d were told", total, told)
	}
	// Each group has a message at its start and one each interval after that.
	messages := r.Got()
	if most := 3 * (2 + int((took+2*time.Second)/(3*time.Second))); len(messages) < 3 || len(messages) > most {
		t.Errorf("%d messages in %s, want at most %d", len(messages), took, most)
	}
	for _, m := range messages {
		if !strings.Contains(string(m.Body), "events") {
			t.Errorf("a message that does not say how many events it tells: %.300s", m.Body)
		}
	}
	t.Logf("%d events in %s: %d messages", events, took.Round(time.Millisecond), len(messages))
}

// What comes in mute hours or under a silence is kept as suppressed, with what did it;
// what is critical passes the hours.
func TestQuiet(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, nil)
	ep := c.Endpoint(t, r.URL, "mute_hours", object{"windows": []object{{"from": "00:00", "until": "24:00"}}, "time_zone": "Asia/Tokyo"})
	c.Call(t, 202, "POST", "/v1/events", object{"type": "a", "severity": "high", "data": object{}})
	c.Call(t, 202, "POST", "/v1/events", object{"type": "a", "severity": "critical", "data": object{}})
	r.Wait(t, 1)
	silence := text(c.Call(t, 201, "POST", "/v1/silences", object{
		"match": object{"severities": []string{"critical"}}, "until": time.Now().Add(time.Hour).Format(time.RFC3339), "comment": "maintenance",
	}), "id")
	o := c.Call(t, 202, "POST", "/v1/events", object{"type": "a", "severity": "critical", "data": object{}})
	if n := number(t, o, "deliveries"); n != 0 {
		t.Errorf("%d deliveries under a silence", n)
	}
	got := map[string]int{}
	for _, row := range c.List(t, "/v1/deliveries?status=suppressed&endpoint="+text(ep, "id")) {
		got[text(row, "reason")]++
	}
	if len(got) != 2 || got["mute_hours"] != 1 || got["silence "+silence] != 1 {
		t.Errorf("suppressed: %v", got)
	}
	c.Call(t, 204, "DELETE", "/v1/silences/"+silence, nil)
	c.Call(t, 202, "POST", "/v1/events", object{"type": "a", "severity": "critical", "data": object{}})
	r.Wait(t, 2)
}
