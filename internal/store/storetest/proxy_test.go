package storetest_test

import (
	"bytes"
	"errors"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between a node and its database, to be cut, frozen or deaf.
type proxy struct {
	t        testing.TB
	listener net.Listener
	server   string
	serving  sync.WaitGroup

	mu     sync.Mutex
	thaw   sync.Cond
	frozen bool
	cut    bool
	// onCommit is told of each COMMIT and says what to do with it.
	onCommit func() fate
	conns    map[net.Conn]bool
}

// fate is what becomes of a COMMIT.
type fate int

const (
	passes  fate = iota
	lost         // before the server got it
	unheard      // with its answer
)

// newProxy gives the URL that leads through it.
func newProxy(t testing.TB, to string) (p *proxy, through string) {
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	p = &proxy{t: t, server: u.Host, conns: map[net.Conn]bool{}}
	p.thaw.L = &p.mu
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.serving.Go(p.accept)
	t.Cleanup(func() {
		p.set(func() { p.frozen = false })
		if err := p.listener.Close(); err != nil {
			t.Error(err)
		}
		p.drop()
		p.serving.Wait()
	})
	u.Host = p.listener.Addr().String()
	return p, u.String()
}

// set changes what the proxy does.
func (p *proxy) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	p.thaw.Broadcast()
}

// drop ends all connections.
func (p *proxy) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				p.t.Error(err)
			}
			return
		}
		p.mu.Lock()
		refused := p.cut
		p.mu.Unlock()
		server, err := net.Dial("tcp", p.server)
		if err != nil || refused {
			_ = client.Close()
			if err == nil {
				_ = server.Close()
			}
			continue
		}
		p.set(func() { p.conns[client], p.conns[server] = true, true })
		deaf := &atomic.Bool{}
		p.serving.Go(func() { p.copy(server, client, deaf, true) })
		p.serving.Go(func() { p.copy(client, server, deaf, false) })
	}
}

func (p *proxy) copy(to, from net.Conn, deaf *atomic.Bool, fromClient bool) {
	defer func() {
		_, _ = to.Close(), from.Close()
		p.set(func() { delete(p.conns, to); delete(p.conns, from) })
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil || !fromClient && deaf.Load() {
			return
		}
		p.mu.Lock()
		for p.frozen {
			p.thaw.Wait()
		}
		what := passes
		if fromClient && p.onCommit != nil && bytes.Contains(buf[:n], []byte("COMMIT")) {
			what = p.onCommit()
		}
		p.mu.Unlock()
		if what == lost {
			return
		}
		deaf.Store(deaf.Load() || what == unheard)
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
