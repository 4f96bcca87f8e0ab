package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
	"github.com/peal-dev/peal/internal/secret"
)

// world is a dispatcher with everything around it in memory, for use inside a
// synctest bubble: hours pass in no time and exactly.
type world struct {
	t     *testing.T
	queue *memory
	rows  *rows
	dir   *directory.Directory
	ring  *secret.Keyring
	d     *Dispatcher
	calls *receiver
	// channels are other ones than the receiver; nil for it.
	channels Channels
	stop     func()
	// uncertain is set while the node cannot know that its session lives.
	uncertain atomic.Bool
	// cut is set a little later.
	cut atomic.Bool
	// lanes is the queue where others share it.
	lanes Lanes
}

// receiver is the channel of the tests: a function answers, and every call is noted.
type receiver struct {
	mu     sync.Mutex
	calls  []call
	count  map[peal.EndpointID]int
	now    map[peal.EndpointID]int
	most   map[peal.EndpointID]int
	answer func(ctx context.Context, ep *peal.Endpoint, n int) channel.Result
}

type call struct {
	at       time.Time
	endpoint peal.EndpointID
	event    string
}

func (*receiver) Kind() string                                { return "webhook" }
func (*receiver) Fields() []channel.Field                     { return nil }
func (*receiver) Check(context.Context, *peal.Endpoint) error { return nil }

func (r *receiver) Get(kind string) (channel.Channel, bool) {
	if kind == "people" {
		return people{r}, true
	}
	return r, kind == "webhook"
}

// people is the same channel for people: it renders by itself, and panics when it is
// asked to.
type people struct{ *receiver }

func (people) Kind() string { return "people" }

func (people) Render(ep *peal.Endpoint, m *channel.Message) ([]byte, []peal.Header, error) {
	if ep.Name == "panics" {
		panic("boom")
	}
	body := m.Title + " for " + ep.Name + " as " + m.Delivery.String()
	return []byte(body), []peal.Header{{Name: "Content-Type", Value: "text/plain"}, {Name: "webhook-id", Value: m.Single().ID.String()}}, nil
}

func (r *receiver) Send(ctx context.Context, ep *peal.Endpoint, req channel.Request) channel.Result {
	c := call{at: time.Now(), endpoint: ep.ID}
	for _, h := range req.Headers {
		if h.Name == "webhook-id" {
			c.event = h.Value
		}
	}
	r.mu.Lock()
	r.calls = append(r.calls, c)
	r.count[ep.ID]++
	n := r.count[ep.ID]
	r.now[ep.ID]++
	r.most[ep.ID] = max(r.most[ep.ID], r.now[ep.ID])
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.now[ep.ID]--
		r.mu.Unlock()
	}()
	return r.answer(ctx, ep, n)
}

// to lists the calls of one endpoint.
func (r *receiver) to(id peal.EndpointID) []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []call
	for _, c := range r.calls {
		if c.endpoint == id {
			out = append(out, c)
		}
	}
	return out
}

func accept(context.Context, *peal.Endpoint, int) channel.Result {
	return channel.Result{StatusCode: 204}
}

func refuse(context.Context, *peal.Endpoint, int) channel.Result {
	return channel.Result{StatusCode: 500, Err: errors.New("answered 500")}
}

// hang answers nothing until the attempt's time is over.
func hang(ctx context.Context, _ *peal.Endpoint, _ int) channel.Result {
	<-ctx.Done()
	return channel.Result{Err: errors.New("no answer in time")}
}

// rows is a directory.Source in memory.
type rows struct {
	mu      sync.Mutex
	version int64
	all     []directory.Row
}

func (s *rows) Changes(_ context.Context, since int64) ([]directory.Row, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []directory.Row
	for _, r := range s.all {
		if r.Version > since {
			out = append(out, r)
		}
	}
	return out, s.version, nil
}

func newWorld(t *testing.T, answer func(context.Context, *peal.Endpoint, int) channel.Result) *world {
	w := idleWorld(t, answer)
	w.start()
	return w
}

// idleWorld is a world whose dispatcher has not been started.
func idleWorld(t *testing.T, answer func(context.Context, *peal.Endpoint, int) channel.Result) *world {
	w := &world{t: t, queue: newMemory(), rows: &rows{}}
	w.calls = &receiver{answer: answer, count: map[peal.EndpointID]int{}, now: map[peal.EndpointID]int{}, most: map[peal.EndpointID]int{}}
	return w
}

var testKey = make([]byte, 32)

// start makes a dispatcher on what is there, as a process that starts does.
func (w *world) start() {
	ring, err := secret.NewKeyring(testKey)
	if err != nil {
		w.t.Fatal(err)
	}
	w.ring = ring
	channels := w.channels
	if channels == nil {
		channels = w.calls
	}
	w.dir = directory.New(w.rows, ring, slog.New(slog.DiscardHandler))
	w.d = New(Config{
		Store: w.queue, Lanes: w.lanes, Hand: w.queue, Health: w.queue, Events: w.queue,
		Directory: w.dir, Profiles: profile.Builtin(), Channels: channels,
		Disable: func(_ context.Context, id peal.EndpointID, reason string) error {
			ep, _ := w.dir.Endpoint(id)
			next := *ep
			next.Status, next.StatusReason = peal.Disabled, reason
			w.put(&next)
			return nil
		},
		MayStart: func() bool { return !w.uncertain.Load() },
		MayGoOn:  func() bool { return !w.cut.Load() },
		Session:  w.queue.number,
		Now:      time.Now, Random: func() float64 { return 0.5 }, Log: slog.New(slog.DiscardHandler),
		Slots: 64, LaneConcurrency: 8, MemoryBudget: 8 << 20,
		DisableAfter: 120 * time.Hour, DrainTimeout: 20 * time.Second,
	})
	if err := w.dir.Refresh(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := w.d.Run(ctx); err != nil {
			w.t.Error(err)
		}
	}()
	w.stop = func() { cancel(); <-ended }
}

// put stores an endpoint and has the directory see it.
func (w *world) put(ep *peal.Endpoint) *peal.Endpoint {
	return w.write(ep, false)
}

func (w *world) write(ep *peal.Endpoint, deleted bool) *peal.Endpoint {
	doc, err := json.Marshal(ep)
	if err != nil {
		w.t.Fatal(err)
	}
	private, err := json.Marshal(ep.Private)
	if err != nil {
		w.t.Fatal(err)
	}
	w.rows.mu.Lock()
	w.rows.version++
	w.rows.all = append(w.rows.all, directory.Row{
		Kind: directory.KindEndpoint, Org: ep.Org, ID: ep.ID.String(), Version: w.rows.version, Deleted: deleted,
		Doc: doc, Sealed: w.ring.Seal(private, directory.SealedFor(directory.KindEndpoint, ep.Org, ep.ID.String())),
	})
	w.rows.mu.Unlock()
	if err := w.dir.Refresh(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	return ep
}

func (w *world) endpoint(profileName string, change func(*peal.Endpoint)) *peal.Endpoint {
	ep := &peal.Endpoint{
		ID: peal.NewEndpointID(time.Now()), Org: peal.DefaultOrg, Kind: "webhook", Profile: profileName,
		URL: "https://example.test/", Status: peal.Active,
	}
	if change != nil {
		change(ep)
	}
	return w.put(ep)
}

func (w *world) publish(ep *peal.Endpoint) peal.DeliveryID {
	now := time.Now()
	ev := &peal.Event{
		ID: peal.NewEventID(now), Org: ep.Org, Type: "order.paid", Source: "test", Severity: peal.Info,
		Title: "t", Message: "m", Time: now, AcceptedAt: now, Data: []byte(`{"n":1}`),
	}
	return w.queue.insert(w.d, ev, ep, now)
}

// settled waits until every goroutine has nothing to do at this moment.
func (w *world) settled() { synctest.Wait() }

// accountsAreEmpty checks that nothing of a finished delivery stays in memory.
func (w *world) accountsAreEmpty() {
	w.t.Helper()
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	if w.d.bytes != 0 {
		w.t.Errorf("%d bytes are still accounted for", w.d.bytes)
	}
	for id, l := range w.d.lanes {
		if l.owned != 0 || l.bytes != 0 || len(l.held) != 0 || len(l.queue) != 0 || l.inFlight != 0 {
			w.t.Errorf("lane %s still holds owned=%d bytes=%d held=%d queue=%d in flight=%d", id, l.owned, l.bytes, len(l.held), len(l.queue), l.inFlight)
		}
	}
}
