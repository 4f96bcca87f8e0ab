package settings_test

import (
	"bytes"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
	"github.com/peal-dev/peal/internal/secret"
	"github.com/peal-dev/peal/internal/settings"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/store/queue"
	storesettings "github.com/peal-dev/peal/internal/store/settings"
)

const (
	actor  = "key_of_a_test"
	target = "https://127.0.0.1/hook"
)

// node is a service with its directory, on a database that nodes share.
type node struct {
	*settings.Service
	rows rows
	dir  *directory.Directory
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, err error, code peal.Code) {
	t.Helper()
	if peal.CodeOf(err) != code || err == nil {
		t.Errorf("got %v, want the code %s", err, code)
	}
}

// rows are the configuration of one database.
type rows struct {
	*storesettings.Store
	queue *queue.Queue
}

func newRows(t testing.TB) rows {
	t.Helper()
	return rowsAt(t, "sqlite:"+filepath.Join(t.TempDir(), "peal.db"))
}

func rowsAt(t testing.TB, url string) rows {
	t.Helper()
	db := must[*store.DB](t)(store.Open(t.Context(), store.Config{
		URL: url, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}))
	t.Cleanup(func() { check(t, db.Close()) })
	return rows{storesettings.New(db), queue.New(db)}
}

// newNode makes a node on the rows, with the default org, that may reach loopback.
func newNode(t testing.TB, r rows) *node {
	t.Helper()
	return nodeWith(t, r, 3, netip.MustParsePrefix("127.0.0.0/8"))
}

func nodeWith(t testing.TB, r rows, key byte, allow ...netip.Prefix) *node {
	t.Helper()
	client := must[*egress.Client](t)(egress.New(egress.Options{AllowCIDRs: allow}))
	t.Cleanup(client.Close)
	ring := must[*secret.Keyring](t)(secret.NewKeyring(bytes.Repeat([]byte{key}, secret.KeySize)))
	dir := directory.New(r, ring, slog.New(slog.DiscardHandler))
	n := &node{rows: r, dir: dir, Service: settings.New(settings.Config{
		Store: r, Directory: dir, Ring: ring, Profiles: profile.Builtin(), Channels: channel.All(client), Now: time.Now,
		AllowsWebhooks: func(plan string) bool { return plan != "free" && plan != "trial" },
	})}
	check(t, dir.Refresh(t.Context()))
	check(t, n.EnsureDefaults(t.Context()))
	return n
}

func draft(profile string) *peal.Endpoint {
	return &peal.Endpoint{Org: peal.DefaultOrg, Kind: "webhook", Profile: profile, URL: target, Events: []peal.Pattern{"budget.*"}}
}

func (n *node) create(t testing.TB, ep *peal.Endpoint) (*peal.Endpoint, string) {
	t.Helper()
	made, value, err := n.CreateEndpoint(t.Context(), actor, ep)
	check(t, err)
	return made, value
}

// stored is the endpoint as a node reads it that has just started.
func (n *node) stored(t testing.TB, id peal.EndpointID) *peal.Endpoint {
	t.Helper()
	fresh := directory.New(n.rows, n.Ring, slog.New(slog.DiscardHandler))
	check(t, fresh.Refresh(t.Context()))
	ep, ok := fresh.Endpoint(id)
	if !ok {
		t.Fatalf("endpoint %s is not stored", id)
	}
	return ep
}
