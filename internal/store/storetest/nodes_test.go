package storetest_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/settings"
	"github.com/peal-dev/peal/internal/store/storetest"
	"github.com/peal-dev/peal/test/pgtest"
)

// twoNodes opens two nodes on one empty database.
func twoNodes(t *testing.T) (a, b *storetest.Fixture) {
	t.Parallel()
	url := storetest.Postgres(t)
	return storetest.NewNode(t, url, 0), storetest.NewNode(t, url, 0)
}

// eventually waits until f is true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

func TestNodesStartTogether(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	var mu sync.Mutex
	var sessions []int64
	var starting sync.WaitGroup
	for range 5 {
		starting.Go(func() {
			f := storetest.NewNode(t, url, 0)
			mu.Lock()
			defer mu.Unlock()
			sessions = append(sessions, f.DB.Session())
		})
	}
	starting.Wait()
	slices.Sort(sessions)
	if len(slices.Compact(sessions)) != 5 {
		t.Errorf("sessions %v", sessions)
	}
}

func TestNodesAreFenced(t *testing.T) {
	a, b := twoNodes(t)
	ep := a.Endpoint()
	e := storetest.Own(a.Event(ep, ep))
	a.Accept(e)
	for _, status := range []peal.Status{peal.Succeeded, peal.Retrying} {
		if err := b.Record(b.Outcome(b.Job(e, 0), status, 200))[0]; !errors.Is(err, dispatch.ErrFenced) {
			t.Errorf("another node's record: %v", err)
		}
	}
	if c := b.Claim(ep, false); len(c.Jobs) != 0 {
		t.Errorf("another node claimed %v", c.Jobs)
	}
	// Another node cancels, and the owner's record is fenced.
	b.Check(b.Q.Cancel(b.Ctx, b.Org, e.Deliveries[1].ID, b.Now()))
	errs := a.Record(a.Outcome(a.Job(e, 0), peal.Succeeded, 200), a.Outcome(a.Job(e, 1), peal.Succeeded, 200))
	if errs[0] != nil || !errors.Is(errs[1], dispatch.ErrFenced) {
		t.Errorf("the owner's records: %v", errs)
	}
	if got := b.Delivery(e.Deliveries[0].ID); got.Status != peal.Succeeded {
		t.Errorf("the other node sees %+v", got)
	}
}

// A row that both nodes claim at once goes to one of them.
func TestNodesShareClaims(t *testing.T) {
	a, b := twoNodes(t)
	ep := a.Endpoint()
	for range 20 {
		a.Accept(a.Event(slices.Repeat([]peal.EndpointID{ep}, 10)...))
	}
	var mu sync.Mutex
	claimed := map[peal.DeliveryID]int{}
	var claiming sync.WaitGroup
	for _, f := range []*storetest.Fixture{a, b} {
		claiming.Go(func() {
			for {
				c := f.Claim(ep, false)
				if len(c.Jobs) == 0 {
					return
				}
				for _, j := range c.Jobs {
					mu.Lock()
					claimed[j.ID]++
					mu.Unlock()
				}
			}
		})
	}
	claiming.Wait()
	for id, n := range claimed {
		if n != 1 {
			t.Errorf("%s was claimed %d times", id, n)
		}
	}
	eventually(t, "everything is claimed", func() bool { // what was locked a moment ago waits
		for _, j := range a.Claim(ep, false).Jobs {
			claimed[j.ID]++
		}
		return len(claimed) == 200
	})
}

// TestNodesAgreeOnNames lets two nodes race for keys, ids and windows, many of each in
// groups that share some.
func TestNodesAgreeOnNames(t *testing.T) {
	a, b := twoNodes(t)
	const names, tries = 8, 12
	ep := a.Endpoint()
	type outcome struct {
		id        string
		duplicate bool
	}
	var mu sync.Mutex
	answers := map[string][]outcome{}
	var racing sync.WaitGroup
	for try := range tries {
		for n := range names {
			f := []*storetest.Fixture{a, b}[try%2]
			racing.Go(func() {
				e, keyed := f.Event(ep), f.Event(ep)
				e.Event.ClientID = fmt.Sprint("id", n)
				byID, byKey := f.Commit(e), f.Commit(keyed)
				byKey.Key = &publish.IdempotencyKey{Key: fmt.Sprint("key", n), Hash: [32]byte{byte(n)}, Expires: f.Now().Add(time.Hour)}
				for _, err := range f.Submit(byID, byKey) {
					if err != nil {
						t.Error(err)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				answers[e.Event.ClientID] = append(answers[e.Event.ClientID], outcome{e.AnswerID, e.Duplicate})
				answers[byKey.Key.Key] = append(answers[byKey.Key.Key], outcome{keyed.AnswerID, byKey.Duplicate})
			})
		}
	}
	racing.Wait()
	for n, all := range answers {
		first := 0
		for _, o := range all {
			if o.id != all[0].id {
				t.Errorf("%s was answered with %s and %s", n, o.id, all[0].id)
			}
			if !o.duplicate {
				first++
			}
		}
		if first != 1 || len(all) != tries {
			t.Errorf("%s: %d of %d answers were the first", n, first, len(all))
		}
	}
	if events, _, err := a.Q.Events(a.Ctx, peal.EventFilter{Org: a.Org}, peal.Page{Limit: 100}); err != nil || len(events) != 2*names {
		t.Errorf("%d events, %v", len(events), err)
	}
}

func TestNodesShareDedupWindows(t *testing.T) {
	a, b := twoNodes(t)
	ep := a.Endpoint()
	var racing sync.WaitGroup
	for i := range 10 {
		f := []*storetest.Fixture{a, b}[i%2]
		racing.Go(func() {
			var commits []*publish.Commit
			for n := range 6 {
				e := f.Event(ep)
				e.Event.Type = fmt.Sprint("t", n)
				e.Deliveries[0].DedupKey, e.Deliveries[0].DedupWindow = "w", time.Minute
				commits = append(commits, f.Commit(e))
			}
			for _, err := range f.Submit(commits...) {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	racing.Wait()
	rows, _, err := a.Q.Deliveries(a.Ctx, peal.DeliveryFilter{Org: a.Org, Status: peal.Pending}, peal.Page{Limit: 100})
	if err != nil || len(rows) != 6 {
		t.Errorf("%d deliveries passed 6 windows, %v", len(rows), err)
	}
	if rows, _, err = a.Q.Deliveries(a.Ctx, peal.DeliveryFilter{Org: a.Org, Status: peal.Suppressed}, peal.Page{Limit: 100}); err != nil || len(rows) != 54 {
		t.Errorf("%d were suppressed, %v", len(rows), err)
	}
}

// Numbers of an ordered endpoint go by commits, whichever node they come to.
func TestNodesNumberInOrder(t *testing.T) {
	a, b := twoNodes(t)
	ep := a.Endpoint()
	var want []peal.DeliveryID
	for i := range 10 {
		f := []*storetest.Fixture{a, b}[i%2]
		e := f.Event(ep, ep)
		for _, d := range e.Deliveries {
			d.Ordered = true
			want = append(want, d.ID)
		}
		f.Accept(e)
	}
	var got []peal.DeliveryID
	for len(got) < len(want) {
		for _, j := range b.Claim(ep, true).Jobs {
			got = append(got, j.ID)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A change that was answered by one node makes the other match again.
func TestNodesSeeConfigurationChange(t *testing.T) {
	a, b := twoNodes(t)
	c := b.Commit(b.Event(b.Endpoint()))
	_, err := a.S.Write(a.Ctx, settings.Write{Rows: []settings.Put{
		{Row: directory.Row{Kind: directory.KindOrg, Org: a.Org, ID: a.Org, Doc: []byte("{}")}},
	}})
	a.Check(err)
	if err := b.Submit(c)[0]; !errors.Is(err, publish.ErrStale) {
		t.Errorf("got %v", err)
	}
}

const quick = 100 * time.Millisecond

// TestDeadNode freezes a node until the other takes over what it owned, and lets it go
// on.
func TestDeadNode(t *testing.T) {
	t.Parallel()
	direct := storetest.Postgres(t)
	between, through := pgtest.NewWire(t, direct)
	a, b := storetest.NewNode(t, through, quick), storetest.NewNode(t, direct, quick)
	renewed := make(chan struct{}, 10)
	a.DB.OnNewSession(func() { renewed <- struct{}{} })
	ep := a.Endpoint()
	e := storetest.Own(a.Event(ep, ep))
	a.Accept(e)
	session := a.DB.Session()
	if !a.DB.MayStart() {
		t.Error("a node that beats may not start")
	}

	between.Freeze()
	eventually(t, "the frozen node stops", func() bool { return !a.DB.MayStart() })
	var jobs []*dispatch.Job
	eventually(t, "the other takes over", func() bool {
		jobs = append(jobs, b.Claim(ep, false).Jobs...)
		return len(jobs) == 2
	})
	// What the frozen node writes meanwhile is committed once, or not at all.
	late := storetest.Own(a.Event(ep))
	accepted := make(chan error, 1)
	commit := a.Commit(late)
	commit.Done = func(err error) { accepted <- err }
	a.Check(a.Q.Submit(commit))

	between.Thaw()
	<-renewed
	if err := <-accepted; err != nil && peal.CodeOf(err) != peal.CodeUnavailable {
		t.Errorf("what was written meanwhile: %v", err)
	}
	eventually(t, "it may start again", a.DB.MayStart)
	if a.DB.Session() == session {
		t.Error("it has its old session")
	}
	if err := a.Record(a.Outcome(a.Job(e, 0), peal.Succeeded, 200))[0]; !errors.Is(err, dispatch.ErrFenced) {
		t.Errorf("it recorded what it lost: %v", err)
	}
	b.Check(b.Record(b.Outcome(jobs[0], peal.Succeeded, 200))[0])
	fresh := storetest.Own(a.Event(ep))
	a.Accept(fresh)
	a.Check(a.Record(a.Outcome(a.Job(fresh, 0), peal.Succeeded, 200))[0])
}

// A node that closes leaves nothing to wait for.
func TestNodeLeaves(t *testing.T) {
	a, b := twoNodes(t)
	ep := a.Endpoint()
	a.Accept(storetest.Own(a.Event(ep)))
	a.Reopen()
	if c := b.Claim(ep, false); len(c.Jobs) != 1 {
		t.Errorf("claimed %v", c.Jobs)
	}
}

// The database's clock is the nodes', whatever their own say: none takes the other for
// dead, and what one leaves for later is due for the other then.
func TestNodesTakeTheDatabasesTime(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	a, b := storetest.NewNode(t, url, quick), storetest.NewNode(t, url, quick)
	a.Pass(10 * time.Minute)
	b.Pass(-10 * time.Minute)
	sessions := [2]int64{a.DB.Session(), b.DB.Session()}
	ep := a.Endpoint()
	e := storetest.Own(a.Event(ep))
	a.Accept(e)
	o := a.Outcome(a.Job(e, 0), peal.Retrying, 500)
	o.Now = a.DB.Now()
	o.DueAt = o.Now.Add(20 * quick) // several times what makes a session dead
	a.Check(a.Record(o)[0])
	eventually(t, "the other node claims it", func() bool {
		now := b.DB.Now()
		c, err := b.Q.Claim(b.Ctx, dispatch.ClaimRequest{Endpoint: ep, Now: now, Limit: 10, Bytes: 1 << 20})
		b.Check(err)
		if len(c.Jobs) > 0 && now.Before(o.DueAt) {
			t.Errorf("claimed at %s, and due at %s", now, o.DueAt)
		}
		return len(c.Jobs) > 0
	})
	if d := a.DB.Now().Sub(b.DB.Now()).Abs(); d > time.Second {
		t.Errorf("they are %v apart", d)
	}
	if now := [2]int64{a.DB.Session(), b.DB.Session()}; now != sessions {
		t.Errorf("sessions %v became %v", sessions, now)
	}
}
