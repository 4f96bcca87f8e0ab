package storetest

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/settings"
)

var commitTests = map[string]func(*Fixture){
	"refuses only what is new": func(f *Fixture) {
		first := f.Event(f.Endpoint())
		first.Event.ClientID = "order-1"
		f.Accept(first)
		again := f.Event()
		again.Event.ClientID = "order-1"
		again.Refused = peal.Invalid("data", "it fits no schema")
		f.Check(f.Submit(f.Commit(again))[0])
		if !again.Duplicate || again.AnswerDeliveries != 1 {
			f.Errorf("the repeat: %+v", again)
		}
		fresh := f.Event()
		fresh.Refused = again.Refused
		f.WantCode(f.Submit(f.Commit(fresh))[0], peal.CodeInvalid)
		f.wantNoEvent(fresh)
	},

	"survives a restart": func(f *Fixture) {
		e := f.Event(f.Endpoint(), f.Endpoint())
		e.Event.ClientID = "mine"
		f.Accept(e)
		if e.AnswerID != "mine" || e.AnswerDeliveries != 2 || e.Duplicate {
			f.Fatalf("answered %+v", e)
		}
		f.Reopen()
		for _, id := range []string{"mine", e.Event.ID.String()} {
			got, err := f.Q.Event(f.Ctx, f.Org, id)
			f.Check(err)
			if diff := cmp.Diff(e.Event, got); diff != "" {
				f.Fatalf("event %s (-want +got):\n%s", id, diff)
			}
		}
		want := &peal.Delivery{
			ID: e.Deliveries[1].ID, Org: f.Org, EventID: e.Event.ID, ClientID: "mine", EventType: "order.created",
			EndpointID: e.Deliveries[1].Endpoint, Status: peal.Pending, NextAttemptAt: f.Now(), CreatedAt: f.Now(),
		}
		if diff := cmp.Diff(want, f.Delivery(want.ID)); diff != "" {
			f.Fatalf("delivery (-want +got):\n%s", diff)
		}
	},

	"keeps an event's time, whichever it is": func(f *Fixture) {
		for _, at := range []time.Time{time.Unix(0, 0), time.Unix(-1, 0), time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)} {
			e := f.Event()
			e.Event.Time = at
			f.Accept(e)
			got, err := f.Q.Event(f.Ctx, f.Org, e.Event.ID.String())
			f.Check(err)
			if !got.Time.Equal(at) {
				f.Errorf("%v was stored as %v", at.UTC(), got.Time)
			}
		}
	},

	"settles in order": func(f *Fixture) {
		var got []int
		var settled sync.WaitGroup
		f.Together(func() {
			for i := range 20 {
				c := f.Commit(f.Event(f.Endpoint()))
				settled.Add(1)
				c.Done = func(err error) {
					if err == nil {
						got = append(got, i)
					}
					settled.Done()
				}
				f.Check(f.Q.Submit(c))
			}
		})
		settled.Wait()
		if len(got) != 20 || !slices.IsSorted(got) {
			f.Fatalf("settled %v", got)
		}
	},

	"is refused when the configuration moved": func(f *Fixture) {
		c := f.Commit(f.Event(f.Endpoint()))
		version, err := f.S.Write(f.Ctx, settings.Write{Rows: []settings.Put{
			{Row: directory.Row{Kind: directory.KindOrg, Org: f.Org, ID: f.Org, Doc: []byte("{}")}},
		}})
		f.Check(err)
		if err := f.Submit(c)[0]; !errors.Is(err, publish.ErrStale) {
			f.Fatalf("got %v", err)
		}
		f.wantNoEvent(c.Events[0])
		c.ConfigVersion = version
		f.Check(f.Submit(c)[0])
	},

	"consumes a raised row once": func(f *Fixture) {
		_, err := f.S.Write(f.Ctx, settings.Write{Raised: []peal.Raised{
			{Org: f.Org, Type: "endpoint.disabled", Data: []byte(`{"a":1}`), Exclude: f.Endpoint()}, {Org: f.Org, Type: "b", Data: []byte(`{}`)},
		}})
		f.Check(err)
		rows, err := f.Q.Raised(f.Ctx, 10)
		f.Check(err)
		if len(rows) != 2 || rows[0].Type != "endpoint.disabled" || rows[0].Exclude.IsZero() || rows[0].Seq >= rows[1].Seq {
			f.Fatalf("raised %+v", rows)
		}
		first, second := f.Commit(f.Event(f.Endpoint())), f.Commit(f.Event(f.Endpoint()))
		first.RaisedSeq, second.RaisedSeq = rows[0].Seq, rows[0].Seq
		f.Check(f.Submit(first)[0])
		if err := f.Submit(second)[0]; !errors.Is(err, publish.ErrRaisedGone) {
			f.Fatalf("got %v", err)
		}
		f.wantNoEvent(second.Events[0])
		// A row whose org is gone is consumed without an event, at any version.
		f.Check(f.Submit(&publish.Commit{Org: f.Org, Now: f.Now(), ConfigVersion: 9, RaisedSeq: rows[1].Seq})[0])
		if rows, err = f.Q.Raised(f.Ctx, 10); err != nil || len(rows) != 0 {
			f.Fatalf("left: %v, %v", rows, err)
		}
	},

	"answers a key that was used": func(f *Fixture) {
		ep := f.Endpoint()
		keyed := func(hash byte) *publish.Commit {
			c := f.Commit(f.Event(ep), f.Event(ep, ep))
			c.Key = &publish.IdempotencyKey{Key: "k", Hash: [32]byte{hash}, Expires: f.Now().Add(24 * time.Hour)}
			return c
		}
		first := keyed(1)
		f.Check(f.Submit(first)[0])
		again, other := keyed(1), keyed(2)
		errs := f.Submit(again, other)
		f.Check(errs[0])
		f.WantCode(errs[1], peal.CodeUnprocessable)
		for i, e := range again.Events {
			want := first.Events[i]
			if !again.Duplicate || !e.Duplicate || e.AnswerID != want.AnswerID || e.AnswerDeliveries != i+1 {
				f.Errorf("event %d answered %+v, want %+v", i, e, want)
			}
			f.wantNoEvent(e)
		}
		// Another org's key is another key, and an old one is none.
		foreign := keyed(2)
		foreign.Org = "other"
		for _, e := range foreign.Events {
			e.Event.Org = "other"
		}
		f.Check(f.Submit(foreign)[0])
		f.Pass(25 * time.Hour)
		late := keyed(2)
		f.Check(f.Submit(late)[0])
		if late.Duplicate {
			f.Error("an expired key was answered")
		}
	},

	"lets one of many win a key": func(f *Fixture) {
		ep := f.Endpoint()
		var mu sync.Mutex
		ids := map[string]int{}
		written := 0
		var racing sync.WaitGroup
		for range 20 {
			racing.Go(func() {
				c := f.Commit(f.Event(ep))
				c.Key = &publish.IdempotencyKey{Key: "k", Hash: [32]byte{1}, Expires: f.Now().Add(time.Hour)}
				if err := f.Submit(c)[0]; err != nil {
					f.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				ids[c.Events[0].AnswerID]++
				if !c.Duplicate {
					written++
				}
			})
		}
		racing.Wait()
		if len(ids) != 1 || written != 1 {
			f.Fatalf("answers %v, written %d", ids, written)
		}
	},

	"decides keys and ids within one group": func(f *Fixture) {
		ep := f.Endpoint()
		commit := func(key, id string, hash byte) *publish.Commit {
			c := f.Commit(f.Event(ep))
			c.Events[0].Event.ClientID = id
			c.Events[0].Hash = [32]byte{hash}
			if key != "" {
				c.Key = &publish.IdempotencyKey{Key: key, Hash: [32]byte{hash}, Expires: f.Now().Add(time.Hour)}
			}
			return c
		}
		commits := []*publish.Commit{
			commit("k", "", 1), commit("k", "", 1), commit("k", "", 2),
			commit("", "id", 1), commit("", "id", 1), commit("", "id", 2),
		}
		var errs []error
		f.together(&errs, commits)
		for i, want := range []peal.Code{"", "", peal.CodeUnprocessable, "", "", peal.CodeUnprocessable} {
			if want != "" {
				f.WantCode(errs[i], want)
			} else {
				f.Check(errs[i])
			}
		}
		if !commits[1].Duplicate || commits[1].Events[0].AnswerID != commits[0].Events[0].AnswerID {
			f.Errorf("key: %+v", commits[1].Events[0])
		}
		if e := commits[4].Events[0]; commits[4].Duplicate || !e.Duplicate || e.AnswerID != "id" || e.AnswerDeliveries != 1 {
			f.Errorf("id: %+v", e)
		}
	},

	"takes a batch with repeated ids": func(f *Fixture) {
		ep := f.Endpoint()
		event := func(id string, hash byte) *publish.NewEvent {
			e := f.Event(ep, ep)
			e.Event.ClientID, e.Hash = id, [32]byte{hash}
			return e
		}
		f.Accept(event("a", 1))
		c := f.Commit(event("b", 1), event("a", 1), event("b", 1), event("", 1))
		f.Check(f.Submit(c)[0])
		for i, want := range []bool{false, true, true, false} {
			if e := c.Events[i]; e.Duplicate != want || e.AnswerDeliveries != 2 {
				f.Errorf("event %d: %+v", i, e)
			}
		}
		bad := f.Commit(event("c", 1), event("b", 2))
		f.WantCode(f.Submit(bad)[0], peal.CodeUnprocessable)
		f.wantNoEvent(bad.Events[0])
		f.WantCode(f.Submit(f.Commit(event("d", 1), event("d", 2)))[0], peal.CodeUnprocessable)
		// What a refused batch would have used is still free.
		f.Accept(event("c", 2))
	},

	"suppresses within a dedup window": func(f *Fixture) {
		one, two, plain := f.Endpoint(), f.Endpoint(), f.Endpoint()
		event := func(eventType string) *publish.NewEvent {
			e := Own(f.Event(one, two, plain))
			e.Event.Type = eventType
			for _, d := range e.Deliveries[:2] {
				d.DedupKey, d.DedupWindow = "curate-me", time.Minute
			}
			return e
		}
		want := func(what string, e *publish.NewEvent, first, last peal.Status, n int) {
			f.Helper()
			if e.Deliveries[0].Status != first || e.Deliveries[1].Status != first || e.Deliveries[2].Status != last || e.AnswerDeliveries != n {
				f.Errorf("%s: %+v %+v", what, e, e.Deliveries[0])
			}
			if d := f.Delivery(e.Deliveries[0].ID); d.Status != first || (first == peal.Suppressed) != (d.Reason == "dedup") {
				f.Errorf("%s is stored as %+v", what, d)
			}
		}
		batch := f.Commit(event("a"), event("a"), event("b"))
		f.Check(f.Submit(batch)[0])
		want("the first", batch.Events[0], peal.Pending, peal.Pending, 3)
		want("the second of the batch", batch.Events[1], peal.Suppressed, peal.Pending, 1)
		want("another type", batch.Events[2], peal.Pending, peal.Pending, 3)
		if !batch.Events[1].Deliveries[0].Owned {
			f.Error("the caller cannot tell what it reserved")
		}
		f.Pass(59 * time.Second)
		late := event("a")
		f.Accept(late)
		want("inside the window", late, peal.Suppressed, peal.Pending, 1)
		f.Pass(time.Second)
		next := event("a")
		f.Accept(next)
		want("after the window", next, peal.Pending, peal.Pending, 3)
		owned, err := f.Q.Owned(f.Ctx)
		f.Check(err)
		if len(owned) != 3+1+3+1+3 {
			f.Errorf("%d owned", len(owned))
		}
	},

	"stores what is finished already": func(f *Fixture) {
		e := f.Event(f.Endpoint(), f.Endpoint())
		e.Deliveries[0].Status, e.Deliveries[0].Reason = peal.Dropped, "paused"
		e.Deliveries[1].Status = peal.Succeeded
		e.Deliveries[1].Attempt = &peal.Attempt{Number: 1, StartedAt: f.Now(), Duration: time.Second, StatusCode: 204}
		f.Accept(e)
		if d := f.Delivery(e.Deliveries[0].ID); d.Status != peal.Dropped || d.Reason != "paused" || !d.FinishedAt.Equal(f.Now()) {
			f.Errorf("dropped: %+v", d)
		}
		d := f.Delivery(e.Deliveries[1].ID)
		if diff := cmp.Diff([]peal.Attempt{*e.Deliveries[1].Attempt}, d.Attempts); diff != "" || d.AttemptCount != 1 || d.LastStatusCode != 204 {
			f.Errorf("succeeded: %+v %s", d, diff)
		}
	},
}

func (f *Fixture) wantNoEvent(e *publish.NewEvent) {
	f.Helper()
	_, err := f.Q.Event(f.Ctx, f.Org, e.Event.ID.String())
	f.WantCode(err, peal.CodeNotFound)
	for _, d := range e.Deliveries {
		_, err := f.Q.Delivery(f.Ctx, f.Org, d.ID)
		f.WantCode(err, peal.CodeNotFound)
	}
}

// together submits commits so that one transaction takes them all.
func (f *Fixture) together(errs *[]error, commits []*publish.Commit) {
	f.Helper()
	*errs = make([]error, len(commits))
	var settled sync.WaitGroup
	f.Together(func() {
		for i, c := range commits {
			settled.Add(1)
			c.Done = func(err error) {
				(*errs)[i] = err
				settled.Done()
			}
			f.Check(f.Q.Submit(c))
		}
	})
	settled.Wait()
}
