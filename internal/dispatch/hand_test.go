package dispatch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/peal"
)

// A retry by hand is not swallowed by the attempt that is under way: it waits for a short
// one, and says so where that takes long.
func TestARetryByHandDuringAnAttempt(t *testing.T) {
	for name, c := range map[string]struct {
		takes    time.Duration
		status   int
		err      error
		attempts int
	}{
		"that fails soon":     {takes: time.Second, status: 500, attempts: 2},
		"that succeeds soon":  {takes: time.Second, status: 200, attempts: 2},
		"that takes too long": {takes: 3 * time.Second, status: 500, err: ErrUnderWay, attempts: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(_ context.Context, _ *peal.Endpoint, n int) channel.Result {
					if n > 1 {
						return channel.Result{StatusCode: 200}
					}
					time.Sleep(c.takes)
					if c.status != 200 {
						return channel.Result{StatusCode: c.status, Err: errors.New("refused")}
					}
					return channel.Result{StatusCode: c.status}
				})
				defer w.stop()
				ep := w.endpoint("standard", func(ep *peal.Endpoint) {
					withSecret(ep)
					ep.Retry = &peal.RetryOverride{Schedule: []peal.Duration{peal.Duration(time.Hour)}}
				})
				id := w.publish(ep)
				w.settled()
				start := time.Now()
				if err := w.d.Retry(t.Context(), ep.Org, id); !errors.Is(err, c.err) {
					t.Errorf("got %v, want %v", err, c.err)
				}
				if took := time.Since(start); took > underWayFor+underWayEvery {
					t.Errorf("it took %s", took)
				}
				time.Sleep(10 * time.Second)
				w.settled()
				if n := len(w.calls.to(ep.ID)); n != c.attempts {
					t.Errorf("%d attempts, want %d", n, c.attempts)
				}
			})
		})
	}
}

func TestARetryByHandEndsWithItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hang)
		defer w.stop()
		ep := w.endpoint("standard", withSecret)
		id := w.publish(ep)
		w.settled()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := w.d.Retry(ctx, ep.Org, id); !errors.Is(err, ErrUnderWay) || time.Since(start) > time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}
