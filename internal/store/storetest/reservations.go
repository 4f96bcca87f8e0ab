package storetest

import (
	"time"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

// limitTests are of what goes by the minute or the record, and reservationTests of what is
// asked first.
var limitTests = map[string]func(*Fixture){
	"opens and closes circuits": func(f *Fixture) {
		b := f.Books("nolxy", peal.Rule{
			Kind: peal.RuleCircuit, Failures: 3, Window: peal.Duration(time.Minute), Cooldown: peal.Duration(30 * time.Second),
		})
		start := f.Now()
		at := func(seconds int, failed bool) {
			b.Use(governance.Record{Route: "chat", Requests: 1, Failed: failed, Time: start.Add(time.Duration(seconds) * time.Second)})
		}
		at(0, true)
		at(1, true)
		at(70, true) // the first two are history
		at(80, true)
		at(80, false)
		at(90, true) // opens
		at(95, true)
		at(100, false) // it was under way
		at(121, true)  // the probe fails
		at(130, false)
		at(152, false) // the probe succeeds
		at(153, true)
		at(154, true)
		b.wantTold([]string{`circuit.open "chat" 3`, `circuit.closed "chat" 62000`}, "routeId", "failureCount", "recoveryTime")
		at(155, true)
		if got := b.Told(); len(got) != 3 {
			f.Errorf("the next outage: %v", got)
		}
	},
	"limits requests and tokens a minute": func(f *Fixture) {
		limit := peal.Rule{Kind: peal.RuleRateLimit, Scope: peal.ScopeKey, RPM: 3, TPM: 1000}
		b := f.Books("curate-me", limit)
		ask := func(key string, tokens int64) *governance.Reservation {
			r := b.Ask("0")
			r.Key, r.Tokens = key, tokens
			return b.Reserve(r)
		}
		for range 3 {
			if r := ask("k", 10); r.Status != governance.Allowed {
				f.Errorf("got %+v", r)
			}
		}
		for range 3 {
			if r := ask("k", 10); r.Status != governance.Denied || r.BlockedBy != "rate_limit" {
				f.Errorf("got %+v", r)
			}
		}
		if r := ask("k2", 1001); r.Status != governance.Denied {
			f.Errorf("tokens: %+v", r)
		}
		f.Pass(time.Minute)
		if r := ask("k", 10); r.Status != governance.Allowed {
			f.Errorf("the next minute: %+v", r)
		}
		b.Use(governance.Record{Key: "k", Requests: 3})
		b.wantTold([]string{
			`guardrail.triggered "rate_limit" 4 3 "gpt-4.1"`, `guardrail.triggered "rate_limit" 1001 1000 "gpt-4.1"`, `guardrail.triggered "rate_limit" 4 3`,
		}, "guardrail", "current_count", "rpm_limit", "tpm_limit", "model")
	},
	"tells Nemo of repeated hits": func(f *Fixture) {
		b := f.Books("nemo", peal.Rule{Kind: peal.RuleRateLimit, Scope: peal.ScopeKey, RPM: 1})
		for range 12 {
			r := b.Ask("0")
			r.Key = "k"
			b.Reserve(r)
		}
		f.Pass(5 * time.Minute)
		for range 7 {
			r := b.Ask("0")
			r.Key = "k"
			b.Reserve(r)
		}
		want := `rate_limit.repeated "k" "rpm" 1 5 300`
		b.wantTold([]string{want, want}, "key_alias", "limit_type", "limit", "hits", "window_seconds")
	},
}

var reservationTests = map[string]func(*Fixture){
	"holds, settles, releases and expires": func(f *Fixture) {
		b := f.Books("curate-me", dailyBudget("10"))
		f.Check(b.TopUp("100"))
		first, second := b.Reserve(b.Ask("6")), b.Reserve(b.Ask("5"))
		if first.Status != governance.Allowed || second.Status != governance.Denied || second.BlockedBy != "daily_budget" {
			f.Errorf("got %+v and %+v", first, second)
		}
		b.wantTold([]string{`budget.exceeded "daily_budget" 6 10 5`}, "blocked_by", "daily_spent", "daily_budget", "estimated_cost")
		_, err := b.Close(first.ID, governance.Settle, "4")
		f.Check(err)
		_, err = b.Close(first.ID, governance.Settle, "4")
		f.Check(err) // said again
		_, err = b.Close(first.ID, governance.Settle, "5")
		f.WantCode(err, peal.CodeConflict)
		_, err = b.Close(first.ID, governance.Release, "0")
		f.WantCode(err, peal.CodeConflict)
		third := b.Reserve(b.Ask("6"))
		r, err := b.Close(third.ID, governance.Release, "0")
		f.Check(err)
		if r.Status != governance.Released {
			f.Errorf("got %+v", r)
		}
		fourth := b.Reserve(b.Ask("6"))
		b.wantAccount("100", "4", "6")
		f.Pass(9 * time.Minute)
		b.expire()
		b.wantAccount("100", "4", "6")
		f.Pass(time.Minute)
		b.expire()
		b.wantAccount("100", "4", "0")
		// The money of one that expired is spent all the same.
		_, err = b.Close(fourth.ID, governance.Settle, "5.5")
		f.Check(err)
		b.wantAccount("100", "9.5", "0")
		if r := b.Reserve(b.Ask("0.51")); r.Status != governance.Denied {
			f.Errorf("got %+v", r)
		}
		_, err = b.Close(peal.NewReservationID(f.Now()), governance.Settle, "1")
		f.WantCode(err, peal.CodeNotFound)
		mine := f.Org
		f.Org = "other"
		_, err = f.Books("").Close(fourth.ID, governance.Settle, "5.5")
		f.Org = mine
		f.WantCode(err, peal.CodeNotFound)
	},
	"settles in the reservation's own period": func(f *Fixture) {
		b := f.Books("curate-me", dailyBudget("10"))
		f.Pass(11*time.Hour + 55*time.Minute) // 23:55
		r := b.Reserve(b.Ask("6"))
		f.Pass(8 * time.Minute)
		if next := b.Reserve(b.Ask("9")); next.Status != governance.Allowed {
			f.Errorf("the next day: %+v", next)
		}
		_, err := b.Close(r.ID, governance.Settle, "6")
		f.Check(err)
		b.wantTold([]string{"budget.warning 50 6"}, "threshold_percent", "daily_spent")
	},
	"asks a person": func(f *Fixture) {
		b := f.Books("curate-me", peal.Rule{Kind: peal.RuleApproval, Threshold: Amount("10")}, dailyBudget("100"))
		if r := b.Reserve(b.Ask("10")); r.Status != governance.Allowed {
			f.Errorf("at the threshold: %+v", r)
		}
		asked := b.Reserve(b.Ask("12.5"))
		if asked.Status != governance.Waiting || !asked.NeedsApproval {
			f.Errorf("got %+v", asked)
		}
		_, err := b.Close(asked.ID, governance.Settle, "1")
		f.WantCode(err, peal.CodeConflict)
		r, err := b.Close(asked.ID, governance.Approve, "0")
		f.Check(err)
		if r.Status != governance.Allowed || r.DecidedBy != "ada" || !r.ExpiresAt.Equal(f.Now().Add(10*time.Minute)) {
			f.Errorf("approved: %+v", r)
		}
		_, err = b.Close(asked.ID, governance.Deny, "0")
		f.WantCode(err, peal.CodeConflict)
		f.Pass(time.Second)
		denied := b.Reserve(b.Ask("20"))
		f.Pass(time.Second)
		late := b.Reserve(b.Ask("30"))
		r, err = b.Close(denied.ID, governance.Deny, "0")
		f.Check(err)
		if r.Status != governance.Denied || r.BlockedBy != "approval" {
			f.Errorf("denied: %+v", r)
		}
		f.Pass(time.Hour)
		_, err = b.Close(late.ID, governance.Approve, "0")
		f.WantCode(err, peal.CodeConflict)
		b.expire()
		_, err = b.Close(late.ID, governance.Settle, "30")
		f.WantCode(err, peal.CodeConflict)
		rows, next, err := f.L.Approvals(f.Ctx, f.Org, "", peal.Page{Limit: 2})
		if err != nil || len(rows) != 2 || next == "" {
			f.Fatalf("%d approvals, %q, %v", len(rows), next, err)
		}
		if rest, next, err := f.L.Approvals(f.Ctx, f.Org, "", peal.Page{Limit: 2, Cursor: next}); err != nil || len(rest) != 1 || rest[0].ID != asked.ID || next != "" {
			f.Errorf("the next page: %v, %q, %v", rest, next, err)
		}
		b.wantTold([]string{
			"approval.requested 12.5 10", "approval.requested 20 10", "approval.requested 30 10",
			`approval.decided "approved" 12.5`, `approval.decided "denied" 20`, `approval.decided "expired" 30`,
		}, "decision", "estimated_cost", "hitl_threshold")
	},
}
