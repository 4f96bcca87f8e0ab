package storetest

import (
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
)

var claimTests = map[string]func(*Fixture){
	"takes what is due, up to a number and a size": func(f *Fixture) {
		ep := f.Endpoint()
		e := f.Event(ep, ep, ep, ep)
		f.Accept(e, f.Event(f.Endpoint()))
		claim := func(limit, bytes int) dispatch.Claimed {
			c, err := f.Q.Claim(f.Ctx, dispatch.ClaimRequest{Endpoint: ep, Now: f.Now(), Limit: limit, Bytes: bytes})
			f.Check(err)
			return c
		}
		if c := claim(10, 250); len(c.Jobs) != 2 || !c.NextDue.Equal(f.Now()) {
			f.Fatalf("by size: %+v", c)
		} else if c.Jobs[0].Message != c.Jobs[1].Message {
			f.Error("two jobs of one event hold it twice")
		}
		if c := claim(1, 1); len(c.Jobs) != 1 {
			f.Fatalf("the first has to fit: %+v", c)
		}
		c := claim(10, 1000)
		if len(c.Jobs) != 1 || !c.NextDue.IsZero() {
			f.Fatalf("the rest: %+v", c)
		}
		j := c.Jobs[0]
		if diff := cmp.Diff(e.Event, j.Message.Event); diff != "" || j.Endpoint != ep || j.Size != 100 || !j.DueAt.Equal(f.Now()) {
			f.Errorf("job %+v %s", j, diff)
		}
		if c := claim(10, 1000); len(c.Jobs) != 0 || !c.NextDue.IsZero() {
			f.Errorf("claimed twice: %+v", c)
		}
		f.Check(f.Record(f.Outcome(j, peal.Succeeded, 200))[0])
	},

	"goes by the due time": func(f *Fixture) {
		ep := f.Endpoint()
		e := Own(f.Event(ep, ep, ep))
		f.Accept(e)
		for i, wait := range []time.Duration{3 * time.Second, time.Second, 2 * time.Second} {
			o := f.Outcome(f.Job(e, i), peal.Retrying, 500)
			o.DueAt = f.Now().Add(wait)
			f.Check(f.Record(o)[0])
		}
		start := f.Now()
		f.Pass(2 * time.Second)
		c := f.Claim(ep, false)
		if got := ids(c.Jobs); !slices.Equal(got, []peal.DeliveryID{e.Deliveries[1].ID, e.Deliveries[2].ID}) || !c.NextDue.Equal(start.Add(3*time.Second)) {
			f.Errorf("claimed %v, next %v", got, c.NextDue)
		}
	},

	"keeps the order of an ordered endpoint": func(f *Fixture) {
		ep := f.Endpoint()
		var want []peal.DeliveryID
		for range 3 { // two of them in one commit
			e1, e2 := f.Event(ep), f.Event(ep)
			e1.Deliveries[0].Ordered, e2.Deliveries[0].Ordered = true, true
			f.Accept(e1, e2)
			want = append(want, e1.Deliveries[0].ID, e2.Deliveries[0].ID)
		}
		f.Reopen()
		claim := func(limit int) dispatch.Claimed {
			c, err := f.Q.Claim(f.Ctx, dispatch.ClaimRequest{Endpoint: ep, Now: f.Now(), Limit: limit, Bytes: 1 << 20, Ordered: true})
			f.Check(err)
			return c
		}
		c := claim(2)
		if diff := cmp.Diff(want[:2], ids(c.Jobs)); diff != "" {
			f.Fatalf("claimed (-want +got):\n%s", diff)
		}
		// The first fails and waits; the second is given back. The first is still first,
		// due or not, and what follows it is taken too.
		f.Check(f.Record(f.Outcome(c.Jobs[0], peal.Retrying, 500))[0])
		f.Check(f.Q.Release(f.Ctx, ids(c.Jobs[1:])))
		c = claim(10)
		if diff := cmp.Diff(want, ids(c.Jobs)); diff != "" {
			f.Fatalf("claimed again (-want +got):\n%s", diff)
		}
		// A row that is not due ends the claim unless it is the first.
		f.Check(f.Record(f.Outcome(c.Jobs[2], peal.Retrying, 500))[0])
		f.Check(f.Q.Release(f.Ctx, ids(slices.Concat(c.Jobs[:2], c.Jobs[3:]))))
		if c = claim(10); len(c.Jobs) != 2 {
			f.Errorf("claimed past one that is not due: %v", ids(c.Jobs))
		}
	},

	"finds what waits from before an endpoint was ordered, and after": func(f *Fixture) {
		ep := f.Endpoint()
		plain := f.Event(ep, ep)
		f.Accept(plain)
		f.Pass(time.Second)
		ordered := f.Event(ep, ep)
		for _, d := range ordered.Deliveries {
			d.Ordered = true
		}
		f.Accept(ordered)
		c := f.Claim(ep, true)
		if got := ids(c.Jobs); len(got) != 4 || !slices.Equal(got[2:], deliveryIDs(ordered)) {
			f.Fatalf("ordered claim: %v", got)
		}
		f.Check(f.Q.Release(f.Ctx, nil))
		if c := f.Claim(ep, false); len(c.Jobs) != 4 {
			f.Errorf("claim after the order was lifted: %v", ids(c.Jobs))
		}
	},

	"lists the backlog by endpoint": func(f *Fixture) {
		var eps []peal.EndpointID
		for range 5 {
			eps = append(eps, f.Endpoint())
		}
		slices.SortFunc(eps, func(a, b peal.EndpointID) int { return slices.Compare(a[:], b[:]) })
		first := f.Now()
		for range 3 {
			f.Accept(f.Event(eps...))
			f.Pass(time.Second)
		}
		f.Claim(eps[2], false)
		want := []dispatch.Backlog{{Endpoint: eps[0], FirstDue: first}, {Endpoint: eps[1], FirstDue: first}, {Endpoint: eps[3], FirstDue: first}, {Endpoint: eps[4], FirstDue: first}}
		var got []dispatch.Backlog
		var after peal.EndpointID
		for {
			page, err := f.Q.Backlog(f.Ctx, after, 3)
			f.Check(err)
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
			after = page[len(page)-1].Endpoint
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Errorf("backlog (-want +got):\n%s", diff)
		}
	},

	"releases what is owned": func(f *Fixture) {
		ep := f.Endpoint()
		e := Own(f.Event(ep, ep, ep))
		f.Accept(e)
		f.Check(f.Q.Release(f.Ctx, []peal.DeliveryID{e.Deliveries[1].ID, peal.NewDeliveryID(f.Now())}))
		if c := f.Claim(ep, false); len(c.Jobs) != 1 || c.Jobs[0].ID != e.Deliveries[1].ID {
			f.Errorf("one released: %+v", c)
		}
		f.wantOwned(3)
		f.Check(f.Q.Release(f.Ctx, nil))
		f.wantOwned(0)
		if c := f.Claim(ep, false); len(c.Jobs) != 3 {
			f.Errorf("all released: %+v", c)
		}
	},
}

func (f *Fixture) wantOwned(n int) {
	f.Helper()
	owned, err := f.Q.Owned(f.Ctx)
	f.Check(err)
	if len(owned) != n {
		f.Errorf("%d owned, want %d", len(owned), n)
	}
}

func ids(jobs []*dispatch.Job) []peal.DeliveryID {
	var out []peal.DeliveryID
	for _, j := range jobs {
		out = append(out, j.ID)
	}
	return out
}

func deliveryIDs(e *publish.NewEvent) []peal.DeliveryID {
	var out []peal.DeliveryID
	for _, d := range e.Deliveries {
		out = append(out, d.ID)
	}
	return out
}
