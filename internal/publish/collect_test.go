package publish

import (
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

func TestWhatAGroupHasInCommon(t *testing.T) {
	ev := &peal.Event{
		Type: "budget.warning", Severity: peal.High, Source: "gateway", Subject: "team-a",
		Data: []byte(`{"key":{"alias":"prod","id":12.50},"list":[1],"":"empty","n":null}`),
	}
	for name, want := range map[string]string{
		"type": "budget.warning", "severity": "high", "source": "gateway", "subject": "team-a",
		"data.key.alias": "prod", "data.key.id": "12.50", "data.key": `{"alias":"prod","id":12.50}`, "data.list": "[1]",
		"data.n": "", "data.none": "", "data.key.alias.more": "", "data.list.0": "",
	} {
		if got := labelOf(name, ev); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestGroupsAreToldApart(t *testing.T) {
	a, b := peal.NewEndpointID(time.Now()), peal.NewEndpointID(time.Now())
	seen := map[peal.GroupID]string{}
	for name, g := range map[string]*Group{
		"a digest":      newGroup(a, []label{}),
		"another's":     newGroup(b, []label{}),
		"by type":       newGroup(a, []label{{"type", "x"}}),
		"another type":  newGroup(a, []label{{"type", "y"}}),
		"two labels":    newGroup(a, []label{{"type", "x"}, {"subject", "y"}}),
		"the other way": newGroup(a, []label{{"type", "y"}, {"subject", "x"}}),
		"empty":         newGroup(a, []label{{"type", "x"}, {"subject", ""}}),
		"by subject":    newGroup(a, []label{{"subject", "x"}}),
		"quotes":        newGroup(a, []label{{"subject", `x","type":"y`}}),
	} {
		if other, twice := seen[g.ID]; twice {
			t.Errorf("%s and %s are one group", name, other)
		}
		seen[g.ID] = name
	}
	if g := newGroup(a, []label{{"type", "x"}, {"subject", "<&\x00"}}); g.Labels != `{"subject":"<&\u0000","type":"x"}` {
		t.Errorf("labels %s", g.Labels)
	}
	if again := newGroup(a, []label{{"type", "x"}}).ID; seen[again] != "by type" {
		t.Error("one group has two ids")
	}
}

func TestWhatIsCollected(t *testing.T) {
	grouping := peal.Grouping{Wait: peal.Duration(time.Minute), Interval: peal.Duration(time.Hour), RepeatInterval: peal.Duration(2 * time.Hour)}
	including := grouping
	including.IncludeCritical = true
	for name, c := range map[string]struct {
		grouping  *peal.Grouping
		severity  peal.Severity
		collected bool
	}{
		"alone":             {nil, peal.High, false},
		"grouped":           {&grouping, peal.High, true},
		"critical":          {&grouping, peal.Critical, false},
		"critical included": {&including, peal.Critical, true},
	} {
		ep := endpoint("curate-me", peal.Active)
		ep.Kind, ep.Grouping = "slack", c.grouping
		lanes, store := &ledger{}, &script{}
		p := newPublisher(t, store, lanes, ep)
		if _, err := p.Publish(t.Context(), Request{Org: peal.DefaultOrg, Inputs: []Input{{Type: "a", Severity: c.severity}}}); err != nil {
			t.Fatal(err)
		}
		d := store.commits[0].Events[0].Deliveries[0]
		if (d.Group != nil) != c.collected {
			t.Fatalf("%s: %+v", name, d)
		}
		if !c.collected {
			if lanes.asked != 1 || d.DedupKey != "curate-me" {
				t.Errorf("%s: %d places asked for, dedup by %q", name, lanes.asked, d.DedupKey)
			}
			continue
		}
		id := d.Group.ID.String()
		if lanes.asked != 0 || d.Owned || d.Group.Interval != time.Hour || d.Group.Opens.Sub(store.commits[0].Now) != time.Minute ||
			d.DedupKey != id || d.DedupReason != "repeat "+id || d.DedupWindow != 2*time.Hour {
			t.Errorf("%s: %+v %+v", name, d, d.Group)
		}
	}
}

func TestWhatRepeats(t *testing.T) {
	one := peal.Event{ID: peal.NewEventID(time.Now()), Type: "a", Subject: "s", Severity: peal.Info, Title: "t", Message: "m", Data: []byte(`{}`), Time: time.Now()}
	again := one
	again.ID, again.Time = peal.NewEventID(time.Now()), time.Now().Add(time.Hour)
	if fingerprint(&one) != fingerprint(&again) {
		t.Error("the same at another time is not a repeat")
	}
	for _, change := range []func(*peal.Event){
		func(e *peal.Event) { e.Type = "b" },
		func(e *peal.Event) { e.Subject = "" },
		func(e *peal.Event) { e.Severity = peal.High },
		func(e *peal.Event) { e.Title = "u" },
		func(e *peal.Event) { e.Message = "n" },
		func(e *peal.Event) { e.Data = []byte(`{"n":1}`) },
		func(e *peal.Event) { e.Title, e.Message = "tm", "" },
	} {
		other := one
		change(&other)
		if fingerprint(&one) == fingerprint(&other) {
			t.Errorf("%+v repeats", other)
		}
	}
}
