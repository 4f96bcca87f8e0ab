package janitor_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peal-dev/peal/internal/janitor"
)

// shelf holds rows of one age each and deletes two at a time.
type shelf struct {
	rows  []time.Time
	calls int
	fail  int
}

func (s *shelf) Purge(_ context.Context, r janitor.Retention, now time.Time) (n int, err error) {
	if s.calls++; s.fail > 0 {
		s.fail--
		return 0, errors.New("away")
	}
	s.rows = slices.DeleteFunc(s.rows, func(at time.Time) bool {
		old := now.Sub(at) > r.Deliveries && n < 2
		if old {
			n++
		}
		return old
	})
	return n, nil
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		s := &shelf{fail: 1}
		for i := range 9 {
			s.rows = append(s.rows, now.Add(-time.Duration(i)*time.Hour))
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		j := janitor.New(janitor.Config{
			Store: s, Now: time.Now, Log: slog.New(slog.DiscardHandler), Deliveries: 2*time.Hour + time.Minute, Events: time.Hour,
			Orgs: func() []janitor.OrgRetention { return nil },
		})
		go func() { ended <- j.Run(ctx) }()

		synctest.Wait()
		if len(s.rows) != 9 || s.calls != 1 {
			t.Fatalf("a failing store was asked %d times", s.calls)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(s.rows) != 3 || s.calls != 1+4 {
			t.Fatalf("%d rows left after %d calls", len(s.rows), s.calls)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(s.rows) != 2 {
			t.Fatalf("%d rows left an hour later", len(s.rows))
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
