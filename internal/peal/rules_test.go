package peal

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern Pattern
		event   string
		want    bool
	}{
		{"*", "budget.exceeded", true},
		{"*", "budget_hierarchy_alert", true},
		{"*", "endpoint.disabled", false},
		{"*", "delivery.dead", false},
		{"endpoint.*", "endpoint.disabled", true},
		{"delivery.dead", "delivery.dead", true},
		{"budget.*", "budget.exceeded", true},
		{"budget.*", "budget", false},
		{"budget.*", "budget_hierarchy_alert", false},
		{"cost_anomaly.*", "cost_anomaly.hourly_spike", true},
		{"a.b.*", "a.b.c.d", true},
		{"budget.exceeded", "budget.exceeded", true},
		{"budget.exceeded", "Budget.exceeded", false},
	} {
		if err := CheckPattern(string(c.pattern)); err != nil {
			t.Errorf("CheckPattern(%q): %v", c.pattern, err)
		}
		if got := c.pattern.Match(c.event); got != c.want {
			t.Errorf("%q.Match(%q) = %v, want %v", c.pattern, c.event, got, c.want)
		}
	}
	for _, bad := range []string{"", ".*x", "b*", "*.b", "a.*.b", "a b", "**", "a.**", strings.Repeat("a", 129)} {
		if CheckPattern(bad) == nil {
			t.Errorf("CheckPattern(%q) took it", bad)
		}
	}
}

func TestNoPatternsTakeWhatTheStarTakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.StringMatching(`(endpoint|delivery|budget)\.[a-z]{1,5}`).Draw(t, "type")
		if MatchAny(nil, typ) != MatchAny([]Pattern{"*"}, typ) {
			t.Fatalf("no patterns and * differ on %q", typ)
		}
	})
}

func TestEventValidate(t *testing.T) {
	valid := func() *Event { return &Event{Type: "a.b", ClientID: "order-1", Source: "gw", Subject: "42"} }
	for name, change := range map[string]func(*Event){
		"as it is":                  func(*Event) {},
		"id of the server's form":   func(e *Event) { e.ClientID = NewEventID(time.Now()).String() },
		"U+FFFD, which is a letter": func(e *Event) { e.Subject, e.ClientID = "a\uFFFD", "\uFFFD" },
	} {
		ev := valid()
		change(ev)
		if err := ev.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, spoil := range map[string]func(*Event){
		"no type":                func(e *Event) { e.Type = "" },
		"type with a space":      func(e *Event) { e.Type = "a b" },
		"long type":              func(e *Event) { e.Type = strings.Repeat("a", 129) },
		"line break in id":       func(e *Event) { e.ClientID = "a\r\nX-Evil: 1" },
		"long subject":           func(e *Event) { e.Subject = strings.Repeat("s", MaxFieldLen+1) },
		"broken UTF-8 in source": func(e *Event) { e.Source = "\xff" },
		"broken UTF-8 in title":  func(e *Event) { e.Title = "\xff" },
	} {
		ev := valid()
		spoil(ev)
		if err := ev.Validate(); CodeOf(err) != CodeInvalid {
			t.Errorf("%s: Validate() = %v, want an invalid error", name, err)
		}
	}
}

func TestWaitFollowsTheSchedule(t *testing.T) {
	p := RetryPolicy{Schedule: []time.Duration{time.Second, 2 * time.Second}}
	for _, c := range []struct {
		tries      int
		retryAfter time.Duration
		want       time.Duration
		again      bool
	}{
		{0, 0, 0, false},
		{1, 0, time.Second, true},
		{2, 0, 2 * time.Second, true},
		{3, 0, 0, false},
		{1, time.Minute, time.Minute, true},
		{2, time.Second, 2 * time.Second, true},
		{1, 48 * time.Hour, MaxRetryAfter, true},
	} {
		got, again := p.Wait(c.tries, c.retryAfter, 0.5)
		if got != c.want || again != c.again {
			t.Errorf("Wait(%d, %s) = %s, %v, want %s, %v", c.tries, c.retryAfter, got, again, c.want, c.again)
		}
	}
}

func TestJitterStaysInItsShare(t *testing.T) {
	p := RetryPolicy{Schedule: []time.Duration{time.Hour}, Jitter: 0.1}
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.Float64Range(0, 0.999999).Draw(t, "random")
		got, again := p.Wait(1, 0, r)
		if !again || got < 54*time.Minute || got > 66*time.Minute {
			t.Fatalf("Wait = %s, %v", got, again)
		}
	})
}

func TestOverrideReplacesOnlyWhatItNames(t *testing.T) {
	p := RetryPolicy{Schedule: []time.Duration{time.Second}, Jitter: 0.1, Timeout: 10 * time.Second, Exhausted: Dropped}
	if got := p.With(&RetryOverride{Timeout: Duration(time.Second)}); got.Timeout != time.Second || len(got.Schedule) != 1 || got.Exhausted != Dropped {
		t.Errorf("a timeout alone gave %+v", got)
	}
	if got := p.With(&RetryOverride{Schedule: []Duration{}}); len(got.Schedule) != 0 || got.Exhausted != Dropped || got.Timeout != p.Timeout {
		t.Errorf("an empty schedule gave %+v", got)
	}
	if got := p.With(&RetryOverride{Schedule: []Duration{Duration(time.Minute)}}); len(got.Schedule) != 1 || got.Exhausted != Dead {
		t.Errorf("a schedule gave %+v", got)
	}
	if got := p.With(nil); len(got.Schedule) != 1 || got.Jitter != 0.1 {
		t.Errorf("no override gave %+v", got)
	}
}

func TestRetryOverrideBounds(t *testing.T) {
	for name, o := range map[string]*RetryOverride{
		"zero wait":    {Schedule: []Duration{0}},
		"long wait":    {Schedule: []Duration{Duration(MaxRetryWait + 1)}},
		"many":         {Schedule: make([]Duration, MaxRetries+1)},
		"long timeout": {Timeout: Duration(MaxTimeout + 1)},
		"tiny timeout": {Timeout: 1},
	} {
		if CodeOf(o.Validate()) != CodeInvalid {
			t.Errorf("%s: Validate took %+v", name, o)
		}
	}
}

func TestRolesIncludeTheOnesBefore(t *testing.T) {
	order := []Role{Viewer, Publisher, Admin}
	for i, r := range order {
		for j, need := range order {
			if got := r.Includes(need); got != (i >= j) {
				t.Errorf("%s.Includes(%s) = %v", r, need, got)
			}
		}
	}
	if Role("root").Includes(Viewer) || Role("").Valid() {
		t.Error("an unknown role may do something")
	}
}

func TestLiveSecretsEndWithTheirOverlap(t *testing.T) {
	now := time.Unix(1000, 0)
	ep := &Endpoint{Private: Private{Secrets: []SigningSecret{
		{Value: "new"}, {Value: "old", ExpiresAt: now.Add(time.Second)}, {Value: "gone", ExpiresAt: now},
	}}}
	got := ep.LiveSecrets(now)
	if len(got) != 2 || got[0] != "new" || got[1] != "old" {
		t.Errorf("LiveSecrets = %v", got)
	}
}

func TestOrgIDs(t *testing.T) {
	for _, ok := range []string{"default", "a", "acme-inc_2", strings.Repeat("a", 64)} {
		if err := CheckOrgID(ok); err != nil {
			t.Errorf("CheckOrgID(%q): %v", ok, err)
		}
	}
	for _, bad := range []string{"", "Acme", "a b", "a/b", strings.Repeat("a", 65)} {
		if CheckOrgID(bad) == nil {
			t.Errorf("CheckOrgID(%q) took it", bad)
		}
	}
}
