package storetest

import (
	"errors"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/peal"
)

var recordTests = map[string]func(*Fixture){
	"come before a release that follows them": func(f *Fixture) {
		e := Own(f.Event(f.Endpoint()))
		f.Accept(e)
		recorded := make(chan error, 1)
		o := f.Outcome(f.Job(e, 0), peal.Succeeded, 200)
		o.Done = func(err error) { recorded <- err }
		f.Q.Record(o) // lingers
		f.Check(f.Q.Release(f.Ctx, nil))
		f.Check(<-recorded)
		if got := f.Delivery(e.Deliveries[0].ID); got.Status != peal.Succeeded {
			f.Errorf("it is %s", got.Status)
		}
	},

	"finishes an owned delivery": func(f *Fixture) {
		e := Own(f.Event(f.Endpoint()))
		f.Accept(e)
		o := f.Outcome(f.Job(e, 0), peal.Succeeded, 200)
		f.Pass(time.Second)
		o.Now = f.Now()
		f.Check(f.Record(o)[0])
		f.Reopen()
		want := &peal.Delivery{
			ID: e.Deliveries[0].ID, Org: f.Org, EventID: e.Event.ID, EventType: "order.created", EndpointID: e.Deliveries[0].Endpoint,
			Status: peal.Succeeded, AttemptCount: 1, LastStatusCode: 200,
			CreatedAt: e.Deliveries[0].ID.Time(), FinishedAt: f.Now(), Attempts: []peal.Attempt{*o.Attempt},
		}
		if diff := cmp.Diff(want, f.Delivery(want.ID)); diff != "" {
			f.Fatalf("delivery (-want +got):\n%s", diff)
		}
	},

	"is fenced by the owner": func(f *Fixture) {
		e := f.Event(f.Endpoint(), f.Endpoint(), f.Endpoint())
		Own(e)
		e.Deliveries[2].Owned = false
		f.Accept(e)
		f.Check(f.Q.Cancel(f.Ctx, f.Org, e.Deliveries[1].ID, f.Now()))
		job := f.Job(e, 0)
		raising := f.Outcome(f.Job(e, 1), peal.Dead, 500)
		raising.Raised = []peal.Raised{{Org: f.Org, Type: "delivery.dead", Data: []byte("{}")}}
		errs := f.Record(
			f.Outcome(job, peal.Succeeded, 200), f.Outcome(job, peal.Succeeded, 200),
			raising, f.Outcome(f.Job(e, 2), peal.Retrying, 500),
		)
		for i, want := range []error{nil, dispatch.ErrFenced, dispatch.ErrFenced, dispatch.ErrFenced} {
			if !errors.Is(errs[i], want) {
				f.Errorf("record %d: got %v, want %v", i, errs[i], want)
			}
		}
		if d := f.Delivery(e.Deliveries[1].ID); d.Status != peal.Cancelled || d.AttemptCount != 0 {
			f.Errorf("cancelled: %+v", d)
		}
		if d := f.Delivery(e.Deliveries[2].ID); d.Status != peal.Pending || d.AttemptCount != 0 {
			f.Errorf("waiting: %+v", d)
		}
		if rows, err := f.Q.Raised(f.Ctx, 10); err != nil || len(rows) != 0 {
			f.Errorf("a fenced record raised %v, %v", rows, err)
		}
	},

	"cannot be written by the session before": func(f *Fixture) {
		e := Own(f.Event(f.Endpoint()))
		f.Accept(e)
		before := f.Q
		session := f.DB.Session()
		f.Reopen()
		if f.DB.Session() <= session {
			f.Fatalf("session %d after %d", f.DB.Session(), session)
		}
		done := make(chan error, 1)
		o := f.Outcome(f.Job(e, 0), peal.Succeeded, 200)
		o.Done = func(err error) { done <- err }
		before.Record(o)
		if err := <-done; err == nil {
			f.Error("a closed database recorded")
		}
		if err := f.Record(o)[0]; !errors.Is(err, dispatch.ErrFenced) {
			f.Errorf("got %v", err)
		}
		if c := f.Claim(e.Deliveries[0].Endpoint, false); len(c.Jobs) != 1 {
			f.Errorf("what the dead session owned was not released: %+v", c)
		}
	},

	"keeps attempts across retries": func(f *Fixture) {
		e := Own(f.Event(f.Endpoint()))
		f.Accept(e)
		job := f.Job(e, 0)
		var want []peal.Attempt
		for i := range peal.MaxAttempts + 3 {
			o := f.Outcome(job, peal.Retrying, 500+i)
			o.Keep = true
			want = append(want, *o.Attempt)
			f.Check(f.Record(o)[0])
			job.AttemptCount++
		}
		f.wantAttempts(e.Deliveries[0].ID, peal.Retrying, len(want), want[3:])
		o := f.Outcome(job, peal.Dead, 599)
		want = append(want, *o.Attempt)
		f.Check(f.Record(o)[0])
		f.wantAttempts(e.Deliveries[0].ID, peal.Dead, len(want), want[4:])
	},

	"lets a retry wait unowned or keeps it": func(f *Fixture) {
		e := Own(f.Event(f.Endpoint(), f.Endpoint()))
		f.Accept(e)
		keep, wait := f.Outcome(f.Job(e, 0), peal.Retrying, 500), f.Outcome(f.Job(e, 1), peal.Retrying, 500)
		keep.Keep = true
		for _, err := range f.Record(keep, wait) {
			f.Check(err)
		}
		owned, err := f.Q.Owned(f.Ctx)
		f.Check(err)
		if len(owned) != 1 || owned[0] != e.Deliveries[0].ID {
			f.Errorf("owned: %v", owned)
		}
		c := f.Claim(e.Deliveries[1].Endpoint, false)
		if len(c.Jobs) != 0 || !c.NextDue.Equal(wait.DueAt) {
			f.Errorf("before the due time: %+v", c)
		}
		f.Pass(time.Minute)
		c = f.Claim(e.Deliveries[1].Endpoint, false)
		if len(c.Jobs) != 1 || c.Jobs[0].AttemptCount != 1 || !c.Jobs[0].DueAt.Equal(wait.DueAt) {
			f.Fatalf("at the due time: %+v", c)
		}
		// A job that ends without another attempt keeps what the last one said.
		f.Check(f.Record(&dispatch.Outcome{Job: c.Jobs[0], Now: f.Now(), Status: peal.Dropped, Reason: "paused"})[0])
		d := f.Delivery(e.Deliveries[1].ID)
		if d.Status != peal.Dropped || d.Reason != "paused" || d.LastStatusCode != 500 || len(d.Attempts) != 1 || d.LastError == "" {
			f.Errorf("dropped: %+v", d)
		}
	},

	"raises events with the outcome": func(f *Fixture) {
		e := Own(f.Event(f.Endpoint()))
		f.Accept(e)
		o := f.Outcome(f.Job(e, 0), peal.Dead, 500)
		o.Raised = []peal.Raised{{Org: f.Org, Type: "delivery.dead", Data: []byte(`{"n":1}`), Exclude: e.Deliveries[0].Endpoint}}
		f.Check(f.Record(o)[0])
		rows, err := f.Q.Raised(f.Ctx, 10)
		f.Check(err)
		rows[0].Seq = 0
		if diff := cmp.Diff(o.Raised, rows); diff != "" {
			f.Errorf("raised (-want +got):\n%s", diff)
		}
	},

	"counts attempts by minute": func(f *Fixture) {
		ep := f.Endpoint()
		since := f.Now()
		record := func(status peal.Status, code int) {
			e := Own(f.Event(ep))
			f.Accept(e)
			f.Check(f.Record(f.Outcome(f.Job(e, 0), status, code))[0])
		}
		record(peal.Succeeded, 200)
		record(peal.Retrying, 500)
		f.Pass(time.Minute)
		failing := f.Now()
		record(peal.Dead, 500)
		record(peal.Dropped, 500)
		f.Reopen()
		record(peal.Dead, 500)

		got, err := f.Q.Stats(f.Ctx, f.Org, ep, since, f.Now().Add(time.Second))
		f.Check(err)
		want := peal.Stats{
			Since: since, Until: f.Now().Add(time.Minute), StepSeconds: 60,
			Total: peal.Counts{Attempts: 5, Succeeded: 1, Failed: 4, Dead: 2, Dropped: 1, MeanDurationMS: 5},
			Buckets: []peal.Bucket{
				{Start: since, Counts: peal.Counts{Attempts: 2, Succeeded: 1, Failed: 1, MeanDurationMS: 5}},
				{Start: failing, Counts: peal.Counts{Attempts: 3, Failed: 3, Dead: 2, Dropped: 1, MeanDurationMS: 5}},
			},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Errorf("stats (-want +got):\n%s", diff)
		}
		hours, err := f.Q.Stats(f.Ctx, f.Org, ep, since.Add(-48*time.Hour), f.Now().Add(time.Second))
		f.Check(err)
		if diff := cmp.Diff(want.Total, hours.Total); diff != "" || hours.StepSeconds != 3600 || len(hours.Buckets) != 1 {
			f.Errorf("by hours: %+v %s", hours, diff)
		}
		if foreign, err := f.Q.Stats(f.Ctx, "other", ep, since, f.Now()); err != nil || foreign.Total.Attempts != 0 {
			f.Errorf("another org's: %+v, %v", foreign, err)
		}
		if at, err := f.Q.FailingSince(f.Ctx, ep); err != nil || !at.Equal(failing) {
			f.Errorf("failing since %v, %v", at, err)
		}
		f.Pass(time.Minute)
		record(peal.Succeeded, 200)
		if at, err := f.Q.FailingSince(f.Ctx, ep); err != nil || !at.IsZero() {
			f.Errorf("failing since %v, %v after a success", at, err)
		}
	},

	// What is added up for pages of a whole org is what each endpoint's minutes come to, whether
	// a span begins and ends with an hour or within one.
	"counts an org as its endpoints": func(f *Fixture) {
		eps := []peal.EndpointID{f.Endpoint(), f.Endpoint(), f.Endpoint()}
		f.Pass(f.Now().Truncate(time.Hour).Add(time.Hour).Sub(f.Now()))
		start := f.Now()
		for i := range 40 {
			e := Own(f.Event(eps[i%len(eps)]))
			f.Accept(e)
			f.Check(f.Record(f.Outcome(f.Job(e, 0), []peal.Status{peal.Succeeded, peal.Dead, peal.Retrying, peal.Dropped}[i*i%7%4], 500))[0])
			if i == 20 {
				f.Reopen()
			}
			f.Pass(time.Duration(1+i%11) * time.Minute)
		}
		for _, from := range []time.Duration{-30 * time.Hour, -time.Minute, 0, 13 * time.Minute, 61 * time.Minute, 3 * time.Hour} {
			for _, to := range []time.Duration{14 * time.Minute, time.Hour, 62 * time.Minute, 119 * time.Minute, 2 * time.Hour, 5 * time.Hour} {
				since, until := start.Add(from), start.Add(to)
				if !since.Before(until) {
					continue
				}
				got, err := f.Q.OrgStats(f.Ctx, f.Org, since, until, len(eps))
				f.Check(err)
				var attempts, inBuckets int
				want := map[peal.EndpointID]peal.Counts{}
				for _, ep := range eps {
					s, err := f.Q.Stats(f.Ctx, f.Org, ep, since, until)
					f.Check(err)
					attempts += s.Total.Attempts
					if s.Total != (peal.Counts{}) {
						want[ep] = s.Total
					}
				}
				counted, last := map[peal.EndpointID]peal.Counts{}, 1<<30
				for _, c := range got.Endpoints {
					if counted[c.EndpointID] = c.Counts; c.Failed > last {
						f.Errorf("from %v to %v: %d failures come after %d", from, to, c.Failed, last)
					}
					last = c.Failed
				}
				for _, b := range got.Buckets {
					inBuckets += b.Attempts
				}
				if diff := cmp.Diff(want, counted); diff != "" || got.Total.Attempts != attempts || inBuckets != attempts {
					f.Errorf("from %v to %v: %d attempts, %d in buckets, want %d %s", from, to, got.Total.Attempts, inBuckets, attempts, diff)
				}
			}
		}
		if got, err := f.Q.OrgStats(f.Ctx, "other", start, f.Now(), 10); err != nil || got.Total != (peal.Counts{}) || len(got.Endpoints) != 0 {
			f.Errorf("another org's: %+v, %v", got, err)
		}
	},
}

func (f *Fixture) wantAttempts(id peal.DeliveryID, status peal.Status, count int, attempts []peal.Attempt) {
	f.Helper()
	d := f.Delivery(id)
	if d.Status != status || d.AttemptCount != count || d.LastStatusCode != attempts[len(attempts)-1].StatusCode {
		f.Errorf("got %+v", d)
	}
	if diff := cmp.Diff(attempts, d.Attempts); diff != "" {
		f.Errorf("attempts (-want +got):\n%s", diff)
	}
}
