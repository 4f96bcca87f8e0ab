//go:build unix

package blackbox

import (
	"testing"
	"time"

	"github.com/peal-dev/peal/test/pgtest"
)

// Two nodes behind a PgBouncer in transaction mode start together, share the load, and
// lose nothing when one is killed.
func TestThroughPgBouncer(t *testing.T) {
	t.Parallel()
	bouncer := pgtest.NewBouncer(t)
	database := bouncer.Through(t, pgtest.Schema(t))
	nodes := []*server{newNode(t, database), newNode(t, database)}
	c := nodes[0].Admin()
	r := newReceiver(t, nil)
	c.Endpoint(t, r.URL, "events", []string{"plain"})
	l := newLoad(nodes...)
	for n := range nodes {
		l.Publish("plain", 2*time.Millisecond, 3*time.Second, n)
	}
	time.Sleep(time.Second)
	nodes[1].Kill()
	nodes[1].Start(t)
	l.nodes[1].Store(nodes[1].URL)
	time.Sleep(time.Second)
	l.Stop(t)
	within(t, patience, func() error { return settled(c) })
	l.Arrived(t, "plain", r)
	late := c.Endpoint(t, r.URL, "events", []string{"late"})
	if got := nodes[1].Admin().Publish(t, "late", object{}); number(t, got, "deliveries") != 1 {
		t.Errorf("the other node missed %v: %v", late, got)
	}
	if err := nodes[1].Terminate(); err != nil {
		t.Error(err)
	}
}
