package storetest

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/store"
)

var writerTests = map[string]func(*Fixture){
	"fails only the commit that is at fault": func(f *Fixture) {
		ep := f.Endpoint()
		window := func(c *publish.Commit) *publish.Commit {
			d := c.Events[0].Deliveries[0]
			d.DedupKey, d.DedupWindow = "w", 1e9
			return c
		}
		commits := []*publish.Commit{window(f.Commit(f.Event(ep))), window(f.Commit(f.Event(ep))), f.Commit(f.Event(ep)), f.Commit(f.Event(ep))}
		// The first breaks the database's rules: its event comes twice. It opened the dedup
		// window, which the second must get to open instead.
		commits[0].Events = append(commits[0].Events, commits[0].Events[0])
		commits[3].Events[0].Event.ID = commits[2].Events[0].Event.ID
		record := Own(f.Event(ep))
		f.Accept(record)
		errs := make([]error, len(commits)+1)
		var settled sync.WaitGroup
		done := func(i int) func(error) {
			settled.Add(1)
			return func(err error) {
				errs[i] = err
				settled.Done()
			}
		}
		f.Together(func() {
			for i, c := range commits {
				c.Done = done(i)
				f.Check(f.Q.Submit(c))
			}
			o := f.Outcome(f.Job(record, 0), peal.Succeeded, 200)
			o.Done = done(len(commits))
			f.Q.Record(o)
		})
		settled.Wait()
		f.Check(errs[len(commits)])
		f.WantCode(errs[0], peal.CodeInternal)
		f.Check(errs[1])
		f.Check(errs[2])
		f.WantCode(errs[3], peal.CodeInternal)
		f.wantNoEvent(commits[0].Events[0])
		for _, c := range commits[1:3] {
			if d := f.Delivery(c.Events[0].Deliveries[0].ID); d.Status != peal.Pending {
				f.Errorf("got %+v", d)
			}
		}
	},

	"undoes a closure that fails": func(f *Fixture) {
		failed := errors.New("no")
		err := f.DB.Write(f.Ctx, func(tx *store.Tx) error {
			if _, err := tx.Exec("UPDATE config_version SET version = 99"); err != nil {
				return err
			}
			return failed
		})
		if !errors.Is(err, failed) {
			f.Errorf("got %v", err)
		}
		if _, version, err := f.S.Changes(f.Ctx, 0); err != nil || version != 0 {
			f.Errorf("version %d, %v", version, err)
		}
	},

	"gives up a closure that did not start": func(f *Fixture) {
		ctx, cancel := context.WithCancel(f.Ctx)
		f.Together(func() {
			var giving sync.WaitGroup
			giving.Go(func() {
				err := f.DB.Write(ctx, func(*store.Tx) error {
					f.Error("it ran")
					return nil
				})
				f.WantCode(err, peal.CodeUnavailable)
			})
			cancel()
			giving.Wait()
		})
	},

	"shares its memory out to orgs": func(f *Fixture) {
		large := append(append([]byte(`{"a":"`), bytes.Repeat([]byte("x"), 1<<20)...), `"}`...)
		var settled sync.WaitGroup
		flood := func(org string) (taken int) {
			for range 50 {
				e := f.Event(f.Endpoint())
				e.Event.Org, e.Event.Data = org, large
				c := f.Commit(e)
				c.Org = org
				c.Done = func(error) { settled.Done() }
				settled.Add(1)
				if err := f.Q.Submit(c); err != nil {
					settled.Done()
					f.WantCode(err, peal.CodeTooManyRequests)
					var e *peal.Error
					if !errors.As(err, &e) || e.RetryAfter <= 0 {
						f.Errorf("it does not say when to come back: %v", err)
					}
				} else {
					taken++
				}
			}
			return taken
		}
		f.Together(func() {
			one, two := flood("one"), flood("two")
			taken := one + two + flood("three")
			if one < 15 || one > 16 || two < 7 || two > 8 || taken < 24 || taken > 32 {
				f.Errorf("the first org got %d in, the second %d, all %d", one, two, taken)
			}
			if s := f.DB.Stats(); s.Queued != int64(taken) || s.QueuedBytes < int64(taken)<<20 {
				f.Errorf("stats %+v with %d waiting", s, taken)
			}
		})
		settled.Wait()
		f.Accept(f.Event(f.Endpoint()))
	},

	"commits all that it took before it closes": func(f *Fixture) {
		var mu sync.Mutex
		var errs []error
		var events []*publish.NewEvent
		f.Together(func() {
			for range 1000 {
				e := f.Event(f.Endpoint())
				events = append(events, e)
				c := f.Commit(e)
				c.Done = func(err error) {
					mu.Lock()
					defer mu.Unlock()
					errs = append(errs, err)
				}
				f.Check(f.Q.Submit(c))
			}
		})
		before := f.Q
		f.Reopen()
		if len(errs) != len(events) || errors.Join(errs...) != nil {
			f.Fatalf("%d settled: %v", len(errs), errors.Join(errs...))
		}
		for _, e := range events {
			f.Delivery(e.Deliveries[0].ID)
		}
		f.WantCode(before.Submit(f.Commit(f.Event(f.Endpoint()))), peal.CodeUnavailable)
		_, err := before.Claim(f.Ctx, dispatch.ClaimRequest{Endpoint: f.Endpoint(), Now: f.Now(), Limit: 1})
		f.WantCode(err, peal.CodeUnavailable)
	},
}
