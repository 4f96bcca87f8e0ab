package storetest

import (
	"time"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/settings"
)

const day = 24 * time.Hour

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

		purge := func() (n int) {
			f.Helper()
			for {
				k, err := f.Q.Purge(f.Ctx, janitor.Retention{Deliveries: 30 * day, Events: 90 * day, Audit: 60 * day}, f.Now())
				f.Check(err)
				if n += k; k == 0 {
					return n
				}
			}
		}
		purge()
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
		purge()
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
		if audit, _, err := f.S.Audit(f.Ctx, f.Org, peal.Page{}); err != nil || len(audit) != 0 {
			f.Errorf("audit %v, %v", audit, err)
		}
		// The ids and keys of what is gone are free again.
		again := event("old", ep)
		if again.Duplicate {
			f.Error("a purged id is still taken")
		}
		if n := purge(); n != 0 {
			f.Errorf("%d more were purged", n)
		}
	},

	"comes to everything in turns": func(f *Fixture) {
		ep := f.Endpoint()
		var old []*publish.NewEvent
		for range 2000 { // more than a turn of every kind deletes
			e := f.Event(ep)
			e.Deliveries[0].Status = peal.Dropped
			old = append(old, e)
		}
		f.Accept(old...)
		_, err := f.S.Write(f.Ctx, settings.Write{Audit: []settings.AuditEntry{{Org: f.Org, Time: f.Now()}}})
		f.Check(err)
		f.Pass(100 * day)
		for range 6 { // the kinds that there are
			_, err := f.Q.Purge(f.Ctx, janitor.Retention{Deliveries: 30 * day, Events: 90 * day, Audit: 60 * day}, f.Now())
			f.Check(err)
		}
		if audit, _, err := f.S.Audit(f.Ctx, f.Org, peal.Page{}); err != nil || len(audit) != 0 {
			f.Errorf("audit %v, %v", audit, err)
		}
		if _, total, err := f.Q.DeliveriesOffset(f.Ctx, f.Org, ep, 0, 1); err != nil || total == 0 {
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
			if before-now > 2 {
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
