package storetest

import (
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
)

const (
	groupWait     = 30 * time.Second
	groupInterval = 5 * time.Minute
)

// Collect has an event's deliveries go with the group.
func (f *Fixture) Collect(e *publish.NewEvent, id peal.GroupID) *publish.NewEvent {
	for _, d := range e.Deliveries {
		d.Group = &publish.Group{ID: id, Labels: `{"type":"order.created"}`, Opens: f.Now().Add(groupWait), Interval: groupInterval}
	}
	return e
}

// ClaimGroups claims what is due, groups as a whole.
func (f *Fixture) ClaimGroups(ep peal.EndpointID, limit int) dispatch.Claimed {
	f.Helper()
	c, err := f.Q.Claim(f.Ctx, dispatch.ClaimRequest{Endpoint: ep, Now: f.Now(), Limit: limit, Bytes: 1 << 20, Grouped: true})
	f.Check(err)
	return c
}

// collected accepts an event of a group and gives its delivery.
func (f *Fixture) collected(ep peal.EndpointID, id peal.GroupID) *publish.NewDelivery {
	f.Helper()
	e := f.Collect(f.Event(ep), id)
	f.Accept(e)
	return e.Deliveries[0]
}

func (f *Fixture) group(id peal.GroupID) *peal.Group {
	f.Helper()
	g, err := f.Q.Group(f.Ctx, f.Org, id)
	f.Check(err)
	return g
}

var groupTests = map[string]func(*Fixture){
	"collects until its message is due, then for the next": func(f *Fixture) {
		ep, id, start := f.Endpoint(), peal.GroupID{1}, f.Now()
		want := func(d *publish.NewDelivery, due time.Time) {
			f.Helper()
			if !d.DueAt.Equal(due) || !f.Delivery(d.ID).NextAttemptAt.Equal(due) || f.Delivery(d.ID).Group != id {
				f.Fatalf("due at %s, stored %+v, want %s", d.DueAt, f.Delivery(d.ID), due)
			}
		}
		want(f.collected(ep, id), start.Add(groupWait))
		f.Pass(groupWait - time.Second)
		want(f.collected(ep, id), start.Add(groupWait))
		if c := f.ClaimGroups(ep, 10); len(c.Jobs) != 0 || !c.NextDue.Equal(start.Add(groupWait)) {
			f.Fatalf("claimed before it is due: %+v", c)
		}
		f.Pass(time.Second)
		if c := f.ClaimGroups(ep, 10); len(c.Jobs) != 2 || c.Jobs[0].Group != id || !c.NextDue.IsZero() {
			f.Fatalf("claimed: %+v", c)
		}
		// The next message comes an interval after the last, whenever its first event came.
		second := start.Add(groupWait + groupInterval)
		want(f.collected(ep, id), second)
		f.Pass(groupInterval - time.Second)
		want(f.collected(ep, id), second)
		if g := f.group(id); g.Events != 2 || g.Total != 4 || !g.NextMessageAt.Equal(second) || !g.LastMessageAt.Equal(start.Add(groupWait)) ||
			!g.OpenedAt.Equal(start) || g.Endpoint != ep || g.Labels["type"] != "order.created" {
			f.Errorf("%+v", g)
		}
		f.Pass(time.Second)
		if c := f.ClaimGroups(ep, 10); len(c.Jobs) != 2 {
			f.Fatalf("claimed: %+v", c)
		}
		// After an interval without events it is at rest.
		f.Pass(groupInterval)
		if g := f.group(id); !g.NextMessageAt.IsZero() || !g.LastMessageAt.Equal(second) {
			f.Errorf("at rest: %+v", g)
		}
		want(f.collected(ep, id), f.Now().Add(groupWait))
		if g := f.group(id); !g.OpenedAt.Equal(f.Now()) || g.Events != 1 || g.Total != 5 {
			f.Errorf("opened again: %+v", g)
		}
	},

	"goes with the next message once one is taken, to the moment": func(f *Fixture) {
		ep, id, start := f.Endpoint(), peal.GroupID{1}, f.Now()
		f.collected(ep, id)
		late := f.Collect(f.Event(ep), id) // was planned before the message was due, and is written after it
		commit := f.Commit(late)
		f.Pass(groupWait)
		if c := f.ClaimGroups(ep, 10); len(c.Jobs) != 1 {
			f.Fatalf("claimed: %+v", c)
		}
		f.Check(f.Submit(commit)[0])
		if due := late.Deliveries[0].DueAt; !due.Equal(start.Add(groupWait + groupInterval)) {
			f.Errorf("due at %s", due)
		}
	},

	"counts the events of each message": func(f *Fixture) {
		ep, id := f.Endpoint(), peal.GroupID{1}
		want := func(what string, events, total int) {
			f.Helper()
			if g := f.group(id); g.Events != events || g.Total != total {
				f.Errorf("%s: %+v, want %d of %d events", what, g, events, total)
			}
		}
		take := func(n int) {
			f.Helper()
			if c := f.ClaimGroups(ep, 10); len(c.Jobs) != n {
				f.Fatalf("claimed %d, want %d", len(c.Jobs), n)
			}
		}
		f.collected(ep, id)
		f.collected(ep, id)
		f.Pass(groupWait) // the first is due, and not claimed yet
		f.collected(ep, id)
		want("behind one that is due", 1, 3)
		take(2)
		want("the first is taken", 1, 3)
		f.Pass(groupInterval)
		take(1)
		want("nothing is collected", 1, 3)
		f.collected(ep, id)
		f.Pass(groupInterval)
		f.collected(ep, id)
		f.Pass(groupInterval) // neither was claimed: they go together
		take(2)
		want("two in one", 2, 5)
		f.collected(ep, id)
		f.Pass(3 * groupInterval)
		f.collected(ep, id) // which opens it again
		want("behind one that has waited for long", 1, 7)
	},

	"survives the process": func(f *Fixture) {
		ep, id := f.Endpoint(), peal.GroupID{1}
		var want []peal.DeliveryID
		for range 3 {
			want = append(want, f.collected(ep, id).ID)
			f.Pass(time.Second)
		}
		f.Reopen()
		f.Pass(groupWait)
		if c := f.ClaimGroups(ep, 10); len(c.Jobs) != 3 {
			f.Fatalf("claimed: %+v", c)
		}
		f.Reopen() // killed while it was being sent
		c := f.ClaimGroups(ep, 10)
		got := ids(c.Jobs)
		sortIDs(got)
		sortIDs(want)
		if diff := cmp.Diff(want, got); diff != "" {
			f.Fatalf("claimed again (-want +got):\n%s", diff)
		}
		var outcomes []*dispatch.Outcome
		for _, j := range c.Jobs {
			o := f.Outcome(j, peal.Retrying, 500)
			outcomes = append(outcomes, o)
		}
		f.Check(f.Record(outcomes...)[0])
		f.Pass(time.Minute)
		if c = f.ClaimGroups(ep, 10); len(c.Jobs) != 3 {
			f.Fatalf("they are not retried together: %+v", c)
		}
		outcomes = nil
		for _, j := range c.Jobs {
			outcomes = append(outcomes, f.Outcome(j, peal.Succeeded, 200))
		}
		f.Check(f.Record(outcomes...)[2])
		rows, _, err := f.Q.Deliveries(f.Ctx, peal.DeliveryFilter{Org: f.Org, Group: id}, peal.Page{})
		f.Check(err)
		for _, d := range rows {
			if d.Group != id || d.Status != peal.Succeeded {
				f.Errorf("%+v", d)
			}
		}
		if len(rows) != 3 {
			f.Errorf("%d deliveries of the group", len(rows))
		}
	},

	"leaves a group that does not fit to the next claim": func(f *Fixture) {
		ep := f.Endpoint()
		for i := range 3 {
			for range 4 {
				f.collected(ep, peal.GroupID{byte(1 + i)})
			}
		}
		f.Accept(f.Event(ep)) // by itself
		f.Pass(groupWait)
		sizes := func(c dispatch.Claimed) (n []int) {
			for _, id := range []peal.GroupID{{}, {1}, {2}, {3}} {
				n = append(n, len(slices.DeleteFunc(slices.Clone(c.Jobs), func(j *dispatch.Job) bool { return j.Group != id })))
			}
			return n
		}
		if c := f.ClaimGroups(ep, 11); !slices.Equal(sizes(c), []int{1, 4, 4, 0}) {
			f.Errorf("claimed %v", sizes(c))
		}
		if c := f.ClaimGroups(ep, 3); len(c.Jobs) != 3 {
			f.Errorf("of one that never fits: %v", sizes(c))
		}
		if c := f.ClaimGroups(ep, 3); len(c.Jobs) != 1 {
			f.Errorf("the rest: %v", sizes(c))
		}
	},

	"suppresses repeats and counts what is collected alone": func(f *Fixture) {
		ep, id := f.Endpoint(), peal.GroupID{1}
		repeat := func() *publish.NewEvent {
			e := f.Collect(f.Event(ep), id)
			d := e.Deliveries[0]
			d.DedupKey, d.DedupName, d.DedupWindow, d.DedupReason = id.String(), "fingerprint", time.Hour, "repeat "+id.String()
			return e
		}
		first, second := repeat(), repeat()
		f.Accept(first, second)
		third := repeat()
		f.Accept(third)
		for _, e := range []*publish.NewEvent{second, third} {
			if d := f.Delivery(e.Deliveries[0].ID); d.Status != peal.Suppressed || d.Reason != "repeat "+id.String() || d.Group != id || e.AnswerDeliveries != 0 {
				f.Errorf("%+v", d)
			}
		}
		key := func() *publish.Commit {
			c := f.Commit(f.Collect(f.Event(ep), peal.GroupID{2}))
			c.Key = &publish.IdempotencyKey{Key: "k", Expires: f.Now().Add(time.Hour)}
			return c
		}
		f.Check(f.Submit(key())[0])
		f.Check(f.Submit(key())[0])
		refused := f.Commit(f.Collect(f.Event(ep), peal.GroupID{3}))
		refused.Events[0].Refused = peal.Invalid("data", "no")
		f.WantCode(f.Submit(refused)[0], peal.CodeInvalid)
		if n := f.group(id).Total; n != 1 {
			f.Errorf("repeats are counted: %d", n)
		}
		if n := f.group(peal.GroupID{2}).Total; n != 1 {
			f.Errorf("a duplicate is counted: %d", n)
		}
		_, err := f.Q.Group(f.Ctx, f.Org, peal.GroupID{3})
		f.WantCode(err, peal.CodeNotFound)
	},

	"lists groups": func(f *Fixture) {
		eps := []peal.EndpointID{f.Endpoint(), f.Endpoint()}
		var want []peal.GroupID
		for i := range 7 {
			f.collected(eps[i%2], peal.GroupID{byte(1 + i)})
			want = append([]peal.GroupID{{byte(1 + i)}}, want...)
			f.Pass(time.Second)
		}
		var got []peal.GroupID
		for page := (peal.Page{Limit: 2}); ; {
			rows, next, err := f.Q.Groups(f.Ctx, f.Org, peal.EndpointID{}, page)
			f.Check(err)
			for _, g := range rows {
				got = append(got, g.ID)
			}
			if page.Cursor = next; next == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Errorf("pages (-want +got):\n%s", diff)
		}
		rows, _, err := f.Q.Groups(f.Ctx, f.Org, eps[1], peal.Page{})
		f.Check(err)
		if len(rows) != 3 || rows[0].Endpoint != eps[1] {
			f.Errorf("of one endpoint: %+v", rows)
		}
		rows, _, err = f.Q.Groups(f.Ctx, "rival", peal.EndpointID{}, peal.Page{})
		f.Check(err)
		if len(rows) != 0 {
			f.Errorf("another org's: %+v", rows)
		}
		_, err = f.Q.Group(f.Ctx, "rival", peal.GroupID{1})
		f.WantCode(err, peal.CodeNotFound)
		_, _, err = f.Q.Groups(f.Ctx, f.Org, peal.EndpointID{}, peal.Page{Cursor: "x"})
		f.WantCode(err, peal.CodeInvalidCursor)
	},

	"keeps a group as long as its deliveries": func(f *Fixture) {
		ep, kept, old := f.Endpoint(), peal.GroupID{1}, peal.GroupID{2}
		f.collected(ep, kept)
		done := f.collected(ep, old)
		f.Check(f.Q.Cancel(f.Ctx, f.Org, done.ID, f.Now()))
		purge := func(after time.Duration) {
			f.Pass(after)
			for range 25 {
				_, err := f.Q.Purge(f.Ctx, janitor.Retention{Deliveries: time.Hour, Events: time.Hour, Audit: time.Hour}, f.Now())
				f.Check(err)
			}
		}
		purge(50 * time.Minute)
		f.group(old)
		purge(4 * 24 * time.Hour) // PostgreSQL lets go of days
		f.group(kept)
		_, err := f.Q.Group(f.Ctx, f.Org, old)
		f.WantCode(err, peal.CodeNotFound)
		if c := f.ClaimGroups(ep, 10); len(c.Jobs) != 1 {
			f.Errorf("claimed %+v", c)
		}
	},
}
