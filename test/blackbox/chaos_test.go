package blackbox

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/peal-dev/peal/test/pgtest"
)

// chaosFor is how long nodes are killed: PEAL_TEST_CHAOS, or as short as is needed for
// a stopped node to be taken for dead.
func chaosFor(t *testing.T) time.Duration {
	t.Helper()
	if setting := os.Getenv("PEAL_TEST_CHAOS"); setting != "" {
		d, err := time.ParseDuration(setting)
		if err != nil {
			t.Fatal(err)
		}
		return max(d, shortChaos)
	}
	return shortChaos
}

const (
	shortChaos = 24 * time.Second
	killEvery  = 4 * time.Second
	// unrecorded is how long after its arrival a delivery may not be recorded yet on a
	// busy machine, so that it is repeated where its node dies.
	unrecorded = 3 * time.Second
)

// fault is a time during which a node was not itself.
type fault struct{ from, to time.Time }

// Three nodes on one PostgreSQL: one is killed every few seconds, and one is stopped
// for half of the time and goes on. Nothing that was accepted is lost, only what was
// under way comes twice, order is kept, and no limit is passed.
func TestNodesDieUnderLoad(t *testing.T) {
	t.Parallel()
	total := chaosFor(t)
	database := pgtest.Schema(t)
	nodes := []*server{newNode(t, database), newNode(t, database), newNode(t, database)}
	c := nodes[0].Admin()
	plain := newReceiver(t, func(int) int { time.Sleep(5 * time.Millisecond); return 200 })
	c.Endpoint(t, plain.URL, "events", []string{"plain"})

	l := newLoad(nodes...)
	for n := range nodes {
		for range 2 {
			l.Publish("plain", 2*time.Millisecond, 3*time.Second, n)
		}
	}
	limits := newLimits(t, c, l)
	var faults []fault
	began := time.Now()
	time.Sleep(2 * time.Second)
	stopped := fault{from: time.Now()}
	signal(t, nodes[2], syscall.SIGSTOP)
	for kill := 0; time.Since(began) < total; kill++ {
		time.Sleep(killEvery)
		n := kill % 2
		if stopped.to.IsZero() && time.Since(stopped.from) >= total/2 {
			signal(t, nodes[2], syscall.SIGCONT)
			stopped.to = time.Now()
		}
		at := time.Now()
		nodes[n].Kill()
		nodes[n].Start(t)
		l.nodes[n].Store(nodes[n].URL)
		faults = append(faults, fault{at, time.Now()})
	}
	l.Stop(t)
	settled := within(t, patience, func() error { return settled(nodes[0].Admin()) })
	t.Logf("%d kills and a stop of %s; all was delivered %s after the last",
		len(faults), stopped.to.Sub(stopped.from).Round(time.Second), settled.Round(time.Second))
	l.Arrived(t, "plain", plain)
	limits.Hold(t, l)
	repeatsAreOfFaults(t, plain, append(faults, stopped))
}

func signal(t *testing.T, s *server, sig os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// repeatsAreOfFaults holds what came again to having been under way at a fault.
func repeatsAreOfFaults(t *testing.T, r *receiver, faults []fault) {
	t.Helper()
	order, at, again := first(t, r)
	for n := range again {
		excused := false
		for _, f := range faults {
			excused = excused || at[n].After(f.from.Add(-unrecorded)) && at[n].Before(f.to)
		}
		if !excused {
			t.Errorf("event %d came again and no node failed when it first came, at %s", n, at[n].Format(time.StampMilli))
		}
	}
	t.Logf("%d of %d deliveries came again", len(again), len(order))
}
