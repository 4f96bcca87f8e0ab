package blackbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// resumedIn is how soon after the promotion of a standby all goes on.
const resumedIn = 10 * time.Second

// The primary ends under load, at once or by falling silent, and its synchronous
// standby is promoted. Nothing that was accepted is lost, and both nodes go on by
// themselves.
func TestFailover(t *testing.T) {
	for _, how := range []string{"kill", "stop"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			clusters := newClusters(t)
			nodes := []*server{newNode(t, clusters.url), newNode(t, clusters.url)}
			r := newReceiver(t, nil)
			nodes[0].Admin().Endpoint(t, r.URL, "events", []string{"plain"})
			l := newLoad(nodes...)
			for n := range nodes {
				for range 3 {
					l.Publish("plain", 2*time.Millisecond, answerWithin, n)
				}
			}
			time.Sleep(2 * time.Second)
			clusters.run(t, how)
			time.Sleep(2 * time.Second)
			clusters.run(t, "promote")
			promoted := time.Now()
			for _, s := range nodes {
				within(t, resumedIn, func() error { return takesEvents(s.Admin()) })
				ready := within(t, resumedIn, func() error { return ready(s.Admin(), 200) })
				if took := time.Since(promoted); took > resumedIn {
					t.Errorf("a node accepted again %s after the promotion", took)
				} else {
					t.Logf("a node accepted again %s after the promotion, and was ready %s later", took.Round(time.Millisecond), ready.Round(time.Millisecond))
				}
			}
			within(t, resumedIn-time.Since(promoted), func() error {
				if got := r.Got(); len(got) == 0 || got[len(got)-1].At.Before(promoted) {
					return errors.New("nothing was delivered")
				}
				return nil
			})
			time.Sleep(time.Second)
			l.Stop(t)
			if l.slowest > answeredIn {
				t.Errorf("an answer took %s", l.slowest)
			}
			within(t, patience, func() error { return settled(nodes[0].Admin()) })
			l.Arrived(t, "plain", r)
			order, _, again := first(t, r)
			t.Logf("%d of %d deliveries came again", len(again), len(order))
		})
	}
}

func takesEvents(c *caller) error {
	a, err := c.Do("POST", "/v1/events", object{"type": "other", "data": object{}})
	if err == nil && a.Status != 202 {
		err = fmt.Errorf("answered %d: %s", a.Status, clip(a.Body))
	}
	return err
}

// clusters are a primary and its synchronous standby.
type clusters struct{ script, dir, url string }

func newClusters(t *testing.T) *clusters {
	t.Helper()
	if found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_basebackup"); err != nil || len(found) == 0 {
		required(t, "clusters are made with Debian's PostgreSQL, which is not installed")
	}
	script, err := filepath.Abs(filepath.Join(root, "scripts/failover.sh"))
	if err != nil {
		t.Fatal(err)
	}
	start := exec.Command(script, "start")
	start.Stderr = os.Stderr
	out, err := start.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	made := strings.Fields(string(out))
	if len(made) != 3 {
		t.Fatalf("the script printed %q", out)
	}
	c := &clusters{
		script: script, dir: made[0],
		url: fmt.Sprintf("postgres://postgres@127.0.0.1:%s,127.0.0.1:%s/test?sslmode=disable&target_session_attrs=read-write", made[1], made[2]),
	}
	t.Cleanup(func() { c.run(t, "remove") })
	return c
}

// run has the script do something to the clusters.
func (c *clusters) run(t *testing.T, what string) {
	t.Helper()
	if out, err := exec.Command(c.script, what, c.dir).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", what, err, out)
	}
}
