package egress

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// kept makes a connection that just served, and its other end.
func kept(address string) (*conn, net.Conn) {
	a, b := net.Pipe()
	return &conn{key: hostKey{address: address}, socket: a, reusable: true}, b
}

func isOpen(other net.Conn) bool {
	_ = other.SetReadDeadline(time.Now().Add(time.Nanosecond))
	_, err := other.Read(make([]byte, 1))
	return !errors.Is(err, io.EOF)
}

func TestIdleConnectionsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(nil)
		first, firstEnd := kept("a:1")
		second, secondEnd := kept("b:1")
		p.put(first)
		time.Sleep(idleTimeout / 2)
		p.put(second)
		time.Sleep(idleTimeout/2 + time.Second)
		if isOpen(firstEnd) || !isOpen(secondEnd) {
			t.Error("after the first one's time the first is open, or the second closed")
		}
		time.Sleep(idleTimeout)
		if isOpen(secondEnd) {
			t.Error("the second outlives its time")
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.hosts) != 0 || p.idle.Len() != 0 || p.expiry != nil {
			t.Errorf("%d hosts, %d connections are still known", len(p.hosts), p.idle.Len())
		}
	})
}

func TestIdleConnectionsAreBounded(t *testing.T) {
	p := newPool(nil)
	t.Cleanup(p.close)
	var ends []net.Conn
	put := func(address string) {
		c, end := kept(address)
		p.put(c)
		ends = append(ends, end)
	}
	for range maxIdlePerHost + 1 {
		put("a:1")
	}
	if n := p.idle.Len(); n != maxIdlePerHost || isOpen(ends[maxIdlePerHost]) {
		t.Errorf("one host keeps %d connections", n)
	}
	for i := range maxIdle {
		put("b" + strconv.Itoa(i) + ":1")
	}
	if n := p.idle.Len(); n != maxIdle {
		t.Errorf("all hosts keep %d connections", n)
	}
	if isOpen(ends[0]) || !isOpen(ends[len(ends)-1]) || len(p.hosts) != maxIdle {
		t.Error("what gave way was not the longest idle one")
	}
	p.close()
	for i, end := range ends {
		if isOpen(end) {
			t.Fatalf("connection %d outlives the pool", i)
		}
	}
	put("c:1")
	if isOpen(ends[len(ends)-1]) {
		t.Error("a closed pool keeps a connection")
	}
}

func TestLastUsedComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(nil)
		defer p.close()
		a, _ := kept("a:1")
		b, _ := kept("a:1")
		p.put(a)
		p.put(b)
		for _, want := range []*conn{b, a} {
			if got, err := p.get(t.Context(), &target{key: hostKey{address: "a:1"}}, false); got != want || err != nil {
				t.Errorf("%p, %v, want %p", got, err, want)
			}
		}
	})
}

// Eight dials at once, and whoever waits takes what comes first: a connection that
// returns, or the right to dial.
func TestDialsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dialing, most, dials atomic.Int64
		p := newPool(func(_ context.Context, tg *target) (*conn, error) {
			dials.Add(1)
			most.Store(max(most.Load(), dialing.Add(1)))
			defer dialing.Add(-1)
			time.Sleep(time.Second)
			c, _ := kept(tg.key.address)
			return c, nil
		})
		defer p.close()
		tg := &target{key: hostKey{address: "a:1"}}
		var wg sync.WaitGroup
		for range 5 * maxDials {
			wg.Go(func() {
				c, err := p.get(t.Context(), tg, false)
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(100 * time.Millisecond)
				p.put(c)
			})
		}
		wg.Wait()
		// Eight connect, serve everybody else in turns before the second dials are done.
		if most.Load() != maxDials || dials.Load() != 2*maxDials {
			t.Errorf("%d dials, %d at once", dials.Load(), most.Load())
		}
		if p.hosts[tg.key].dialing != 0 {
			t.Errorf("%d dials are still counted", p.hosts[tg.key].dialing)
		}
	})
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(func(ctx context.Context, _ *target) (*conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		defer p.close()
		tg := &target{key: hostKey{address: "a:1"}}
		var wg sync.WaitGroup
		for i := range 3 * maxDials {
			wg.Go(func() {
				// The dials end after the first who wait for them gave up.
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%5+1)*time.Second)
				defer cancel()
				if c, err := p.get(ctx, tg, i%2 == 0); c != nil || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v, %v", c, err)
				}
			})
		}
		wg.Wait()
		if len(p.hosts) != 0 {
			t.Errorf("hosts are still known: %+v", p.hosts[tg.key])
		}
	})
}
