package storetest_test

import (
	"errors"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/store/storetest"
	"github.com/peal-dev/peal/test/pgtest"
)

// TestLostCommit loses the connection while a transaction is committed, before or after
// the server did it.
func TestLostCommit(t *testing.T) {
	for name, what := range map[string]pgtest.Fate{"before": pgtest.Lost, "after": pgtest.Unheard} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			between, at := pgtest.NewWire(t, storetest.Postgres(t))
			f := storetest.NewNode(t, at, 0)
			ep := f.Endpoint()
			kept := storetest.Own(f.Event(ep))
			f.Accept(kept)
			keep := f.Outcome(f.Job(kept, 0), peal.Retrying, 500)
			keep.Keep = true
			e := storetest.Own(f.Event(ep))
			e.Event.ClientID = "mine"
			c := f.Commit(e)
			c.Key = &publish.IdempotencyKey{Key: "k", Expires: f.Now().Add(time.Hour)}
			var settled sync.WaitGroup
			settled.Add(2)
			var errs [2]error
			c.Done = func(err error) { errs[0] = err; settled.Done() }
			keep.Done = func(err error) { errs[1] = err; settled.Done() }
			f.Together(func() {
				f.Check(f.Q.Submit(c))
				f.Q.Record(keep)
				// The closure that holds the writer is committed first.
				commits := 0
				between.OnCommit(func() pgtest.Fate {
					if commits++; commits == 2 {
						return what
					}
					return pgtest.Passes
				})
			})
			settled.Wait()
			if errs[0] != nil || errs[1] != nil {
				t.Fatal(errs)
			}
			if e.Duplicate || c.Duplicate || e.AnswerID != "mine" {
				t.Errorf("answered %+v", e)
			}
			f.Delivery(e.Deliveries[0].ID)
			if d := f.Delivery(kept.Deliveries[0].ID); d.AttemptCount != 1 || len(d.Attempts) != 1 {
				t.Errorf("recorded %d times", d.AttemptCount)
			}
			if n, err := f.Q.Owned(f.Ctx); err != nil || len(n) != 2 {
				t.Errorf("%d owned, %v", len(n), err)
			}
		})
	}
}

// TestDatabaseAway cuts the node off and lets it find back.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	between, at := pgtest.NewWire(t, storetest.Postgres(t))
	f := storetest.NewNode(t, at, 0)
	e := storetest.Own(f.Event(f.Endpoint()))
	f.Accept(e)
	between.Cut()
	recorded := make(chan error, 1)
	o := f.Outcome(f.Job(e, 0), peal.Succeeded, 200)
	o.Done = func(err error) { recorded <- err }
	f.Q.Record(o)
	for range 3 {
		c, refused := f.Commit(f.Event(f.Endpoint())), make(chan error, 1)
		c.Done = func(err error) { refused <- err }
		err := f.Q.Submit(c)
		if err == nil {
			err = <-refused
		}
		var known *peal.Error
		if !errors.As(err, &known) || known.Code != peal.CodeUnavailable || known.RetryAfter <= 0 {
			t.Fatalf("refused with %v", err)
		}
	}
	f.WantCode(f.DB.Ping(f.Ctx), peal.CodeUnavailable)
	_, err := f.Q.Delivery(f.Ctx, f.Org, e.Deliveries[0].ID)
	f.WantCode(err, peal.CodeUnavailable)
	between.Mend()
	f.Check(<-recorded)
	eventually(t, "it is well again", func() bool { return f.DB.Ping(f.Ctx) == nil })
	f.Accept(f.Event(f.Endpoint()))
	if d := f.Delivery(e.Deliveries[0].ID); d.Status != peal.Succeeded {
		t.Errorf("recorded %+v", d)
	}
}

// both gives the URL of two hosts that lead to the same database.
func both(t *testing.T, first, second string) string {
	t.Helper()
	a, err := url.Parse(first)
	if err != nil {
		t.Fatal(err)
	}
	b, err := url.Parse(second)
	if err != nil {
		t.Fatal(err)
	}
	b.Host = a.Host + "," + b.Host
	return b.String()
}

// TestSilentHost opens a database of which the first host takes connections and says
// nothing.
func TestSilentHost(t *testing.T) {
	t.Parallel()
	direct := storetest.Postgres(t)
	silent, through := pgtest.NewWire(t, direct)
	silent.Freeze()
	f := storetest.NewNode(t, both(t, through, direct), 0)
	f.Accept(f.Event(f.Endpoint()))
	if rows, _, err := f.Q.Events(f.Ctx, peal.EventFilter{Org: f.Org}, peal.Page{Limit: 10}); err != nil || len(rows) != 1 {
		t.Errorf("%d events, %v", len(rows), err)
	}
}

// TestHostFallsSilent leaves what was said to a host unanswered once another one is
// good: nobody waits until it has timed out.
func TestHostFallsSilent(t *testing.T) {
	t.Parallel()
	direct := storetest.Postgres(t)
	silent, through := pgtest.NewWire(t, direct)
	f := storetest.NewNode(t, both(t, through, direct), 10*quick)
	e := storetest.Own(f.Event(f.Endpoint()))
	f.Accept(e)
	silent.Freeze()
	since := time.Now()
	f.Check(f.Record(f.Outcome(f.Job(e, 0), peal.Succeeded, 200))[0])
	if took := time.Since(since); took > 8*time.Second {
		t.Errorf("recorded after %s", took)
	}
	if d := f.Delivery(e.Deliveries[0].ID); d.Status != peal.Succeeded || len(d.Attempts) != 1 {
		t.Errorf("recorded %+v", d)
	}
}
