package publish

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/peal-dev/peal/internal/peal"
)

// raisedRows are raised rows and the store that consumes them, a whole group at a
// time: it waits until as many commits came as it wants.
type raisedRows struct {
	want, groups int
	refuse       map[string]bool // orgs

	mu      sync.Mutex
	rows    []peal.Raised
	waiting []*Commit
}

func (r *raisedRows) Raised(_ context.Context, limit int) ([]peal.Raised, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.rows[:min(limit, len(r.rows))]), nil
}

func (r *raisedRows) Deliveries(context.Context, peal.DeliveryFilter, peal.Page) ([]peal.Delivery, string, error) {
	return nil, "", nil
}

func (r *raisedRows) Submit(c *Commit) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse[c.Org] {
		return &peal.Error{Code: peal.CodeTooManyRequests}
	}
	if r.waiting = append(r.waiting, c); len(r.waiting) < r.want {
		return nil
	}
	r.groups++
	for _, c := range r.waiting {
		r.rows = slices.DeleteFunc(r.rows, func(row peal.Raised) bool { return row.Seq == c.RaisedSeq })
		c.Done(nil)
	}
	r.waiting = nil
	return nil
}

func (r *raisedRows) add(n int, org string) {
	for range n {
		r.rows = append(r.rows, peal.Raised{Seq: int64(len(r.rows) + 1), Org: org, Type: peal.TypeDeliveryDead})
	}
}

func TestRaisedRowsShareTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := &raisedRows{want: raisedAtOnce}
		rows.add(8*raisedAtOnce, peal.DefaultOrg) // two batches
		p := newPublisher(t, rows, &ledger{})
		p.Reader = rows
		if err := p.drain(t.Context()); err != nil || len(rows.rows) != 0 || rows.groups != 8 {
			t.Errorf("%d left after %d groups, %v", len(rows.rows), rows.groups, err)
		}
	})
}

func TestARaisedRowThatIsRefusedHoldsUpNoOther(t *testing.T) {
	rows := &raisedRows{want: 1, refuse: map[string]bool{"flooding": true}}
	rows.add(3, "flooding")
	rows.add(20, peal.DefaultOrg)
	p := newPublisher(t, rows, &ledger{})
	p.Reader = rows
	if err := p.drain(t.Context()); peal.CodeOf(err) != peal.CodeTooManyRequests || len(rows.rows) != 3 {
		t.Errorf("%d left, %v", len(rows.rows), err)
	}
	rows.refuse = nil
	if err := p.drain(t.Context()); err != nil || len(rows.rows) != 0 {
		t.Errorf("%d left in the end, %v", len(rows.rows), err)
	}
}
