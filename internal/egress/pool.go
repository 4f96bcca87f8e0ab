package egress

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"time"
)

// Bounds of the pool. Dials at once are few per host, so that a burst after a quiet
// minute does not meet the receiver as a flood of handshakes.
const (
	maxIdle        = 1024
	maxIdlePerHost = 256
	maxDials       = 8
	idleTimeout    = 75 * time.Second
	// justUsed is how long a connection that went idle is taken for good without
	// asking the kernel. One that is dead all the same is found out when it is used.
	justUsed = 10 * time.Millisecond
)

// pool keeps idle connections, by host, and gives the last used one first.
type pool struct {
	dial func(context.Context, *target) (*conn, error)

	mu     sync.Mutex
	hosts  map[hostKey]*host
	idle   list.List // of *conn, the longest idle first
	expiry *time.Timer
	closed bool
}

// host is one place to connect to.
type host struct {
	idle    []*conn // the longest idle first
	dialing int
	waiters []*waiter // there are some only while maxDials are under way
}

// waiter is a caller that waits to dial; with fresh unset it takes a connection
// that comes back, too. Nil in ch is the right to dial.
type waiter struct {
	ch    chan *conn
	fresh bool
}

func newPool(dial func(context.Context, *target) (*conn, error)) *pool {
	return &pool{dial: dial, hosts: make(map[hostKey]*host)}
}

// get gives a connection to a target: a kept one, unless fresh, or a new one.
func (p *pool) get(ctx context.Context, t *target, fresh bool) (*conn, error) {
	for !fresh {
		c := p.pop(t.key)
		if c == nil {
			break
		}
		if time.Since(c.idleSince) < justUsed || c.quiet() {
			return c, nil
		}
		p.drop(c)
	}
	if c, err := p.admit(ctx, t.key, fresh); c != nil || err != nil {
		return c, err
	}
	c, err := p.dial(ctx, t)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialed(t.key)
	return c, err
}

func (p *pool) pop(key hostKey) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.hosts[key]
	if h == nil || len(h.idle) == 0 {
		return nil
	}
	last := len(h.idle) - 1
	c := h.idle[last]
	h.idle = slices.Delete(h.idle, last, last+1)
	p.idle.Remove(c.place)
	return c
}

// admit waits for the right to dial, or for a connection that another caller
// returns. Whoever gets the right calls dialed afterwards.
func (p *pool) admit(ctx context.Context, key hostKey, fresh bool) (*conn, error) {
	p.mu.Lock()
	h := p.hosts[key]
	if h == nil {
		h = &host{}
		p.hosts[key] = h
	}
	if h.dialing < maxDials {
		h.dialing++
		p.mu.Unlock()
		return nil, nil
	}
	w := &waiter{ch: make(chan *conn, 1), fresh: fresh}
	h.waiters = append(h.waiters, w)
	p.mu.Unlock()
	select {
	case c := <-w.ch:
		return c, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(h.waiters, w); i >= 0 {
		h.waiters = slices.Delete(h.waiters, i, i+1)
	} else if c := <-w.ch; c != nil {
		p.keep(c)
	} else {
		p.dialed(key)
	}
	return nil, ctx.Err()
}

// dialed gives the right to dial to the next waiter. Callers hold mu.
func (p *pool) dialed(key hostKey) {
	h := p.hosts[key]
	if len(h.waiters) > 0 {
		w := h.waiters[0]
		h.waiters = slices.Delete(h.waiters, 0, 1)
		w.ch <- nil
		return
	}
	h.dialing--
	p.forget(key, h)
}

// forget removes a host without connections. One whose last connection is in use
// may stay until that comes back. Callers hold mu.
func (p *pool) forget(key hostKey, h *host) {
	if h != nil && h.dialing == 0 && len(h.idle) == 0 {
		delete(p.hosts, key)
	}
}

// drop closes a connection that is in use.
func (p *pool) drop(c *conn) {
	c.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(c.key, p.hosts[c.key])
}

// put takes a connection back, or drops it where it may not be used again.
func (p *pool) put(c *conn) {
	if !c.reusable {
		p.drop(c)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep(c)
}

// keep hands a connection to a waiter or makes it idle. Callers hold mu.
func (p *pool) keep(c *conn) {
	c.reused = true
	h := p.hosts[c.key]
	if h == nil {
		h = &host{}
		p.hosts[c.key] = h
	}
	for i, w := range h.waiters {
		if !w.fresh {
			h.waiters = slices.Delete(h.waiters, i, i+1)
			w.ch <- c
			return
		}
	}
	if p.closed || len(h.idle) >= maxIdlePerHost {
		c.close()
		p.forget(c.key, h)
		return
	}
	if p.idle.Len() >= maxIdle {
		p.evict(p.idle.Front())
	}
	c.idleSince = time.Now()
	h.idle = append(h.idle, c)
	c.place = p.idle.PushBack(c)
	if p.expiry == nil {
		p.expiry = time.AfterFunc(idleTimeout, p.expire)
	}
}

// evict closes a connection, which is the longest idle one of all and so of its
// host. Callers hold mu.
func (p *pool) evict(place *list.Element) {
	c := p.idle.Remove(place).(*conn)
	h := p.hosts[c.key]
	h.idle = slices.Delete(h.idle, 0, 1)
	c.close()
	p.forget(c.key, h)
}

// expire closes what was idle for too long and comes again when the next is due.
func (p *pool) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for place := p.idle.Front(); place != nil; place = p.idle.Front() {
		if left := idleTimeout - time.Since(place.Value.(*conn).idleSince); left > 0 && !p.closed {
			p.expiry.Reset(left)
			return
		}
		p.evict(place)
	}
	p.expiry = nil
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	if p.expiry != nil {
		p.expiry.Stop()
	}
	p.mu.Unlock()
	p.expire()
}
