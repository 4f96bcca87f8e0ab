package publish

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
	"github.com/peal-dev/peal/internal/secret"
)

// script is a Store that answers commits as a test says, at once.
type script struct {
	answers []string
	commits []*Commit
}

func (s *script) Submit(c *Commit) error {
	answer := "commit"
	if n := len(s.commits); n < len(s.answers) {
		answer = s.answers[n]
	}
	s.commits = append(s.commits, c)
	switch answer {
	case "full":
		return &peal.Error{Code: peal.CodeTooManyRequests}
	case "stale":
		c.Done(ErrStale)
	case "failed":
		c.Done(&peal.Error{Code: peal.CodeUnavailable})
	case "duplicate":
		c.Duplicate = true
		c.Done(nil)
	case "repeated id":
		c.Events[0].Duplicate = true
		c.Done(nil)
	case "suppressed":
		for _, d := range c.Events[0].Deliveries {
			d.Status, d.Reason = peal.Suppressed, "dedup"
		}
		c.Done(nil)
	default:
		c.Done(nil)
	}
	return nil
}

// ledger counts what publish takes and gives back; every second reservation fails.
type ledger struct {
	asked, reserved, unreserved, delivered, waiting int
}

func (l *ledger) Reserve(peal.EndpointID, int) bool {
	l.asked++
	if l.asked%2 == 0 {
		return false
	}
	l.reserved++
	return true
}
func (l *ledger) Unreserve(peal.EndpointID, int)                 { l.unreserved++ }
func (l *ledger) Deliver(_ *peal.Event, placed []peal.Placement) { l.delivered += len(placed) }
func (l *ledger) Waiting(peal.EndpointID)                        { l.waiting++ }

func (l *ledger) Due(peal.EndpointID, time.Time) { l.waiting++ }

type source []directory.Row

func (s source) Changes(_ context.Context, since int64) ([]directory.Row, int64, error) {
	var rows []directory.Row
	for _, r := range s {
		if r.Version > since {
			rows = append(rows, r)
		}
	}
	return rows, int64(len(s)), nil
}

func newPublisher(t interface{ Fatal(...any) }, store Store, lanes Lanes, endpoints ...*peal.Endpoint) *Publisher {
	var rows source
	add := func(kind, id string, v any) {
		doc, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, directory.Row{Kind: kind, Org: peal.DefaultOrg, ID: id, Doc: doc, Version: int64(len(rows) + 1)})
	}
	add(directory.KindOrg, peal.DefaultOrg, peal.Org{ID: peal.DefaultOrg})
	for _, ep := range endpoints {
		add(directory.KindEndpoint, ep.ID.String(), ep)
	}
	ring, err := secret.NewKeyring(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	dir := directory.New(rows, ring, slog.New(slog.DiscardHandler))
	if err := dir.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	return New(Config{
		Store: store, Directory: dir, Profiles: profile.Builtin(), Lanes: lanes, Now: time.Now,
		MaxEventBytes: 1 << 10, IdempotencyTTL: 24 * time.Hour,
	})
}

func endpoint(profileName string, status peal.EndpointStatus) *peal.Endpoint {
	return &peal.Endpoint{ID: peal.NewEndpointID(time.Now()), Org: peal.DefaultOrg, Kind: "webhook", Profile: profileName, Status: status}
}

// However commits end, every place that was reserved is either used or given back.
func TestPlacesAreUsedOrGivenBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lanes := &ledger{}
		store := &script{answers: rapid.SliceOfN(rapid.SampledFrom([]string{
			"commit", "stale", "full", "failed", "duplicate", "repeated id", "suppressed",
		}), 0, 25).Draw(rt, "answers")}
		p := newPublisher(t, store, lanes,
			endpoint("standard", peal.Active), endpoint("nemo", peal.Paused), endpoint("curate-me", peal.Active), endpoint("nolxy", peal.Disabled))
		events := rapid.IntRange(1, 3).Draw(rt, "events")
		inputs := make([]Input, events)
		for i := range inputs {
			inputs[i] = Input{Type: "a"}
		}
		_, err := p.Publish(context.Background(), Request{Org: peal.DefaultOrg, Inputs: inputs})
		if lanes.reserved != lanes.unreserved+lanes.delivered {
			rt.Fatalf("%d places reserved, %d given back, %d used (%v)", lanes.reserved, lanes.unreserved, lanes.delivered, err)
		}
		if err != nil && lanes.delivered+lanes.waiting > 0 {
			rt.Fatalf("an error (%v) and %d deliveries", err, lanes.delivered+lanes.waiting)
		}
	})
}

func TestAStaleMatchIsMadeAgain(t *testing.T) {
	store := &script{answers: []string{"stale", "stale", "commit"}}
	p := newPublisher(t, store, &ledger{}, endpoint("standard", peal.Active))
	if _, err := p.Publish(t.Context(), Request{Org: peal.DefaultOrg, Inputs: []Input{{Type: "a"}}}); err != nil {
		t.Fatal(err)
	}
	if len(store.commits) != 3 {
		t.Errorf("%d commits, want 3", len(store.commits))
	}
}

func TestAConfigurationThatNeverRestsIsAnError(t *testing.T) {
	store := &script{}
	for range staleTries {
		store.answers = append(store.answers, "stale")
	}
	p := newPublisher(t, store, &ledger{})
	_, err := p.Publish(t.Context(), Request{Org: peal.DefaultOrg, Inputs: []Input{{Type: "a"}}})
	if peal.CodeOf(err) != peal.CodeUnavailable {
		t.Errorf("%v, want unavailable", err)
	}
}

func TestHowProfilesChangeADelivery(t *testing.T) {
	for _, c := range []struct {
		ep     *peal.Endpoint
		status peal.Status
		dedup  string
	}{
		{endpoint("standard", peal.Active), peal.Pending, ""},
		{endpoint("standard", peal.Paused), peal.Pending, ""},
		{endpoint("nemo", peal.Active), peal.Pending, ""},
		{endpoint("nemo", peal.Paused), peal.Dropped, ""},
		{endpoint("nemo", peal.Disabled), peal.Dropped, ""},
		{endpoint("curate-me", peal.Active), peal.Pending, "curate-me"},
		{endpoint("curate-me", peal.Paused), peal.Pending, "curate-me"},
		{endpoint("no such profile", peal.Active), peal.Pending, ""},
	} {
		store := &script{}
		p := newPublisher(t, store, &ledger{}, c.ep)
		if _, err := p.Publish(t.Context(), Request{Org: peal.DefaultOrg, Inputs: []Input{{Type: "a"}}}); err != nil {
			t.Fatal(err)
		}
		d := store.commits[0].Events[0].Deliveries[0]
		if d.Status != c.status || d.DedupKey != c.dedup {
			t.Errorf("%s %s: %s, dedup %q, want %s, %q", c.ep.Profile, c.ep.Status, d.Status, d.DedupKey, c.status, c.dedup)
		}
	}
}

func TestEventsAreFilledIn(t *testing.T) {
	store := &script{}
	p := newPublisher(t, store, &ledger{})
	_, err := p.Publish(t.Context(), Request{Org: peal.DefaultOrg, Inputs: []Input{{Type: "invoice.paid"}}})
	if err != nil {
		t.Fatal(err)
	}
	ev := store.commits[0].Events[0].Event
	if ev.Title == "" || ev.Severity != peal.Info || ev.Source == "" || ev.Time.IsZero() || string(ev.Data) != "{}" {
		t.Errorf("%+v", ev)
	}
}

// One transaction cannot write any number of rows.
func TestABatchMakesOnlySoManyDeliveries(t *testing.T) {
	endpoints := make([]*peal.Endpoint, MaxDeliveries/MaxBatch+1)
	for i := range endpoints {
		endpoints[i] = endpoint("standard", peal.Active)
	}
	store := &script{}
	p := newPublisher(t, store, &ledger{}, endpoints...)
	batch := slices.Repeat([]Input{{Type: "a"}}, MaxBatch)
	_, err := p.Publish(t.Context(), Request{Org: peal.DefaultOrg, Inputs: batch})
	if peal.CodeOf(err) != peal.CodeTooLarge || len(store.commits) != 0 {
		t.Errorf("%d events to %d endpoints: %v", len(batch), len(endpoints), err)
	}
	for _, inputs := range [][]Input{batch[:MaxDeliveries/len(endpoints)], batch[:1]} {
		if _, err := p.Publish(t.Context(), Request{Org: peal.DefaultOrg, Inputs: inputs}); err != nil {
			t.Errorf("%d events to %d endpoints: %v", len(inputs), len(endpoints), err)
		}
	}
}

// Whether a batch that makes too many is the repeat of one that did not is for the store
// to tell, which gets nothing to write.
func TestABatchOfTooManyMayBeARepeat(t *testing.T) {
	endpoints := make([]*peal.Endpoint, MaxDeliveries/MaxBatch+1)
	for i := range endpoints {
		endpoints[i] = endpoint("standard", peal.Active)
	}
	batch := slices.Repeat([]Input{{Type: "a"}}, MaxBatch)
	named := slices.Clone(batch)
	named[MaxBatch-1].ClientID = "mine"
	for name, r := range map[string]Request{
		"by its key":     {Org: peal.DefaultOrg, Inputs: batch, Key: "k"},
		"by an event id": {Org: peal.DefaultOrg, Inputs: named},
	} {
		store := &script{answers: []string{"duplicate"}}
		p := newPublisher(t, store, &ledger{}, endpoints...)
		if got, err := p.Publish(t.Context(), r); err != nil || !got.Duplicate {
			t.Fatalf("%s: %+v, %v", name, got, err)
		}
		for _, e := range store.commits[0].Events {
			if peal.CodeOf(e.Refused) != peal.CodeTooLarge || len(e.Deliveries) != 0 {
				t.Fatalf("%s: an event with %d deliveries, refused for %v", name, len(e.Deliveries), e.Refused)
			}
		}
	}
}

func TestPublishRefuses(t *testing.T) {
	p := newPublisher(t, &script{}, &ledger{})
	big := Input{Type: "a", Data: make([]byte, 2<<10)}
	for name, c := range map[string]struct {
		r    Request
		code peal.Code
	}{
		"unknown org":   {Request{Org: "nobody", Inputs: []Input{{Type: "a"}}}, peal.CodeNotFound},
		"bad type":      {Request{Org: peal.DefaultOrg, Inputs: []Input{{Type: "a b"}}}, peal.CodeInvalid},
		"large":         {Request{Org: peal.DefaultOrg, Inputs: []Input{big}}, peal.CodeTooLarge},
		"large in list": {Request{Org: peal.DefaultOrg, Inputs: []Input{{Type: "a"}, big}}, peal.CodeTooLarge},
		"long key":      {Request{Org: peal.DefaultOrg, Inputs: []Input{{Type: "a"}}, Key: string(make([]byte, MaxKeyLen+1))}, peal.CodeInvalid},
	} {
		if _, err := p.Publish(t.Context(), c.r); peal.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

func TestARaisedRowIsConsumedWithItsEvent(t *testing.T) {
	store := &script{}
	ep := endpoint("standard", peal.Active)
	ep.Events = []peal.Pattern{"delivery.*"}
	other := endpoint("standard", peal.Active)
	other.Events = ep.Events
	p := newPublisher(t, store, &ledger{}, ep, other)
	err := p.raise(t.Context(), &peal.Raised{Seq: 7, Org: peal.DefaultOrg, Type: peal.TypeDeliveryDead, Data: []byte(`{}`), Exclude: ep.ID})
	if err != nil {
		t.Fatal(err)
	}
	c := store.commits[0]
	if c.RaisedSeq != 7 || len(c.Events) != 1 || len(c.Events[0].Deliveries) != 1 || c.Events[0].Deliveries[0].Endpoint != other.ID {
		t.Errorf("%+v", c)
	}
	if err := p.raise(t.Context(), &peal.Raised{Seq: 8, Org: "deleted", Type: peal.TypeDeliveryDead}); err != nil {
		t.Fatal(err)
	}
	if c := store.commits[1]; c.RaisedSeq != 8 || len(c.Events) != 0 {
		t.Errorf("a raised row of a deleted org: %+v", c)
	}
	gone := &script{}
	p = newPublisher(t, goneStore{gone}, &ledger{})
	if err := p.raise(t.Context(), &peal.Raised{Seq: 9, Org: peal.DefaultOrg, Type: peal.TypeDeliveryDead}); err != nil {
		t.Errorf("a row that another node consumed: %v", err)
	}
}

type goneStore struct{ *script }

func (goneStore) Submit(c *Commit) error { c.Done(ErrRaisedGone); return nil }

func TestTheWaitEndsWithTheCaller(t *testing.T) {
	p := newPublisher(t, silent{}, &ledger{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := p.Publish(ctx, Request{Org: peal.DefaultOrg, Inputs: []Input{{Type: "a"}}})
	if peal.CodeOf(err) != peal.CodeUnavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

type silent struct{}

func (silent) Submit(*Commit) error { return nil }
