package storetest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/secret"
	"github.com/peal-dev/peal/internal/settings"
	"github.com/peal-dev/peal/internal/store/storetest"
	"github.com/peal-dev/peal/test/pgtest"
)

// node is a whole node but for its API.
type node struct {
	*storetest.Fixture
	dispatcher *dispatch.Dispatcher
	publisher  *publish.Publisher
	settings   *settings.Service
	stop       func()
}

func newNode(t *testing.T, url string, beat time.Duration) *node {
	n := &node{Fixture: storetest.NewNode(t, url, beat)}
	ring, err := secret.NewKeyring(make([]byte, 32))
	n.Check(err)
	client, err := egress.New(egress.Options{AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, AllowHTTP: true})
	n.Check(err)
	log, channels, profiles := slog.New(slog.DiscardHandler), channel.All(client), profile.Builtin()
	dir := directory.New(n.S, ring, log)
	n.settings = settings.New(settings.Config{
		Store: n.S, Directory: dir, Ring: ring, Profiles: profiles, Channels: channels, Now: n.DB.Now,
		AllowsWebhooks: func(string) bool { return true },
	})
	n.dispatcher = dispatch.New(dispatch.Config{
		Store: n.Q, Lanes: n.Q.Lanes(), Hand: n.Q, Health: n.Q, Events: n.Q, Directory: dir, Profiles: profiles, Channels: channels,
		Disable: n.settings.Disable, MayStart: n.DB.MayStart, MayGoOn: n.DB.MayGoOn, Session: n.DB.Session,
		Now: n.DB.Now, Random: rand.Float64, Log: log,
		Slots: 200, LaneConcurrency: 20, MemoryBudget: 64 << 20, DisableAfter: time.Hour, DrainTimeout: 5 * time.Second,
	})
	n.publisher = publish.New(publish.Config{
		Store: n.Q, Reader: n.Q, Directory: dir, Profiles: profiles, Lanes: n.dispatcher, Sender: n.dispatcher,
		Now: n.DB.Now, MaxEventBytes: 1 << 20, IdempotencyTTL: time.Hour,
	})
	n.DB.OnNewSession(n.dispatcher.Forget)
	n.Check(dir.Refresh(n.Ctx))
	n.Check(n.settings.EnsureDefaults(n.Ctx))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{dir.Run, n.dispatcher.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	n.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		client.Close()
	})
	t.Cleanup(n.stop)
	return n
}

func (n *node) endpoint(url, path string, change func(*peal.Endpoint)) *peal.Endpoint {
	n.Helper()
	ep := &peal.Endpoint{
		Org: peal.DefaultOrg, Kind: "webhook", URL: url + "/" + path, Events: []peal.Pattern{peal.Pattern(path)}, Profile: profile.Default, Status: peal.Active,
		Retry: &peal.RetryOverride{Schedule: slices.Repeat([]peal.Duration{peal.Duration(100 * time.Millisecond)}, 20)},
	}
	change(ep)
	ep, _, err := n.settings.CreateEndpoint(n.Ctx, "test", ep)
	n.Check(err)
	return ep
}

// publish accepts two events that tell their numbers.
func (n *node) publish(kind string, number int) error {
	_, err := n.publisher.Publish(n.Ctx, publish.Request{Org: peal.DefaultOrg, Inputs: []publish.Input{
		{Type: kind, Data: fmt.Appendf(nil, `{"number":%d}`, number)},
		{Type: kind, Data: fmt.Appendf(nil, `{"number":%d}`, number+1)},
	}})
	return err
}

// counter is a receiver that notes what arrives on each path.
type counter struct {
	mu      sync.Mutex
	arrived map[string][]arrival
	now     map[string]int
	// takes is how long an answer takes; a fails says which arrivals are refused.
	takes map[string]time.Duration
	fails func(path string, number, times int) bool
	times map[string]map[int]int
}

type arrival struct {
	at       time.Time
	number   int
	inFlight int // with it
}

func newCounter(t *testing.T) (*counter, string) {
	c := &counter{
		arrived: map[string][]arrival{}, now: map[string]int{}, takes: map[string]time.Duration{},
		times: map[string]map[int]int{}, fails: func(string, int, int) bool { return false },
	}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return c, server.URL
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path[1:]
	var body struct {
		Data struct {
			Number int `json:"number"`
		} `json:"data"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	number := body.Data.Number
	c.mu.Lock()
	c.now[path]++
	c.arrived[path] = append(c.arrived[path], arrival{time.Now(), number, c.now[path]})
	if c.times[path] == nil {
		c.times[path] = map[int]int{}
	}
	c.times[path][number]++
	fails := c.fails(path, number, c.times[path][number])
	takes := c.takes[path]
	c.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-r.Context().Done(): // nobody waits for it any more
	}
	c.mu.Lock()
	c.now[path]--
	c.mu.Unlock()
	if fails {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

func (c *counter) to(path string) []arrival {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.arrived[path])
}

// kinds is how many different events arrived.
func (c *counter) kinds(path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.times[path])
}

// wantOrder checks the order of first arrivals.
func (c *counter) wantOrder(t *testing.T, path string) {
	t.Helper()
	last, seen := -1, map[int]bool{}
	for _, a := range c.to(path) {
		if seen[a.number] {
			continue
		}
		seen[a.number] = true
		if a.number < last {
			t.Errorf("%s: number %d arrived after %d", path, a.number, last)
		}
		last = a.number
	}
}

// wantRate checks every window of so many seconds.
func (c *counter) wantRate(t *testing.T, path string, perSecond, seconds int) {
	t.Helper()
	all := c.to(path)
	worst, from := 0, 0
	for i, a := range all {
		for a.at.Sub(all[from].at) > time.Duration(seconds)*time.Second {
			from++
		}
		worst = max(worst, i-from+1)
	}
	most := perSecond * seconds * 11 / 10
	t.Logf("%s: at most %d arrived within %d s, %d are allowed", path, worst, seconds, most)
	if worst > most {
		t.Errorf("%s: %d arrived within %d s, want at most %d", path, worst, seconds, most)
	}
}

func (c *counter) wantInFlight(t *testing.T, path string, most int, since time.Time) {
	t.Helper()
	worst := 0
	for _, a := range c.to(path) {
		if a.at.After(since) {
			worst = max(worst, a.inFlight)
		}
	}
	t.Logf("%s: at most %d in flight", path, worst)
	if worst > most {
		t.Errorf("%s: %d in flight, want at most %d", path, worst, most)
	}
}

// TestLimitsAcrossNodes publishes to three nodes while one of them is cut off from the
// database but not from the receiver, another stops, and an endpoint becomes limited.
func TestLimitsAcrossNodes(t *testing.T) {
	t.Parallel()
	const beat = 500 * time.Millisecond
	direct := storetest.Postgres(t)
	between, through := pgtest.NewWire(t, direct)
	receiver, url := newCounter(t)
	receiver.takes = map[string]time.Duration{"few": 30 * time.Millisecond, "later": 40 * time.Millisecond}
	receiver.fails = func(_ string, number, times int) bool { return number%10 == 3 && times == 1 }
	a, b, c := newNode(t, through, beat), newNode(t, direct, beat), newNode(t, direct, beat)
	a.endpoint(url, "ordered", func(ep *peal.Endpoint) { ep.Ordered = true })
	a.endpoint(url, "rated", func(ep *peal.Endpoint) { ep.RateLimit = 50 })
	a.endpoint(url, "few", func(ep *peal.Endpoint) { ep.MaxInFlight = 3 })
	later := a.endpoint(url, "later", func(*peal.Endpoint) {})

	kinds := []string{"ordered", "rated", "few", "later"}
	published := 0
	publishOn := func(n *node) {
		for _, kind := range kinds {
			if err := n.publish(kind, published); err != nil {
				t.Fatal(err)
			}
		}
		published += 2
	}
	load := func(d time.Duration, nodes ...*node) {
		tick := time.NewTicker(25 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(d); time.Now().Before(end); <-tick.C {
			publishOn(nodes[published/2%len(nodes)])
		}
	}
	load(time.Second, a) // which takes all lanes
	load(time.Second, a, b, c)
	between.Freeze()
	load(time.Second, b, c)
	_, err := b.settings.UpdateEndpoint(b.Ctx, "test", peal.DefaultOrg, later.ID, func(ep *peal.Endpoint) error {
		ep.MaxInFlight = 2
		return nil
	})
	b.Check(err)
	load(3*time.Second, b, c)
	limited := time.Now()
	between.Thaw()
	load(time.Second, b, c)
	eventually(t, "the frozen node is back", a.DB.MayStart)
	load(time.Second, a, b, c)
	c.stop()
	c.Reopen()
	load(2*time.Second, a, b)

	for _, kind := range kinds {
		eventually(t, kind+" is delivered", func() bool { return receiver.kinds(kind) == published })
	}
	receiver.wantOrder(t, "ordered")
	receiver.wantRate(t, "rated", 50, 5)
	receiver.wantInFlight(t, "ordered", 1, time.Time{})
	receiver.wantInFlight(t, "few", 3, time.Time{})
	receiver.wantInFlight(t, "later", 2, limited)
	for _, kind := range kinds {
		t.Logf("%s: %d events arrived %d times", kind, published, len(receiver.to(kind)))
	}
}

// What people do works on a node that does not own the lane.
func TestHandsAcrossNodes(t *testing.T) {
	t.Parallel()
	direct := storetest.Postgres(t)
	receiver, url := newCounter(t)
	a, b := newNode(t, direct, 0), newNode(t, direct, 0)
	ep := a.endpoint(url, "ordered", func(ep *peal.Endpoint) {
		ep.Ordered = true
		ep.Retry = &peal.RetryOverride{Schedule: slices.Repeat([]peal.Duration{peal.Duration(time.Hour)}, 3)}
	})
	receiver.fails = func(_ string, number, _ int) bool { return number == 0 || number == 3 }
	waits := func(times int) (id peal.DeliveryID) {
		eventually(t, fmt.Sprintf("the head waits after attempt %d", times), func() bool {
			rows, _, err := b.Q.Deliveries(b.Ctx, peal.DeliveryFilter{Org: peal.DefaultOrg, Endpoint: ep.ID, Status: peal.Retrying}, peal.Page{Limit: 10})
			b.Check(err)
			for _, r := range rows {
				id = r.ID
			}
			return len(rows) == 1 && rows[0].AttemptCount == times
		})
		return id
	}
	a.Check(a.publish("ordered", 0))
	a.Check(a.publish("ordered", 2))
	head := waits(1)
	// Retried by the other node, it is sent at once and stays the head.
	b.Check(b.dispatcher.Retry(b.Ctx, peal.DefaultOrg, head))
	if again := waits(2); again != head {
		t.Errorf("%s is the head after %s", again, head)
	}
	// Cancelled by the other node, it lets the next pass.
	b.Check(b.dispatcher.Cancel(b.Ctx, peal.DefaultOrg, head))
	next := waits(1)
	if got := receiver.kinds("ordered"); got != 4 {
		t.Errorf("%d events arrived", got)
	}
	receiver.wantOrder(t, "ordered")
	// A replay by the other node goes to the end of the order.
	b.Check(b.dispatcher.Retry(b.Ctx, peal.DefaultOrg, head))
	b.Check(b.dispatcher.Cancel(b.Ctx, peal.DefaultOrg, next))
	eventually(t, "the cancelled one is sent again", func() bool { return len(receiver.to("ordered")) == 6 })
	if last := receiver.to("ordered")[5]; last.number != 0 {
		t.Errorf("number %d came last", last.number)
	}
}

// A record belongs to the session that claimed, also where the row is claimed again.
func TestRecordsOfALostSession(t *testing.T) {
	t.Parallel()
	direct := storetest.Postgres(t)
	between, through := pgtest.NewWire(t, direct)
	a, b := storetest.NewNode(t, through, quick), storetest.NewNode(t, direct, quick)
	renewed := make(chan struct{}, 10)
	a.DB.OnNewSession(func() { renewed <- struct{}{} })
	ep := a.Endpoint()
	e := storetest.Own(a.Event(ep))
	a.Accept(e)
	before := a.Job(e, 0)
	between.Freeze()
	eventually(t, "it is released", func() bool {
		c, err := b.Q.Backlog(b.Ctx, peal.EndpointID{}, 10)
		b.Check(err)
		return len(c) == 1
	})
	between.Thaw()
	<-renewed
	var again []*dispatch.Job
	eventually(t, "it is claimed again", func() bool {
		again = a.Claim(ep, false).Jobs
		return len(again) == 1
	})
	if err := a.Record(a.Outcome(before, peal.Succeeded, 200))[0]; !errors.Is(err, dispatch.ErrFenced) {
		t.Errorf("the outcome of the lost session: %v", err)
	}
	if n, err := a.Q.Owned(a.Ctx); err != nil || len(n) != 1 {
		t.Errorf("%d owned, %v", len(n), err)
	}
	a.Check(a.Record(a.Outcome(again[0], peal.Succeeded, 200))[0])
}
