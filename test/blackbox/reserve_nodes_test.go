package blackbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/peal-dev/peal/test/pgtest"
)

// reservers ask two nodes, one of which is killed now and then.
type reservers struct {
	t    *testing.T
	as   caller
	urls [2]atomic.Value

	mu      sync.Mutex
	held    map[string]bool // ids that were allowed and not ended
	settled int
	// unknown are requests without an answer, which may hold what they asked for.
	unknown, denied, released int
}

// do asks a node, and where it does not answer fails.
func (r *reservers) do(node int, path string, body object) (*answer, error) {
	c := r.as
	c.URL = r.urls[node%2].Load().(string)
	a, err := c.Do("POST", path, body)
	if err == nil && a.Status >= 500 {
		err = fmt.Errorf("answered %d: %s", a.Status, clip(a.Body))
	}
	return a, err
}

// ask reserves one and a half, and gives the id of what is allowed.
func (r *reservers) ask(n int) (id string) {
	a, err := r.do(n, "/v1/reservations", object{
		"team": fmt.Sprint("team", n%3), "key": fmt.Sprint("key", n*7%16), "model": "m", "estimated_cost": "1.5",
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		if !errors.Is(err, syscall.ECONNREFUSED) {
			r.unknown++
		}
		return ""
	}
	var answered struct{ ID, Decision string }
	if err := json.Unmarshal(a.Body, &answered); err != nil || a.Status != 200 {
		r.t.Errorf("answered %d %s: %v", a.Status, clip(a.Body), err)
		return ""
	}
	if answered.Decision != "allow" {
		r.denied++
		return ""
	}
	r.held[answered.ID] = true
	return answered.ID
}

// end settles or releases until a node has answered.
func (r *reservers) end(n int, id, deed string, body object) {
	for try := 0; ; try++ {
		a, err := r.do(n+try, "/v1/reservations/"+id+"/"+deed, body)
		if err == nil {
			if a.Status != 200 {
				r.t.Errorf("%s: %d %s", deed, a.Status, clip(a.Body))
			}
			break
		}
		if try == 1000 {
			r.t.Error(err)
			return
		}
		time.Sleep(10 * time.Millisecond) // as a client does that means to try again
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.held, id)
	if deed == "settle" {
		r.settled++
	} else {
		r.released++
	}
}

// 64 reservers ask two nodes while one of them is killed: no budget and no balance is
// overspent, nothing that was answered is lost, and what is granted is what is spent,
// reserved and available.
func TestNodesDieUnderReservations(t *testing.T) {
	t.Parallel()
	database := pgtest.Schema(t)
	nodes := []*server{newNode(t, database), newNode(t, database)}
	c := newOrg(t, nodes[0], "profile", "curate-me")
	for _, rule := range []object{
		{"kind": "budget", "scope": "org", "period": "monthly", "limit": 1000},
		{"kind": "budget", "scope": "team", "period": "monthly", "limit": 300},
		{"kind": "budget", "scope": "key", "period": "monthly", "limit": 90},
		{"kind": "approval", "threshold": 2},
	} {
		c.Call(t, 201, "POST", "/v1/rules", rule)
	}
	c.Call(t, 201, "POST", "/v1/credits", object{"amount": 450})
	r := &reservers{t: t, as: *c, held: map[string]bool{}}
	for i, n := range nodes {
		r.urls[i].Store(n.URL)
		to := *c
		to.URL = n.URL
		eventually(t, func() error { return knows(&to, 4) })
	}
	var asked atomic.Int64
	var asking sync.WaitGroup
	const each = 16
	for reserver := range 64 {
		asking.Go(func() {
			for turn := range each {
				n := reserver + turn
				asked.Add(1)
				switch id := r.ask(n); {
				case id == "":
					time.Sleep(10 * time.Millisecond) // as a client does that was not answered
				case turn%3 == 0:
					r.end(n, id, "settle", object{"cost": "1.5", "tokens": 10, "status": 200})
				case turn%3 == 1:
					r.end(n, id, "release", nil)
				}
			}
		})
	}
	kills := 0
	for part := 1; part < 5 && !t.Failed(); part++ {
		for asked.Load() < int64(part*64*each/5) && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
		nodes[1].Kill()
		nodes[1].Start(t)
		r.urls[1].Store(nodes[1].URL)
		kills++
	}
	asking.Wait()
	t.Logf("%d kills: %d held, %d settled, %d released, %d denied, %d unanswered", kills, len(r.held), r.settled, r.released, r.denied, r.unknown)

	if r.denied == 0 {
		t.Error("there was enough for all")
	}
	spent, reserved := r.account(c, 450)
	least := 1.5 * float64(len(r.held))
	if spent != 1.5*float64(r.settled) || reserved < least || reserved > least+1.5*float64(r.unknown) {
		t.Errorf("%v are spent and %v reserved", spent, reserved)
	}
	for id := range r.held {
		if got := c.Call(t, 200, "GET", "/v1/reservations/"+id, nil); text(got, "decision") != "allow" {
			t.Errorf("lost: %v", got)
		}
	}
	for id := range r.held {
		r.end(0, id, "release", nil)
	}
	r.approvals(c, nodes[1])
	if spent, reserved = r.account(c, 450); reserved > 1.5*float64(r.unknown) || spent != 1.5*float64(r.settled) {
		t.Errorf("%v are spent and %v reserved after all that is known was released", spent, reserved)
	}
}

// account reads what is spent and reserved, which with what is available is what was granted,
// and never more.
func (r *reservers) account(c *caller, granted float64) (spent, reserved float64) {
	r.t.Helper()
	account := c.Call(r.t, 200, "GET", "/v1/credits", nil)
	amount := func(name string) float64 {
		f, err := strconv.ParseFloat(text(account, name), 64)
		if err != nil {
			r.t.Fatalf("%s: %v", name, account)
		}
		return f
	}
	spent, reserved = amount("spent"), amount("reserved")
	if available := amount("available"); amount("granted") != granted || spent+reserved+available != granted || available < 0 {
		r.t.Errorf("the account is %v", account)
	}
	return spent, reserved
}

// approvals asks for a person while a node dies: who was asked is told once, and so is what
// they say, whichever node they say it to and however often.
func (r *reservers) approvals(c *caller, dies *server) {
	r.t.Helper()
	var asking sync.WaitGroup
	for n := range 16 {
		asking.Go(func() {
			// Without an answer it may have been asked, which the list tells.
			_, _ = r.do(n, "/v1/reservations", object{"user": "grace", "model": "m", "estimated_cost": "2.5"})
		})
	}
	dies.Kill()
	asking.Wait()
	dies.Start(r.t)
	r.urls[1].Store(dies.URL)
	pending := c.List(r.t, "/v1/approvals?status=pending")
	if len(pending) == 0 {
		r.t.Error("nobody was asked")
	}
	for i, a := range pending {
		for try := range 2 {
			if answered, err := r.do(i+try, "/v1/approvals/"+text(a, "id")+"/deny", object{"by": "ada"}); err != nil || answered.Status != 200 {
				r.t.Errorf("%v %+v", err, answered)
			}
		}
	}
	for _, kind := range []string{"approval.requested", "approval.decided"} {
		within(r.t, patience, func() error {
			if told := c.List(r.t, "/v1/events?type="+kind); len(told) != len(pending) {
				return fmt.Errorf("%d of %s, want %d", len(told), kind, len(pending))
			}
			return nil
		})
	}
	told := []string{}
	for _, e := range c.List(r.t, "/v1/events?limit=200") {
		told = append(told, fmt.Sprint(e["type"], " ", e["id"]))
	}
	slices.Sort(told)
	if len(slices.Compact(slices.Clone(told))) != len(told) {
		r.t.Errorf("told twice: %v", told)
	}
}
