package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/store/storetest"
)

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func tables(t testing.TB, conn *pgx.Conn, parent string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::text::regclass ORDER BY 1", parent)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func purgeWith(f *storetest.Fixture, r janitor.Retention) {
	f.Helper()
	for {
		n, err := f.Q.Purge(f.Ctx, r, f.Now())
		f.Check(err)
		if n == 0 {
			return
		}
	}
}

// An event is accepted whatever day the clock says, also where nobody made its
// partition or another node has just dropped it.
func TestPartitionsAreMadeWhenNeeded(t *testing.T) {
	t.Parallel()
	f := storetest.New(t, forgetful)
	conn := connect(t, f.URL)
	for _, jump := range []time.Duration{0, 10 * 24 * time.Hour, -400 * 24 * time.Hour, 800 * 24 * time.Hour} {
		f.Pass(jump)
		e := storetest.Own(f.Event(f.Endpoint()))
		f.Accept(e)
		f.Check(f.Record(f.Outcome(f.Job(e, 0), peal.Succeeded, 200))[0])
		f.Delivery(e.Deliveries[0].ID)
	}
	gone := f.Now().Format("20060102")
	if _, err := conn.Exec(t.Context(), fmt.Sprintf("DROP TABLE event_%s, done_%s", gone, gone)); err != nil {
		t.Fatal(err)
	}
	e := storetest.Own(f.Event(f.Endpoint()))
	f.Accept(e)
	f.Check(f.Record(f.Outcome(f.Job(e, 0), peal.Succeeded, 200))[0])
	if d := f.Delivery(e.Deliveries[0].ID); d.Status != peal.Succeeded {
		t.Errorf("stored %+v", d)
	}
}

// Days are made ahead, and go once they are old; a day of events that a paused endpoint
// waits for is thinned, and goes with the last of them.
func TestPartitionsComeAndGo(t *testing.T) {
	t.Parallel()
	f := storetest.New(t, forgetful)
	conn := connect(t, f.URL)
	keep := janitor.Retention{Deliveries: 30 * 24 * time.Hour, Events: 90 * 24 * time.Hour}
	first := "event_" + f.Now().Format("20060102")
	ep, paused := f.Endpoint(), f.Endpoint()
	waits, old := f.Event(paused), storetest.Own(f.Event(ep))
	waits.Event.ClientID, old.Event.ClientID = "waits", "old"
	f.Accept(waits, old)
	f.Check(f.Record(f.Outcome(f.Job(old, 0), peal.Dead, 500))[0])
	purgeWith(f, keep)
	for i := range 8 {
		name := "event_" + f.Now().AddDate(0, 0, i).Format("20060102")
		if !strings.Contains(strings.Join(tables(t, conn, "event"), " "), name) {
			t.Errorf("%s was not made ahead", name)
		}
	}
	f.Pass(95 * 24 * time.Hour)
	purgeWith(f, keep)
	if names := tables(t, conn, "event"); names[0] != first {
		t.Errorf("the day that is waited for is gone: %v", names)
	}
	if _, err := f.Q.Event(f.Ctx, f.Org, "waits"); err != nil {
		t.Error(err)
	}
	if _, err := f.Q.Event(f.Ctx, f.Org, "old"); peal.CodeOf(err) != peal.CodeNotFound {
		t.Errorf("an old event: %v", err)
	}
	// It is delivered, late, and kept for as long as any other.
	c := f.Claim(paused, false)
	f.Check(f.Record(f.Outcome(c.Jobs[0], peal.Succeeded, 200))[0])
	f.Pass(29 * 24 * time.Hour)
	purgeWith(f, keep)
	if d := f.Delivery(waits.Deliveries[0].ID); d.ClientID != "waits" {
		t.Errorf("the event of a late delivery is gone: %+v", d)
	}
	f.Pass(3 * 24 * time.Hour)
	purgeWith(f, keep)
	if names := tables(t, conn, "event"); names[0] == first {
		t.Error("a day that nobody needs is still there")
	}
	var refs int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM event_ref").Scan(&refs); err != nil || refs != 0 {
		t.Errorf("%d references are left, %v", refs, err)
	}
	if _, total, err := f.Q.DeliveriesOffset(f.Ctx, f.Org, paused, 0, 1); err != nil || total != 0 {
		t.Errorf("%d deliveries are counted, %v", total, err)
	}
}

// The lists are merged out of the indexes of the days, and never sorted.
func TestPartitionPlans(t *testing.T) {
	t.Parallel()
	f := storetest.New(t, forgetful)
	purgeWith(f, janitor.Retention{Deliveries: 30 * 24 * time.Hour, Events: 90 * 24 * time.Hour}) // makes days
	conn := connect(t, f.URL)
	id := peal.NewDeliveryID(f.Now())
	made := f.Now().UnixMicro()
	for query, args := range map[string][]any{
		"SELECT id FROM done WHERE org = $1 AND id >= $2 AND id < $3 AND finished_at >= $4 ORDER BY id DESC LIMIT 20001":                                    {"acme", id[:], []byte{255}, made},
		"SELECT id FROM done WHERE endpoint_id = $2 AND coalesce(org, '') = $1 AND id >= $2 AND id < $3 AND finished_at >= $4 ORDER BY id DESC LIMIT 20001": {"acme", id[:], []byte{255}, made},
		"SELECT id FROM event WHERE org = $1 AND id >= $2 AND id < $3 ORDER BY id DESC LIMIT 20001":                                                         {"acme", []byte{}, []byte{255}},
		"SELECT id FROM event WHERE org = $1 AND id = $2":                                                                                                   {"acme", id[:]},
		"SELECT attempts FROM done WHERE org = $1 AND id = $2 AND finished_at >= $3":                                                                        {"acme", id[:], made},
	} {
		tx, err := conn.Begin(t.Context())
		f.Check(err)
		_, err = tx.Exec(t.Context(), "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
		f.Check(err)
		rows, err := tx.Query(t.Context(), "EXPLAIN "+query, append([]any{pgx.QueryExecModeExec}, args...)...)
		f.Check(err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		f.Check(err)
		f.Check(tx.Rollback(t.Context()))
		plan := strings.Join(lines, "\n")
		if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Sort  ") {
			t.Errorf("%s\n%s", query, plan)
		}
		if strings.Contains(query, "event WHERE org = $1 AND id = $2") && strings.Count(plan, "Index") != 2 { // the scan and its condition
			t.Errorf("an event is looked for in more than its day:\n%s", plan)
		}
	}
}

// One node has the chore, and another takes it over once that one is dead.
func TestChoreIsOwned(t *testing.T) {
	a, b := twoNodes(t)
	owns := func(f *storetest.Fixture) (mine bool) {
		f.Helper()
		f.Check(f.DB.Write(f.Ctx, func(tx *store.Tx) (err error) {
			mine, err = tx.Owns(store.Janitor)
			return err
		}))
		return mine
	}
	if !owns(a) || owns(b) || !owns(a) {
		t.Fatal("two nodes have one chore, or none has")
	}
	conn := connect(t, a.URL)
	if _, err := conn.Exec(t.Context(), "UPDATE session SET reaped = true WHERE id = $1", a.DB.Session()); err != nil {
		t.Fatal(err)
	}
	if !owns(b) {
		t.Error("a dead session keeps its chore")
	}
}

// While the store stalls, a producer is told to come back later, and memory is bounded.
func TestStalledStoreRefuses(t *testing.T) {
	t.Parallel()
	f := storetest.New(t, forgetful)
	conn := connect(t, f.URL)
	lock, err := conn.Begin(t.Context())
	f.Check(err)
	if _, err := lock.Exec(t.Context(), "LOCK TABLE live IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const size, tries = 64 << 10, 4000 // 250 MiB in all
	ep := f.Endpoint()
	var settled sync.WaitGroup
	accepted, refused := 0, 0
	for range tries {
		e := f.Event(ep)
		e.Event.Data = make([]byte, size)
		settled.Add(1)
		c := f.Commit(e)
		c.Done = func(error) { settled.Done() }
		err := f.Q.Submit(c)
		if err == nil {
			accepted++
			continue
		}
		settled.Done()
		refused++
		var known *peal.Error
		if !errors.As(err, &known) || known.Code != peal.CodeTooManyRequests && known.Code != peal.CodeUnavailable || known.RetryAfter == 0 {
			t.Fatalf("refused with %v", err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if refused == 0 || accepted*size > 64<<20 {
		t.Errorf("%d were taken, %d refused", accepted, refused)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 150<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	f.Check(lock.Rollback(t.Context()))
	settled.Wait()
	eventually(t, "events are accepted again", func() bool {
		return f.Submit(&publish.Commit{Org: f.Org, Now: f.Now()})[0] == nil
	})
}
