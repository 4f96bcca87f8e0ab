package directory_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
)

// memory is a source that keeps the last row of each object.
type memory struct {
	mu      sync.Mutex
	version int64
	rows    map[[3]string]directory.Row
	err     error
	reads   int
	gate    chan struct{} // where set, a read waits for it after it has read
}

func (m *memory) put(rows ...directory.Row) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version++
	if m.rows == nil {
		m.rows = map[[3]string]directory.Row{}
	}
	for _, r := range rows {
		r.Version = m.version
		m.rows[[3]string{r.Kind, r.Org, r.ID}] = r
	}
	return m.version
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *memory) Changes(ctx context.Context, since int64) ([]directory.Row, int64, error) {
	rows, version, err := m.read(since)
	if m.gate != nil {
		select {
		case <-m.gate:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
	return rows, version, err
}

func (m *memory) read(since int64) ([]directory.Row, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	var rows []directory.Row
	for _, r := range m.rows {
		if r.Version > since {
			rows = append(rows, r)
		}
	}
	slices.SortStableFunc(rows, func(a, b directory.Row) int { return int(a.Version - b.Version) })
	return rows, m.version, m.err
}

func newRing(t testing.TB, fill byte) *secret.Keyring {
	t.Helper()
	ring, err := secret.NewKeyring(bytes.Repeat([]byte{fill}, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func newDirectory(t testing.TB, src directory.Source) *directory.Directory {
	t.Helper()
	return directory.New(src, newRing(t, 1), slog.New(slog.DiscardHandler))
}

func refresh(t testing.TB, d *directory.Directory) {
	t.Helper()
	if err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func orgRow(t testing.TB, id string, created time.Time) directory.Row {
	return directory.Row{Kind: directory.KindOrg, Org: id, ID: id, Doc: marshal(t, peal.Org{ID: id, Name: id, CreatedAt: created})}
}

func endpointRow(t testing.TB, ep *peal.Endpoint) directory.Row {
	return directory.Row{
		Kind: directory.KindEndpoint, Org: ep.Org, ID: ep.ID.String(), Doc: marshal(t, ep),
		Sealed: newRing(t, 1).Seal(marshal(t, ep.Private), directory.SealedFor(directory.KindEndpoint, ep.Org, ep.ID.String())),
	}
}

func deleted(r directory.Row) directory.Row {
	return directory.Row{Kind: r.Kind, Org: r.Org, ID: r.ID, Deleted: true}
}

// endpoint makes an endpoint whose id depends on n alone.
func endpoint(org string, n int, events ...peal.Pattern) *peal.Endpoint {
	id := peal.EndpointID{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	return &peal.Endpoint{ID: id, Org: org, Kind: "webhook", Status: peal.Active, Events: events}
}

func event(eventType string) *peal.Event {
	return &peal.Event{Type: eventType, Data: []byte(`{"total":7}`)}
}

func TestRefreshSharesAReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &memory{gate: make(chan struct{})}
		d := newDirectory(t, src)
		var wg sync.WaitGroup
		wg.Go(func() { refresh(t, d) })
		synctest.Wait() // the first has read nothing yet and waits at the gate
		want := src.put(orgRow(t, "late", time.Time{}))
		for range 20 {
			wg.Go(func() {
				refresh(t, d)
				if got := d.Version(); got != want {
					t.Errorf("after Refresh the version is %d, want %d: it joined a reading from before the change", got, want)
				}
			})
		}
		synctest.Wait()
		close(src.gate)
		wg.Wait()
		if src.reads != 2 {
			t.Errorf("21 calls read the source %d times, want 2", src.reads)
		}
	})
}

func TestRefreshOutlivesTheLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &memory{gate: make(chan struct{})}
		d := newDirectory(t, src)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { refresh(t, d) })
		synctest.Wait()
		wg.Go(func() {
			if err := d.Refresh(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("the cancelled leader got %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() { refresh(t, d) }) // waits for the leader's round
		synctest.Wait()
		cancel()
		close(src.gate)
		wg.Wait()
	})
}

// records counts what is logged.
type records struct {
	slog.Handler
	mu       sync.Mutex
	messages []string
}

func (r *records) Handle(_ context.Context, rec slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, rec.Level.String())
	return nil
}

func TestRunFollowsAndLogsChangesOfState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &memory{}
		logged := &records{Handler: slog.NewTextHandler(bytes.NewBuffer(nil), nil)}
		d := directory.New(src, newRing(t, 1), slog.New(logged))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()

		want := src.put(orgRow(t, "a", time.Time{}))
		time.Sleep(2 * directory.PollInterval)
		if d.Version() != want {
			t.Errorf("version %d, want %d", d.Version(), want)
		}
		src.fail(errors.New("away"))
		time.Sleep(10 * directory.PollInterval)
		if _, ok := d.Org("a"); !ok {
			t.Error("what was known is gone while the source is away")
		}
		src.fail(nil)
		time.Sleep(10 * directory.PollInterval)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if got := logged.messages; !slices.Equal(got, []string{"ERROR", "INFO"}) {
			t.Errorf("logged %v, want one ERROR and one INFO", got)
		}
	})
}

func TestChangesAreAnnouncedInOrder(t *testing.T) {
	src := &memory{}
	d := newDirectory(t, src)
	var got []directory.Change
	d.OnChange(func(c directory.Change) {
		if c.Endpoint != nil {
			if now, ok := d.Endpoint(c.EndpointID); !ok || now != c.Endpoint {
				t.Error("a change is announced before it is applied")
			}
		}
		got = append(got, c)
	})
	first, second := endpoint("a", 1), endpoint("a", 2)
	src.put(orgRow(t, "a", time.Time{}))
	src.put(endpointRow(t, first))
	src.put(endpointRow(t, second))
	refresh(t, d)
	src.put(deleted(endpointRow(t, first)))
	refresh(t, d)

	if len(got) != 4 {
		t.Fatalf("%d changes, want 4", len(got))
	}
	if got[0].Kind != directory.KindOrg || got[1].EndpointID != first.ID || got[2].EndpointID != second.ID {
		t.Errorf("changes out of order: %v", got)
	}
	if last := got[3]; last.EndpointID != first.ID || last.Endpoint != nil {
		t.Errorf("a deletion is announced as %+v", last)
	}
}

func TestUnreadableRows(t *testing.T) {
	good := endpoint("a", 1)
	good.Private.Headers = map[string]string{"X-Team": "billing"}
	otherKey := endpointRow(t, endpoint("a", 2))
	otherKey.Sealed = newRing(t, 2).Seal([]byte("{}"), directory.SealedFor(directory.KindEndpoint, "a", endpoint("a", 2).ID.String()))
	swapped := endpointRow(t, endpoint("a", 3))
	swapped.Sealed = endpointRow(t, good).Sealed
	garbled := endpointRow(t, endpoint("a", 4))
	garbled.Doc = []byte(`{"id":`)
	badFilter := endpoint("a", 5)
	badFilter.Filter = "event.nope =="
	src := &memory{}
	src.put(
		orgRow(t, "a", time.Time{}), endpointRow(t, good), otherKey, swapped, garbled, endpointRow(t, badFilter),
		directory.Row{Kind: "hook", Org: "a", ID: "whk_1", Doc: []byte("{}")},
		directory.Row{Kind: directory.KindKey, Org: "a", ID: "key_1", Doc: []byte(`{"hash":"YWJj"}`)},
	)
	var log bytes.Buffer
	d := directory.New(src, newRing(t, 1), slog.New(slog.NewTextHandler(&log, nil)))
	refresh(t, d)
	if n := strings.Count(log.String(), "start with that key"); n != 1 || !strings.Contains(log.String(), "damaged") {
		t.Errorf("%d lines say what to do about the key:\n%s", n, &log)
	}

	eps, _, err := d.Match("a", event("x"), peal.EndpointID{})
	if err != nil {
		t.Fatal(err)
	}
	// Those whose subscription is known keep collecting; a bad filter takes nothing.
	if len(eps) != 3 || eps[0].ID != good.ID {
		t.Fatalf("matched %d endpoints, want the readable one and the two without secrets", len(eps))
	}
	if eps[0].Private.Headers["X-Team"] != "billing" {
		t.Error("the private part did not survive sealing")
	}
	all, _, err := d.Endpoints("a", peal.Page{})
	if err != nil || len(all) != 5 {
		t.Fatalf("%d endpoints are listed (%v), want all 5", len(all), err)
	}
	for _, ep := range all {
		broken := d.Broken(ep.ID)
		if ep.ID == good.ID || ep.ID == badFilter.ID {
			if broken != "" || ep.Status != peal.Active {
				t.Errorf("a good row is %s: %q", ep.Status, broken)
			}
			continue
		}
		if broken == "" || ep.Status != peal.Disabled || ep.StatusReason != broken || ep.Org != "a" {
			t.Errorf("%s is %s because of %q (%q), want disabled with a reason", ep.ID, ep.Status, ep.StatusReason, broken)
		}
	}
	if got := d.Verdict("a", badFilter, event("x")); got != directory.ReasonFilter {
		t.Errorf("the verdict on a bad filter is %q", got)
	}
	if keys, _, _ := d.Keys("a", peal.Page{}); len(keys) != 0 {
		t.Error("a key without a hash is listed")
	}
}

// A secret that was put into another org's row under the same name cannot be read there.
func TestSecretsBelongToTheirOrgs(t *testing.T) {
	row := func(org, sealedFor string) directory.Row {
		s := &peal.Secret{Name: "TOKEN", Org: org, Sealed: peal.SecretPrivate{Value: "of " + sealedFor}}
		return directory.Row{
			Kind: directory.Secrets.Kind, Org: org, ID: s.Name, Doc: marshal(t, s),
			Sealed: newRing(t, 1).Seal(marshal(t, s.Sealed), directory.SealedFor(directory.Secrets.Kind, sealedFor, s.Name)),
		}
	}
	src := &memory{}
	src.put(orgRow(t, "a", time.Time{}), orgRow(t, "b", time.Time{}), row("a", "a"), row("b", "a"))
	d := directory.New(src, newRing(t, 1), slog.New(slog.DiscardHandler))
	refresh(t, d)
	if s, ok := directory.Secrets.Get(d, "a", "TOKEN"); !ok || s.Sealed.Value != "of a" {
		t.Errorf("the org's own secret is %+v", s)
	}
	if s, ok := directory.Secrets.Get(d, "b", "TOKEN"); ok {
		t.Errorf("another org reads %+v", s)
	}
}
