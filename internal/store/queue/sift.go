package queue

import (
	"context"
	"errors"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// What one page of a list looks at whose filter no index serves, in rows. A page that ends
// there is short, or even empty, and its cursor leads on.
const (
	maxScan = 20_000 // of those that stand side by side
	// maxScattered is of those that an index picks out, each of which is a page of the
	// database's to be read.
	maxScattered = 5000
	// firstStretch is looked at by itself: most filters fit enough of it, and the database
	// need not find out where the rest ends.
	firstStretch = 1000
)

// listing is how a list is read from the database, newest first.
type listing struct {
	// walk reads up to limit rows that fit, of those from an id up to another.
	walk func(from, to peal.DeliveryID, limit int, each func(scanner) error) error
	// nth gives the id of a row counted from the end, whether it fits or not, unless there
	// are fewer. It is nil where an index serves the filter.
	nth func(from, to peal.DeliveryID, n int) (id peal.DeliveryID, ok bool, err error)
	// scan is how many rows a page looks at where one does not.
	scan int
}

// page hands rows to take until limit of them were taken, enough were looked at or the
// reader's time is up. Its cursor leads on from the last that was looked at; it is empty at
// the list's end.
func (l *listing) page(list string, limit int, from, to peal.DeliveryID, take func(scanner) (id peal.DeliveryID, taken bool, err error)) (cursor string, err error) {
	p := &pageWalk{listing: l, left: limit, to: to, take: take}
	for _, rows := range [...]int{firstStretch, l.scan - firstStretch} {
		var done bool
		if done, err = p.stretch(from, rows); done || err != nil {
			break
		}
	}
	switch {
	case errors.Is(err, store.ErrSlowRead) && p.moved, err == nil && !p.ended:
		return peal.Cursor(list, p.to[:]), nil
	}
	return "", err
}

// pageWalk is a page that is being read.
type pageWalk struct {
	*listing
	left int
	to   peal.DeliveryID // before it the page goes on
	take func(scanner) (peal.DeliveryID, bool, error)
	// moved tells that to is a row of the list, ended that none comes before it.
	moved, ended bool
}

// stretch goes through some rows, and tells whether the page is done with.
func (p *pageWalk) stretch(from peal.DeliveryID, rows int) (done bool, err error) {
	low, more := from, false
	if p.nth != nil {
		id, ok, err := p.nth(from, p.to, rows)
		if err != nil {
			return false, err
		}
		if ok {
			low, more = id, true
		}
	}
	full := false
	err = p.walk(low, p.to, p.left+1, func(scan scanner) error {
		if full = p.left == 0; full {
			return errEnough
		}
		id, taken, err := p.take(scan)
		if err != nil {
			return err
		}
		p.to, p.moved = id, true
		if taken {
			p.left--
		}
		return nil
	})
	if err != nil || full {
		return full, err
	}
	if p.ended = !more; more {
		p.to, p.moved = low, true
	}
	return p.ended, nil
}

// listed is a listing by queries. Both have the org, the first id and the id after the last
// as ?1 to ?3 and a number as ?4, a limit or how many rows to skip; more follow.
func (q *Queue) listed(ctx context.Context, walk, nth, org string, scan int, more func(from peal.DeliveryID) []any) listing {
	args := func(from, to peal.DeliveryID, n int) []any {
		return append([]any{org, from, to, int64(n)}, more(from)...)
	}
	l := listing{scan: scan, walk: func(from, to peal.DeliveryID, limit int, each func(scanner) error) error {
		return q.rows(ctx, each, walk, args(from, to, limit)...)
	}}
	if nth != "" {
		l.nth = func(from, to peal.DeliveryID, n int) (id peal.DeliveryID, ok bool, err error) {
			err = q.rows(ctx, func(scan scanner) error {
				ok = true
				return scan(&id)
			}, nth, args(from, to, n-1)...)
			return id, ok, err
		}
	}
	return l
}
