package pgtest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Wire stands between a node and its database, to be cut, frozen or deaf.
type Wire struct {
	t        testing.TB
	listener net.Listener
	server   string
	serving  sync.WaitGroup

	mu       sync.Mutex
	thaw     sync.Cond
	frozen   bool
	cut      bool
	onCommit func() Fate
	conns    map[net.Conn]bool
}

// Fate is what becomes of a COMMIT.
type Fate int

// What may become of one.
const (
	Passes  Fate = iota
	Lost         // before the server got it
	Unheard      // with its answer
)

// NewWire gives the URL that leads through it.
func NewWire(t testing.TB, to string) (w *Wire, through string) {
	t.Helper()
	w = &Wire{t: t, conns: map[net.Conn]bool{}}
	w.thaw.L = &w.mu
	var err error
	if w.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	through = with(t, to, func(u *url.URL, _ url.Values) {
		w.server = u.Host
		u.Host = w.listener.Addr().String()
	})
	w.serving.Go(w.accept)
	t.Cleanup(func() {
		w.Thaw()
		if err := w.listener.Close(); err != nil {
			t.Error(err)
		}
		w.Drop()
		w.serving.Wait()
	})
	return w, through
}

// Cut ends all connections and takes no new ones.
func (w *Wire) Cut() {
	w.set(func() { w.cut = true })
	w.Drop()
}

// Mend takes connections again.
func (w *Wire) Mend() { w.set(func() { w.cut = false }) }

// Freeze holds back all that is said, as a network does that drops every packet.
func (w *Wire) Freeze() { w.set(func() { w.frozen = true }) }

// Thaw lets it through, with what was held back.
func (w *Wire) Thaw() { w.set(func() { w.frozen = false }) }

// OnCommit has f decide what becomes of each COMMIT from now on.
func (w *Wire) OnCommit(f func() Fate) { w.set(func() { w.onCommit = f }) }

func (w *Wire) set(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	w.thaw.Broadcast()
}

// Drop ends all connections.
func (w *Wire) Drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		_ = c.Close()
	}
}

func (w *Wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				w.t.Error(err)
			}
			return
		}
		server, err := dial(w.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		refused := false
		w.set(func() {
			if refused = w.cut; !refused {
				w.conns[client], w.conns[server] = true, true
			}
		})
		if refused {
			_, _ = client.Close(), server.Close()
			continue
		}
		deaf := &atomic.Bool{}
		w.serving.Go(func() { w.copy(server, client, deaf, true) })
		w.serving.Go(func() { w.copy(client, server, deaf, false) })
	}
}

func dial(to string) (net.Conn, error) {
	return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(context.Background(), "tcp", to)
}

func (w *Wire) copy(to, from net.Conn, deaf *atomic.Bool, fromClient bool) {
	defer func() {
		_, _ = to.Close(), from.Close()
		w.set(func() { delete(w.conns, to); delete(w.conns, from) })
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil || !fromClient && deaf.Load() {
			return
		}
		w.mu.Lock()
		for w.frozen {
			w.thaw.Wait()
		}
		what := Passes
		if fromClient && w.onCommit != nil && bytes.Contains(buf[:n], []byte("COMMIT")) {
			what = w.onCommit()
		}
		w.mu.Unlock()
		if what == Lost {
			return
		}
		deaf.Store(deaf.Load() || what == Unheard)
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
