package bench

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// load publishes events over its own connections until the time is up.
type load struct {
	addr, key, org string
	payload        int
	batch          int // events a call
	workers        int
	// rate is calls a second over all workers; zero is as fast as they are answered.
	rate     float64
	duration time.Duration
	// path is of the hook that is called with signatures of secret, empty to publish.
	path   string
	secret []byte
}

// published is what the load generator did.
type published struct {
	events   int64
	refused  int64 // calls answered 429 or 503, which were repeated
	started  time.Time
	accepted time.Time // when the last call was answered
}

func (l load) run(ctx context.Context) (published, error) {
	ctx, cancel := context.WithTimeout(ctx, l.duration+time.Minute)
	defer cancel()
	p := published{started: time.Now()}
	var next, refused atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range l.workers {
		g.Go(func() error { return l.worker(ctx, p.started, &next, &refused) })
	}
	if err := g.Wait(); err != nil {
		return p, err
	}
	p.accepted = time.Now()
	p.events, p.refused = next.Load(), refused.Load()
	return p, nil
}

func (l load) worker(ctx context.Context, started time.Time, next, refused *atomic.Int64) error {
	w, err := dialWire(ctx, l.addr)
	if err != nil {
		return err
	}
	defer w.conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := w.conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	stop := context.AfterFunc(ctx, func() { w.conn.Close() })
	defer stop()

	t := l.template()
	for time.Since(started) < l.duration {
		seq := next.Add(int64(l.batch)) - int64(l.batch)
		if seq+int64(l.batch) > maxEvents {
			next.Add(-int64(l.batch))
			return nil
		}
		if l.rate > 0 {
			due := started.Add(time.Duration(float64(seq/int64(l.batch)) / l.rate * float64(time.Second)))
			if err := sleep(ctx, time.Until(due)); err != nil {
				return err
			}
		}
		if err := l.publish(ctx, w, t, seq, refused); err != nil {
			return err
		}
	}
	return nil
}

// publish makes one call, again for as long as the server asks for patience.
func (l load) publish(ctx context.Context, w *wire, t *template, seq int64, refused *atomic.Int64) error {
	for {
		t.stamp(firstSeq+seq, time.Now().UnixNano())
		t.sign()
		a, err := w.roundTrip(t.bytes)
		switch {
		case err != nil:
			return err
		case a.status == http.StatusAccepted:
			return nil
		case a.status != http.StatusTooManyRequests && a.status != http.StatusServiceUnavailable:
			return fmt.Errorf("bench: publishing was answered %d: %s", a.status, a.body)
		}
		refused.Add(1)
		if err := sleep(ctx, max(a.retryAfter, 10*time.Millisecond)); err != nil {
			return err
		}
	}
}

func (l load) template() *template {
	b := body(l.payload, l.batch)
	if l.path != "" {
		head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nX-Webhook-Signature: sha256=",
			l.path, l.addr, len(b))
		return newSignedTemplate([]byte(head), b, l.secret)
	}
	head := fmt.Sprintf("POST /v1/events HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nX-Org-ID: %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", l.addr, l.key, l.org, len(b))
	return newTemplate([]byte(head), b)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
