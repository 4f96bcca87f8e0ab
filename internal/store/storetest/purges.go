package storetest

import (
	"time"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/settings"
	"github.com/peal-dev/peal/internal/store"
)

const day = 24 * time.Hour

// byDay tells whether the database drops what is old by the day.
func (f *Fixture) byDay() bool { return f.DB.Dialect() == store.PostgreSQL }

// purge purges until nothing is old any more.
func (f *Fixture) purge(r janitor.Retention) (n int) {
	f.Helper()
	for {
		k, err := f.Q.Purge(f.Ctx, r, f.Now())
		f.Check(err)
		if n += k; k == 0 {
			return n
		}
	}
}

var purgeTests = map[string]func(*Fixture){
	"deletes what is old and no more": func(f *Fixture) {
		ep, paused := f.Endpoint(), f.Endpoint()
		event := func(id string, ep peal.EndpointID) *publish.NewEvent {
			e := Own(f.Event(ep))
			e.Event.ClientID = id
			c := f.Commit(e)
			c.Key = &publish.IdempotencyKey{Key: id, Expires: f.Now().Add(day)}
			f.Check(f.Submit(c)[0])
			return e
		}
		waits := event("waits", paused)
		old := event("old", ep)
		var bulk []*publish.NewEvent
		for range 450 { // more than two chunks
			e := f.Event(ep)
			e.Deliveries[0].Status = peal.Dropped
			bulk = append(bulk, e)
		}
		f.Accept(bulk...)
		f.Check(f.Record(f.Outcome(f.Job(old, 0), peal.Succeeded, 200))[0])
		_, err := f.S.Write(f.Ctx, settings.Write{Audit: []settings.AuditEntry{{Org: f.Org, Time: f.Now()}}})
		f.Check(err)
		f.Pass(50 * day)
		young := event("young", ep)
		young.Deliveries[0].Status = peal.Pending
		f.Check(f.Record(f.Outcome(f.Job(young, 0), peal.Succeeded, 200))[0])

		keep := janitor.Retention{Deliveries: 30 * day, Events: 90 * day, Audit: 60 * day}
		f.purge(keep)
		_, err = f.Q.Delivery(f.Ctx, f.Org, old.Deliveries[0].ID)
		f.WantCode(err, peal.CodeNotFound)
		f.Delivery(young.Deliveries[0].ID)
		f.Delivery(waits.Deliveries[0].ID)
		if _, err := f.Q.Event(f.Ctx, f.Org, "old"); err != nil {
			f.Errorf("an event of 50 days: %v", err)
		}
		if rows, total, err := f.Q.DeliveriesOffset(f.Ctx, f.Org, ep, 0, 10); err != nil || total != 1 || len(rows) != 1 {
			f.Errorf("history: %d of %d, %v", len(rows), total, err)
		}
		f.Pass(45 * day)
		f.purge(keep)
		_, err = f.Q.Event(f.Ctx, f.Org, "old")
		f.WantCode(err, peal.CodeNotFound)
		for _, id := range []string{"waits", "young"} {
			if _, err := f.Q.Event(f.Ctx, f.Org, id); err != nil {
				f.Errorf("event %s: %v", id, err)
			}
		}
		if events, _, err := f.Q.Events(f.Ctx, peal.EventFilter{Org: f.Org}, peal.Page{}); err != nil || len(events) != 2 {
			f.Errorf("%d events, %v", len(events), err)
		}
		if s, err := f.Q.Stats(f.Ctx, f.Org, ep, f.Now().Add(-365*day), f.Now()); err != nil || s.Total.Attempts != 1 {
			f.Errorf("stats %+v, %v", s.Total, err)
		}
		if s, err := f.Q.OrgStats(f.Ctx, f.Org, f.Now().Add(-365*day), f.Now(), 10); err != nil || s.Total.Attempts != 1 || len(s.Endpoints) != 1 || s.Endpoints[0].Attempts != 1 {
			f.Errorf("the org's stats %+v, %v", s, err)
		}
		if audit, _, err := f.S.Audit(f.Ctx, f.Org, peal.Page{}); err != nil || len(audit) != 0 {
			f.Errorf("audit %v, %v", audit, err)
		}
		// The ids and keys of what is gone are free again.
		again := event("old", ep)
		if again.Duplicate {
			f.Error("a purged id is still taken")
		}
		if n := f.purge(keep); n != 0 {
			f.Errorf("%d more were purged", n)
		}
	},

	"keeps for a shorter time what an org says": func(f *Fixture) {
		ep, paused := f.Endpoint(), f.Endpoint()
		keep := janitor.Retention{Deliveries: 30 * day, Events: 90 * day, Orgs: []janitor.OrgRetention{
			{Org: "aaa", Deliveries: time.Hour}, {Org: "brief", Deliveries: 36 * time.Hour, Events: 3 * day}, {Org: "long", Deliveries: 60 * day},
		}}
		type kept struct{ dead, waits, late *publish.NewEvent }
		orgs := map[string]*kept{}
		for _, org := range []string{"brief", "long", "other"} {
			f.Org = org
			k := &kept{Own(f.Event(ep)), Own(f.Event(paused)), Own(f.Event(ep))}
			for i, e := range []*publish.NewEvent{k.dead, k.waits, k.late} {
				e.Event.ClientID = []string{"dead", "waits", "late"}[i]
			}
			f.Accept(k.dead, k.waits, k.late)
			var bulk []*publish.NewEvent
			for range 450 { // more than two chunks
				e := f.Event(ep)
				e.Deliveries[0].Status = peal.Dropped
				bulk = append(bulk, e)
			}
			f.Accept(bulk...)
			f.Check(f.Record(f.Outcome(f.Job(k.dead, 0), peal.Dead, 500))[0])
			orgs[org] = k
		}
		f.Pass(day)
		for org, k := range orgs {
			f.Org = org
			f.Check(f.Record(f.Outcome(f.Job(k.late, 0), peal.Succeeded, 200))[0])
		}
		check := func(when string, want map[string]int, events map[string]int) {
			f.Helper()
			for _, org := range []string{"brief", "long", "other"} {
				n, have := 0, 0
				for cursor := ""; ; {
					page, next, err := f.Q.Deliveries(f.Ctx, peal.DeliveryFilter{Org: org}, peal.Page{Cursor: cursor, Limit: 100})
					f.Check(err)
					if n += len(page); next == "" {
						break
					}
					cursor = next
				}
				for cursor := ""; ; {
					page, next, err := f.Q.Events(f.Ctx, peal.EventFilter{Org: org}, peal.Page{Cursor: cursor, Limit: 100})
					f.Check(err)
					if have += len(page); next == "" {
						break
					}
					cursor = next
				}
				if n != want[org] || have != events[org] {
					f.Errorf("%s: %s has %d deliveries and %d events, want %d and %d", when, org, n, have, want[org], events[org])
				}
			}
		}
		f.Pass(13 * time.Hour) // 37 hours
		f.purge(keep)
		check("after 37 hours", map[string]int{"brief": 2, "long": 453, "other": 453}, map[string]int{"brief": 453, "long": 453, "other": 453})
		f.Pass(36 * time.Hour) // 73 hours
		f.purge(keep)
		check("after 73 hours", map[string]int{"brief": 1, "long": 453, "other": 453}, map[string]int{"brief": 1, "long": 453, "other": 453})
		f.Org = "brief"
		if d := f.Delivery(orgs["brief"].waits.Deliveries[0].ID); d.ClientID != "waits" {
			f.Errorf("what waits is %+v", d)
		}
		again := f.Event(ep)
		again.Event.ClientID = "dead"
		if f.Accept(again); again.Duplicate {
			f.Error("a purged id is still taken")
		}
		if n := f.purge(keep); n != 0 {
			f.Errorf("%d more were purged", n)
		}
	},

	"comes to everything in turns": func(f *Fixture) {
		ep := f.Endpoint()
		var old []*publish.NewEvent
		for range 3000 { // more than a turn of every kind deletes
			e := f.Event(ep)
			e.Deliveries[0].Status = peal.Dropped
			old = append(old, e)
		}
		f.Accept(old...)
		_, err := f.S.Write(f.Ctx, settings.Write{Audit: []settings.AuditEntry{{Org: f.Org, Time: f.Now()}}})
		f.Check(err)
		f.Pass(100 * day)
		for range 8 { // the kinds that there are
			_, err := f.Q.Purge(f.Ctx, janitor.Retention{Deliveries: 30 * day, Events: 90 * day, Audit: 60 * day}, f.Now())
			f.Check(err)
		}
		if audit, _, err := f.S.Audit(f.Ctx, f.Org, peal.Page{}); err != nil || len(audit) != 0 {
			f.Errorf("audit %v, %v", audit, err)
		}
		if _, total, err := f.Q.DeliveriesOffset(f.Ctx, f.Org, ep, 0, 1); err != nil || total == 0 && !f.byDay() {
			f.Errorf("%d deliveries left, %v", total, err)
		}
	},

	"looks for few deliveries at a time": func(f *Fixture) {
		endpoints := make([]peal.EndpointID, 500)
		for i := range endpoints {
			endpoints[i] = f.Endpoint()
		}
		const events = 8
		for range events {
			e := f.Event(endpoints...)
			for _, d := range e.Deliveries {
				d.Status = peal.Dropped
			}
			f.Accept(e)
		}
		f.Pass(100 * day)
		left := func() int {
			f.Helper()
			all, _, err := f.Q.Events(f.Ctx, peal.EventFilter{Org: f.Org}, peal.Page{})
			f.Check(err)
			return len(all)
		}
		for before := events; ; {
			n, err := f.Q.Purge(f.Ctx, janitor.Retention{Deliveries: 30 * day, Events: 90 * day}, f.Now())
			f.Check(err)
			now := left()
			if before-now > 2 && !f.byDay() {
				f.Fatalf("%d events at once, with 500 deliveries each", before-now)
			}
			if before = now; n == 0 {
				break
			}
		}
		if n := left(); n != 0 {
			f.Errorf("%d events are left", n)
		}
	},
}
