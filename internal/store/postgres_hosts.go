package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// hostFor bounds how long one host may take to answer, connectFor all of them.
	hostFor    = 5 * time.Second / 2
	connectFor = 5 * time.Second
	// nextHost is when the next host is asked while the one before has not answered.
	nextHost = 500 * time.Millisecond
)

// pgHosts makes connections to the one of several hosts that takes writes. A host that
// is silent does not hold up the others, and the last one that was good is asked first.
type pgHosts struct {
	hosts []*pgconn.Config

	mu   sync.Mutex
	good int
	// life is that of the connections to the good host: it ends when another one is.
	life context.Context //nolint:containedctx // it is many exchanges'
	end  context.CancelFunc
}

func newHosts(cfg *pgconn.Config) *pgHosts {
	h := &pgHosts{}
	h.life, h.end = context.WithCancel(context.Background())
	all := append([]*pgconn.FallbackConfig{{Host: cfg.Host, Port: cfg.Port, TLSConfig: cfg.TLSConfig}}, cfg.Fallbacks...)
	for i, at := range all {
		if i > 0 && at.Host == all[i-1].Host && at.Port == all[i-1].Port { // the same host without TLS
			last := h.hosts[len(h.hosts)-1]
			last.Fallbacks = append(last.Fallbacks, at)
			continue
		}
		own := cfg.Copy()
		own.Host, own.Port, own.TLSConfig, own.Fallbacks = at.Host, at.Port, at.TLSConfig, nil
		h.hosts = append(h.hosts, own)
	}
	return h
}

// pgLink is a connection with the life of those to its host.
type pgLink struct {
	*pgconn.PgConn
	life context.Context //nolint:containedctx // it is many exchanges'
}

// try is what came of asking a host.
type try struct {
	host int
	pg   *pgconn.PgConn
	err  error
}

// connect asks the hosts, each a little after the one before or once that has failed,
// and takes the first that is good.
func (h *pgHosts) connect(ctx context.Context) (*pgLink, error) {
	ctx, cancel := context.WithTimeout(ctx, connectFor)
	defer cancel()
	h.mu.Lock()
	order := h.good
	h.mu.Unlock()
	tries := make(chan try)
	ask := func(n int) {
		host := (order + n) % len(h.hosts)
		go func() {
			pg, err := pgconn.ConnectConfig(ctx, h.hosts[host])
			tries <- try{host, pg, err}
		}()
	}
	var failed error
	asked, answered := 1, 0
	ask(0)
	for answered < asked {
		var next <-chan time.Time
		if asked < len(h.hosts) {
			next = time.After(nextHost)
		}
		select {
		case <-next:
			ask(asked)
			asked++
		case t := <-tries:
			answered++
			if t.err == nil {
				cancel()
				h.drop(tries, asked-answered)
				return &pgLink{t.pg, h.found(t.host)}, nil
			}
			failed = errors.Join(failed, t.err)
			if asked < len(h.hosts) {
				ask(asked)
				asked++
			}
		}
	}
	return nil, failed
}

// drop waits for those that came too late; their context has ended.
func (h *pgHosts) drop(tries <-chan try, n int) {
	for range n {
		if t := <-tries; t.err == nil {
			closeNow(t.pg)
		}
	}
}

// found notes which host is good. What is said to another one is given up.
func (h *pgHosts) found(host int) context.Context {
	h.mu.Lock()
	defer h.mu.Unlock()
	if host != h.good {
		h.good = host
		h.end()
		h.life, h.end = context.WithCancel(context.Background())
	}
	return h.life
}

// closeNow closes a connection without a word.
func closeNow(pg *pgconn.PgConn) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = pg.Close(ctx) // it is given up
}
