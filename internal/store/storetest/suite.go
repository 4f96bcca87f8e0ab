package storetest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/store/flow"
	"github.com/peal-dev/peal/internal/store/ledger"
	"github.com/peal-dev/peal/internal/store/queue"
	"github.com/peal-dev/peal/internal/store/settings"
	"github.com/peal-dev/peal/internal/workflow"
)

// Backend makes an empty database for a test and returns its URL.
type Backend func(t testing.TB) (url string)

// Run runs the suite.
func Run(t *testing.T, empty Backend) {
	Cases(t, empty)
	t.Run("model", func(t *testing.T) {
		t.Parallel()
		testModel(t, empty)
	})
	t.Run("ledger/model", func(t *testing.T) {
		t.Parallel()
		testLedgerModel(t, empty)
	})
}

// Cases runs the suite without the long comparison with a model.
func Cases(t *testing.T, empty Backend) {
	for _, group := range []struct {
		name  string
		tests map[string]func(*Fixture)
	}{
		{"commit", commitTests},
		{"record", recordTests},
		{"claim", claimTests},
		{"group", groupTests},
		{"hand", handTests},
		{"list", listTests},
		{"search", searchTests},
		{"settings", settingsTests},
		{"purge", purgeTests},
		{"flow", flowTests},
		{"flow", flowClaimTests},
		{"flow", flowPurgeTests},
		{"desk", deskTests},
		{"writer", writerTests},
		{"ledger", ledgerTests},
		{"ledger", limitTests},
		{"ledger", reservationTests},
		{"ledger", standingTests},
		{"ledger", orderTests},
		{"simulation", simulationTests},
		{"daylight", daylightTests},
	} {
		for name, test := range group.tests {
			t.Run(group.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				test(New(t, empty))
			})
		}
	}
}

// Fixture is an open database with a clock that stands still until it is set.
type Fixture struct {
	testing.TB
	Ctx context.Context
	URL string
	DB  *store.DB
	Q   *queue.Queue
	S   *settings.Store
	F   *flow.Flow
	L   *ledger.Ledger
	// Org is whose everything is.
	Org string
	// Heartbeat is the session's, for those who wait for one to die.
	Heartbeat time.Duration

	mu  sync.Mutex
	now time.Time

	starting sync.WaitGroup
	started  []*workflow.Commit
}

// New opens an empty database.
func New(t testing.TB, empty Backend) *Fixture { return NewNode(t, empty(t), 0) }

// NewNode opens a database that may be open elsewhere.
func NewNode(t testing.TB, url string, heartbeat time.Duration) *Fixture {
	f := &Fixture{
		TB: t, Ctx: t.Context(), Org: "acme", URL: url, Heartbeat: heartbeat,
		now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
	f.Open()
	t.Cleanup(func() { f.Check(f.DB.Close()) })
	return f
}

// Open opens the fixture's database, which must not be open.
func (f *Fixture) Open() {
	f.Helper()
	db, err := store.Open(f.Ctx, store.Config{URL: f.URL, Log: slog.New(slog.DiscardHandler), Now: f.Now, Heartbeat: f.Heartbeat})
	f.Check(err)
	f.DB, f.Q, f.S, f.F, f.L = db, queue.New(db), settings.New(db), flow.New(db), ledger.New(db)
}

// Reopen closes the database and opens it again, as the next process would.
func (f *Fixture) Reopen() {
	f.Helper()
	f.Check(f.DB.Close())
	f.Open()
}

// Now is the fixture's clock.
func (f *Fixture) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// Pass moves the clock on.
func (f *Fixture) Pass(d time.Duration) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
	return f.now
}

// Check fails the test on an error.
func (f *Fixture) Check(err error) {
	if err != nil {
		f.Helper()
		f.Fatal(err)
	}
}

// WantCode fails the test unless err has the code.
func (f *Fixture) WantCode(err error, code peal.Code) {
	if err == nil || peal.CodeOf(err) != code {
		f.Helper()
		f.Fatalf("got %v, want the code %s", err, code)
	}
}

// Endpoint makes an endpoint's id.
func (f *Fixture) Endpoint() peal.EndpointID { return peal.NewEndpointID(f.Now()) }

// Event makes an event with a pending, unowned delivery for each endpoint.
func (f *Fixture) Event(endpoints ...peal.EndpointID) *publish.NewEvent {
	now := f.Now()
	ev := &peal.Event{
		ID: peal.NewEventID(now), Org: f.Org, Type: "order.created", Source: "shop", Subject: "42", Severity: peal.Info,
		Title: "Order", Message: "An order", Time: now.Add(-time.Second), Data: []byte(`{"total":12.50}`),
	}
	ev.AcceptedAt = ev.ID.Time()
	e := &publish.NewEvent{Event: ev, Hash: sha256.Sum256(ev.Data)}
	for _, ep := range endpoints {
		e.Deliveries = append(e.Deliveries, &publish.NewDelivery{
			ID: peal.NewDeliveryID(now), Endpoint: ep, Status: peal.Pending, Size: 100,
		})
	}
	return e
}

// Commit makes a commit of events that does not wait yet.
func (f *Fixture) Commit(events ...*publish.NewEvent) *publish.Commit {
	return &publish.Commit{Org: f.Org, Now: f.Now(), Events: events}
}

// Submit submits commits and gives the outcome of each once all are settled.
func (f *Fixture) Submit(commits ...*publish.Commit) []error {
	f.Helper()
	errs := make([]error, len(commits))
	var settled sync.WaitGroup
	for i, c := range commits {
		settled.Add(1)
		c.Done = func(err error) {
			errs[i] = err
			settled.Done()
		}
		f.Check(f.Q.Submit(c))
	}
	settled.Wait()
	return errs
}

// Accept commits events that must be accepted.
func (f *Fixture) Accept(events ...*publish.NewEvent) {
	f.Helper()
	f.Check(f.Submit(f.Commit(events...))[0])
}

// Together runs f while the writer is held, so that all that it submits is taken in
// one turn.
func (f *Fixture) Together(submit func()) {
	f.Helper()
	held, release := make(chan struct{}), make(chan struct{})
	var holding sync.WaitGroup
	holding.Go(func() {
		if err := f.DB.Write(f.Ctx, func(*store.Tx) error {
			close(held)
			<-release
			return nil
		}); err != nil {
			f.Error(err)
		}
	})
	<-held
	submit()
	close(release)
	holding.Wait()
}

// Job is the job of a delivery that was committed as owned.
func (f *Fixture) Job(e *publish.NewEvent, i int) *dispatch.Job {
	d := e.Deliveries[i]
	return &dispatch.Job{
		ID: d.ID, Endpoint: d.Endpoint, Message: dispatch.NewMessage(e.Event),
		Session: f.DB.Session(), DueAt: f.Now(), Size: d.Size,
	}
}

// Claim claims up to ten deliveries that are due.
func (f *Fixture) Claim(ep peal.EndpointID, ordered bool) dispatch.Claimed {
	f.Helper()
	c, err := f.Q.Claim(f.Ctx, dispatch.ClaimRequest{Endpoint: ep, Now: f.Now(), Limit: 10, Bytes: 1 << 20, Ordered: ordered})
	f.Check(err)
	return c
}

// Outcome makes the outcome of an attempt of a job.
func (f *Fixture) Outcome(j *dispatch.Job, status peal.Status, code int) *dispatch.Outcome {
	o := &dispatch.Outcome{Job: j, Now: f.Now(), Status: status, Attempt: &peal.Attempt{
		Number: j.AttemptCount + 1, StartedAt: f.Now(), Duration: 5 * time.Millisecond, StatusCode: code,
		Profile: "standard", RequestHeaders: map[string]string{"webhook-id": "x"}, ResponseBody: "line\n\"two\"",
	}}
	if status != peal.Succeeded {
		o.Attempt.Error = fmt.Sprintf("the endpoint answered %d", code)
	}
	if status == peal.Retrying {
		o.DueAt = f.Now().Add(time.Minute)
	}
	return o
}

// Record records outcomes and gives what became of each.
func (f *Fixture) Record(outcomes ...*dispatch.Outcome) []error {
	errs := make([]error, len(outcomes))
	var settled sync.WaitGroup
	for i, o := range outcomes {
		settled.Add(1)
		o.Done = func(err error) {
			errs[i] = err
			settled.Done()
		}
		f.Q.Record(o)
	}
	settled.Wait()
	return errs
}

// Delivery reads a delivery that must be there.
func (f *Fixture) Delivery(id peal.DeliveryID) *peal.Delivery {
	f.Helper()
	d, err := f.Q.Delivery(f.Ctx, f.Org, id)
	f.Check(err)
	return d
}

// Own marks an event's deliveries as owned from the start.
func Own(e *publish.NewEvent) *publish.NewEvent {
	for _, d := range e.Deliveries {
		d.Owned = true
	}
	return e
}
