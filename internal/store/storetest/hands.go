package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
)

var handTests = map[string]func(*Fixture){
	"revives a finished delivery": func(f *Fixture) {
		e := Own(f.Event(f.Endpoint(), f.Endpoint()))
		e.Deliveries[1].Status, e.Deliveries[1].Reason = peal.Suppressed, "silence"
		e.Deliveries[1].Owned = false
		f.Accept(e)
		f.Check(f.Record(f.Outcome(f.Job(e, 0), peal.Dead, 500))[0])
		f.Pass(time.Hour)
		for i, want := range []peal.Delivery{
			{Status: peal.Retrying, AttemptCount: 1, RoundStart: 1, LastStatusCode: 500},
			{Status: peal.Pending},
		} {
			id := e.Deliveries[i].ID
			_, err := f.Q.Revive(f.Ctx, "other", id, f.Now(), anyEndpoint)
			f.WantCode(err, peal.CodeNotFound)
			ep, err := f.Q.Revive(f.Ctx, f.Org, id, f.Now(), anyEndpoint)
			f.Check(err)
			got := f.Delivery(id)
			if ep != e.Deliveries[i].Endpoint || got.Status != want.Status || got.AttemptCount != want.AttemptCount || got.RoundStart != want.RoundStart ||
				got.LastStatusCode != want.LastStatusCode || got.Reason != "" || !got.NextAttemptAt.Equal(f.Now()) || len(got.Attempts) != want.AttemptCount || !got.FinishedAt.IsZero() {
				f.Errorf("revived: %+v", got)
			}
			c := f.Claim(ep, false)
			if len(c.Jobs) != 1 || c.Jobs[0].RoundStart != want.RoundStart {
				f.Fatalf("claimed: %+v", c)
			}
			f.Check(f.Record(f.Outcome(c.Jobs[0], peal.Succeeded, 200))[0])
			if got := f.Delivery(id); len(got.Attempts) != want.AttemptCount+1 || got.RoundStart != want.RoundStart {
				f.Errorf("finished again: %+v", got)
			}
		}
		if _, total, err := f.Q.DeliveriesOffset(f.Ctx, f.Org, e.Deliveries[1].Endpoint, 0, 10); err != nil || total != 1 {
			f.Errorf("a revived delivery is not counted: %d, %v", total, err)
		}
	},

	"leaves those of unknown endpoints": func(f *Fixture) {
		e := Own(f.Event(f.Endpoint()))
		f.Accept(e)
		f.Check(f.Record(f.Outcome(f.Job(e, 0), peal.Dead, 500))[0])
		_, err := f.Q.Revive(f.Ctx, f.Org, e.Deliveries[0].ID, f.Now(), func(peal.EndpointID) bool { return false })
		f.WantCode(err, peal.CodeConflict)
		if got := f.Delivery(e.Deliveries[0].ID); got.Status != peal.Dead {
			f.Errorf("it is %s now", got.Status)
		}
	},

	"hurries one that waits": func(f *Fixture) {
		e := Own(f.Event(f.Endpoint()))
		f.Accept(e)
		id := e.Deliveries[0].ID
		_, err := f.Q.Revive(f.Ctx, f.Org, id, f.Now(), anyEndpoint)
		if !errors.Is(err, dispatch.ErrUnderWay) {
			f.Errorf("one that is being sent: %v", err)
		}
		f.wantOwned(1)
		f.Check(f.Record(f.Outcome(f.Job(e, 0), peal.Retrying, 500))[0])
		_, err = f.Q.Revive(f.Ctx, f.Org, id, f.Now(), anyEndpoint)
		f.Check(err)
		if c := f.Claim(e.Deliveries[0].Endpoint, false); len(c.Jobs) != 1 || c.Jobs[0].RoundStart != 1 {
			f.Errorf("claimed %+v", c)
		}
		_, err = f.Q.Revive(f.Ctx, f.Org, peal.NewDeliveryID(f.Now()), f.Now(), anyEndpoint)
		f.WantCode(err, peal.CodeNotFound)
	},

	"hurries the head of an order, which waits owned": func(f *Fixture) {
		e := Own(f.Event(f.Endpoint()))
		f.Accept(e)
		o := f.Outcome(f.Job(e, 0), peal.Retrying, 500)
		o.Keep, o.DueAt = true, f.Now().Add(time.Hour)
		f.Check(f.Record(o)[0])
		id := e.Deliveries[0].ID
		_, err := f.Q.Revive(f.Ctx, f.Org, id, f.Now(), anyEndpoint)
		f.Check(err)
		f.wantOwned(1)
		if got := f.Delivery(id); !got.NextAttemptAt.Equal(f.Now()) {
			f.Errorf("due at %s", got.NextAttemptAt)
		}
	},

	"revives into an order": func(f *Fixture) {
		ep := f.Endpoint()
		e := f.Event(ep, ep)
		for _, d := range e.Deliveries {
			d.Ordered = true
		}
		f.Accept(e)
		c := f.Claim(ep, true)
		f.Check(f.Record(f.Outcome(c.Jobs[0], peal.Dead, 500))[0])
		f.Check(f.Q.Release(f.Ctx, nil))
		_, err := f.Q.Revive(f.Ctx, f.Org, c.Jobs[0].ID, f.Now(), anyEndpoint)
		f.Check(err)
		c = f.Claim(ep, true)
		if diff := cmp.Diff([]peal.DeliveryID{e.Deliveries[1].ID, e.Deliveries[0].ID}, ids(c.Jobs)); diff != "" {
			f.Errorf("claimed (-want +got):\n%s", diff)
		}
	},

	"cancels what is not finished": func(f *Fixture) {
		e := f.Event(f.Endpoint(), f.Endpoint())
		e.Deliveries[0].Owned = true
		f.Accept(e)
		for _, d := range e.Deliveries {
			f.WantCode(f.Q.Cancel(f.Ctx, "other", d.ID, f.Now()), peal.CodeNotFound)
			f.Check(f.Q.Cancel(f.Ctx, f.Org, d.ID, f.Now()))
			f.WantCode(f.Q.Cancel(f.Ctx, f.Org, d.ID, f.Now()), peal.CodeConflict)
			if got := f.Delivery(d.ID); got.Status != peal.Cancelled || !got.FinishedAt.Equal(f.Now()) {
				f.Errorf("cancelled: %+v", got)
			}
		}
		f.wantOwned(0)
	},

	"cancels a lost endpoint's in chunks": func(f *Fixture) {
		gone, other := f.Endpoint(), f.Endpoint()
		e := f.Event(gone, gone, gone, gone, gone, other)
		e.Deliveries[3].Owned = true
		f.Accept(e)
		for _, want := range []int{2, 2, 1, 0} {
			n, err := f.Q.CancelEndpoint(f.Ctx, gone, "endpoint deleted", f.Now(), 2)
			f.Check(err)
			if n != want {
				f.Fatalf("cancelled %d, want %d", n, want)
			}
		}
		f.wantOwned(0)
		if d := f.Delivery(e.Deliveries[3].ID); d.Status != peal.Cancelled || d.Reason != "endpoint deleted" {
			f.Errorf("cancelled: %+v", d)
		}
		if c := f.Claim(other, false); len(c.Jobs) != 1 {
			f.Errorf("the other endpoint: %+v", c)
		}
	},

	"discards dead letters": func(f *Fixture) {
		one, two := f.Endpoint(), f.Endpoint()
		start := f.Now()
		var dead []peal.DeliveryID
		for i, status := range []peal.Status{peal.Dead, peal.Dead, peal.Dead, peal.Dead, peal.Succeeded, peal.Dropped} {
			f.Pass(time.Second)
			e := f.Event([]peal.EndpointID{one, two}[i%2])
			e.Event.Type = []string{"a", "b", "b", "c", "a", "b"}[i]
			Own(e)
			f.Accept(e)
			f.Check(f.Record(f.Outcome(f.Job(e, 0), status, 500))[0])
			dead = append(dead, e.Deliveries[0].ID)
		}
		state := func() (states []peal.Status) {
			for _, id := range dead {
				states = append(states, f.Delivery(id).Status)
			}
			return states
		}
		for name, filter := range map[string]peal.DeliveryFilter{
			"another org":      {Org: "other"},
			"a foreign one":    {Org: "other", Endpoint: one},
			"an earlier time":  {Org: f.Org, Until: start},
			"a later time":     {Org: f.Org, Since: f.Pass(time.Second)},
			"another type":     {Org: f.Org, Type: "d"},
			"an endpoint's":    {Org: f.Org, Endpoint: two, Type: "a"},
			"another endpoint": {Org: f.Org, Endpoint: f.Endpoint()},
		} {
			if n, last, err := f.Q.DiscardDead(f.Ctx, filter, peal.DeliveryID{}); n != 0 || !last.IsZero() || err != nil {
				f.Errorf("%s: %d, %v, %v", name, n, last, err)
			}
		}
		for _, c := range []struct {
			org  string
			ids  []peal.DeliveryID
			want int
		}{{"other", dead, 0}, {f.Org, nil, 0}, {f.Org, []peal.DeliveryID{dead[4], dead[0], dead[5]}, 1}, {f.Org, dead[:1], 0}} {
			if n, err := f.Q.Discard(f.Ctx, c.org, c.ids); n != c.want || err != nil {
				f.Errorf("discarded %d, want %d: %v", n, c.want, err)
			}
		}
		n, last, err := f.Q.DiscardDead(f.Ctx, peal.DeliveryFilter{Org: f.Org, Type: "b"}, dead[1])
		if f.Check(err); n != 1 || !last.IsZero() {
			f.Errorf("after an id: %d, %v", n, last)
		}
		want := []peal.Status{peal.Cancelled, peal.Dead, peal.Cancelled, peal.Dead, peal.Succeeded, peal.Dropped}
		if diff := cmp.Diff(want, state()); diff != "" {
			f.Errorf("states (-want +got):\n%s", diff)
		}
		n, _, err = f.Q.DiscardDead(f.Ctx, peal.DeliveryFilter{Org: f.Org, Endpoint: two}, peal.DeliveryID{})
		if f.Check(err); n != 2 {
			f.Errorf("of an endpoint: %d", n)
		}
		if d := f.Delivery(dead[0]); d.Reason != "discarded" || d.AttemptCount != 1 || len(d.Attempts) != 1 {
			f.Errorf("discarded: %+v", d)
		}
		_, err = f.Q.Revive(f.Ctx, f.Org, dead[0], f.Now(), anyEndpoint)
		f.Check(err)
		if d := f.Delivery(dead[0]); d.Status != peal.Retrying || d.Reason != "" {
			f.Errorf("retried: %+v", d)
		}
	},

	"replays in steps": func(f *Fixture) {
		one, two := f.Endpoint(), f.Endpoint()
		start := f.Now()
		finished := func(status peal.Status, ep peal.EndpointID) *publish.NewEvent {
			f.Pass(time.Second)
			e := f.Event(ep)
			e.Deliveries[0].Status = status
			f.Accept(e)
			return e
		}
		before := finished(peal.Dead, one)
		f.Pass(time.Second)
		since := f.Now()
		var want []peal.DeliveryID
		for i := range 5 {
			ep := []peal.EndpointID{one, two}[i%2]
			want = append(want, finished(peal.Dead, ep).Deliveries[0].ID, finished(peal.Succeeded, ep).Deliveries[0].ID)
			finished(peal.Suppressed, one)
			finished(peal.Cancelled, one)
		}
		f.Pass(time.Second)
		r := &dispatch.Replay{ID: "rpl_1", Filter: peal.DeliveryFilter{Org: f.Org, Since: since}, CreatedAt: f.Now()}
		f.Check(f.Q.StartReplay(f.Ctx, r))
		f.Pass(time.Second)
		after := finished(peal.Dead, one)
		f.Reopen()

		open, err := f.Q.Replays(f.Ctx)
		f.Check(err)
		if diff := cmp.Diff([]*dispatch.Replay{r}, open); diff != "" {
			f.Fatalf("replays (-want +got):\n%s", diff)
		}
		steps := 0
		for !r.Finished {
			r, err = f.Q.StepReplay(f.Ctx, r.ID, f.Now(), 3, anyEndpoint)
			f.Check(err)
			if steps++; steps > 10 {
				f.Fatal("the replay does not end")
			}
		}
		if r.Deliveries != len(want) || steps != 4 {
			f.Errorf("%d deliveries in %d steps", r.Deliveries, steps)
		}
		var got []peal.DeliveryID
		f.Check(f.Q.Release(f.Ctx, nil))
		for _, ep := range []peal.EndpointID{one, two} {
			got = append(got, ids(f.Claim(ep, false).Jobs)...)
		}
		sortIDs(got)
		if diff := cmp.Diff(want, got); diff != "" {
			f.Errorf("revived (-want +got):\n%s", diff)
		}
		for _, e := range []*publish.NewEvent{before, after} {
			if d := f.Delivery(e.Deliveries[0].ID); d.Status != peal.Dead {
				f.Errorf("outside of the span: %+v", d)
			}
		}
		if open, err := f.Q.Replays(f.Ctx); err != nil || len(open) != 0 {
			f.Errorf("unfinished: %v, %v", open, err)
		}
		_, err = f.Q.StepReplay(f.Ctx, r.ID, f.Now(), 3, anyEndpoint)
		f.WantCode(err, peal.CodeNotFound)

		named := &dispatch.Replay{ID: "rpl_2", CreatedAt: f.Now(), Filter: peal.DeliveryFilter{
			Org: f.Org, Endpoint: one, Type: "order.created", Status: peal.Suppressed, Since: start, Until: f.Now(),
		}}
		f.Check(f.Q.StartReplay(f.Ctx, named))
		named, err = f.Q.StepReplay(f.Ctx, named.ID, f.Now(), 100, anyEndpoint)
		f.Check(err)
		if named.Deliveries != 5 || !named.Finished || !slices.Equal(named.Endpoints, []peal.EndpointID{one}) {
			f.Errorf("by status: %+v", named)
		}
	},
}

func sortIDs(ids []peal.DeliveryID) {
	slices.SortFunc(ids, func(a, b peal.DeliveryID) int { return slices.Compare(a[:], b[:]) })
}

// anyEndpoint knows every endpoint.
func anyEndpoint(peal.EndpointID) bool { return true }
