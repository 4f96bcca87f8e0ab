package dispatch

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// memory is a queue in memory that keeps the rules of Store: rows are owned or
// waiting, and only what the session owns can be recorded. It outlives dispatchers,
// so that tests can end one as a crash would and start the next.
type memory struct {
	mu      sync.Mutex
	session int64
	live    map[peal.DeliveryID]*row
	done    map[peal.DeliveryID]*row
	raised  []peal.Raised
	seq     int64
	claims  int
	// lanes are the owners of bound lanes, and pokes of each; others counts sessions beside
	// this one.
	lanes  map[peal.EndpointID]int64
	pokes  map[peal.EndpointID]int64
	others int
}

type row struct {
	job      Job
	org      string
	owner    int64 // 0 waits
	seq      int64
	status   peal.Status
	reason   string
	attempts []peal.Attempt
	finished int // how often the row was finished
}

func newMemory() *memory {
	return &memory{
		session: 1, live: map[peal.DeliveryID]*row{}, done: map[peal.DeliveryID]*row{},
		lanes: map[peal.EndpointID]int64{}, pokes: map[peal.EndpointID]int64{},
	}
}

func (m *memory) number() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.session
}

// insert commits a delivery; it tells whether the lane had room.
func (m *memory) insert(d *Dispatcher, ev *peal.Event, ep *peal.Endpoint, now time.Time) peal.DeliveryID {
	id := peal.NewDeliveryID(now)
	size := ev.Size()
	owned := !ep.Ordered && d.Reserve(ep.ID, size)
	m.mu.Lock()
	m.seq++
	r := &row{org: ev.Org, seq: m.seq, status: peal.Pending, job: Job{
		ID: id, Endpoint: ep.ID, Message: NewMessage(ev), DueAt: now, Size: size,
	}}
	if owned {
		r.owner = m.session
	}
	m.live[id] = r
	m.mu.Unlock()
	if owned {
		d.Deliver(ev, []peal.Placement{{ID: id, Endpoint: ep.ID, Size: size}})
	} else {
		d.Waiting(ep.ID)
	}
	return id
}

func (m *memory) Record(o *Outcome) {
	m.mu.Lock()
	r := m.live[o.Job.ID]
	if r == nil || r.owner != m.session || o.Job.Session != m.session {
		m.mu.Unlock()
		o.Done(ErrFenced)
		return
	}
	if o.Attempt != nil {
		r.attempts = append(r.attempts, *o.Attempt)
		r.job.AttemptCount++
	}
	r.status, r.reason = o.Status, o.Reason
	m.raised = append(m.raised, o.Raised...)
	if o.Status == peal.Retrying {
		r.job.DueAt = o.DueAt
		if !o.Keep {
			r.owner = 0
		}
	} else {
		r.owner = 0
		r.finished++
		delete(m.live, o.Job.ID)
		m.done[o.Job.ID] = r
	}
	m.mu.Unlock()
	o.Done(nil)
}

func (m *memory) Claim(_ context.Context, q ClaimRequest) (Claimed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.claims++
	c := Claimed{Session: m.session}
	if q.Bound {
		if m.lanes[q.Endpoint] == 0 {
			m.lanes[q.Endpoint] = m.session
		}
		if c.Owner, c.Pokes = m.lanes[q.Endpoint] == m.session, m.pokes[q.Endpoint]; !c.Owner {
			return c, nil
		}
	}
	bytes := 0
	waiting := m.waiting(q.Endpoint, q.Ordered)
	for i, r := range waiting {
		due := !r.job.DueAt.After(q.Now) || q.Ordered && i == 0
		fits := len(c.Jobs) < q.Limit && (bytes+r.job.Size <= q.Bytes || len(c.Jobs) == 0)
		if due && fits && (q.Ordered && len(c.Jobs) == i || !q.Ordered) {
			r.owner = m.session
			bytes += r.job.Size
			j := r.job
			j.Session = m.session
			c.Jobs = append(c.Jobs, &j)
		} else if c.NextDue.IsZero() || r.job.DueAt.Before(c.NextDue) {
			c.NextDue = r.job.DueAt
		}
	}
	return c, nil
}

func (m *memory) waiting(id peal.EndpointID, ordered bool) []*row {
	var rows []*row
	for _, r := range m.live {
		if r.job.Endpoint == id && r.owner == 0 {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b *row) int {
		if ordered {
			return cmp.Compare(a.seq, b.seq)
		}
		return cmp.Or(a.job.DueAt.Compare(b.job.DueAt), cmp.Compare(a.seq, b.seq))
	})
	return rows
}

func (m *memory) Backlog(_ context.Context, after peal.EndpointID, limit int) ([]Backlog, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := map[peal.EndpointID]time.Time{}
	for _, r := range m.live {
		at, ok := first[r.job.Endpoint]
		elsewhere := m.lanes[r.job.Endpoint] != 0 && m.lanes[r.job.Endpoint] != m.session
		if r.owner == 0 && !elsewhere && (!ok || r.job.DueAt.Before(at)) {
			first[r.job.Endpoint] = r.job.DueAt
		}
	}
	var out []Backlog
	for id, at := range first {
		if slices.Compare(id[:], after[:]) > 0 {
			out = append(out, Backlog{Endpoint: id, FirstDue: at})
		}
	}
	slices.SortFunc(out, func(a, b Backlog) int { return slices.Compare(a.Endpoint[:], b.Endpoint[:]) })
	return out[:min(limit, len(out))], nil
}

func (m *memory) Release(_ context.Context, ids []peal.DeliveryID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, r := range m.live {
		if r.owner == m.session && (ids == nil || slices.Contains(ids, id)) {
			r.owner = 0
		}
	}
	return nil
}

func (m *memory) Owned(context.Context) ([]peal.DeliveryID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []peal.DeliveryID
	for id, r := range m.live {
		if r.owner == m.session {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (m *memory) Look(context.Context) ([]OwnedLane, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []OwnedLane
	for ep, session := range m.lanes {
		if session != m.session {
			continue
		}
		o := OwnedLane{Endpoint: ep, Pokes: m.pokes[ep]}
		for _, r := range m.waiting(ep, false) {
			if o.FirstDue.IsZero() {
				o.FirstDue = r.job.DueAt
			}
		}
		all = append(all, o)
	}
	return all, nil
}

func (m *memory) Leave(_ context.Context, ids []peal.EndpointID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		delete(m.lanes, id)
		for _, r := range m.live {
			if r.job.Endpoint == id && r.owner == m.session {
				panic("a lane is left whose deliveries are still owned")
			}
		}
	}
	return nil
}

func (m *memory) Share(context.Context) (lanes, sessions int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.lanes), 1 + m.others, nil
}

// crash makes a new session; what the last one owned waits again.
func (m *memory) crash() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.session++
	for _, r := range m.live {
		r.owner = 0
	}
}

func (m *memory) Revive(_ context.Context, org string, id peal.DeliveryID, now time.Time, known func(peal.EndpointID) bool) (peal.EndpointID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.live[id]; r != nil {
		if r.owner != 0 && !r.job.DueAt.After(now) {
			return peal.EndpointID{}, ErrUnderWay
		}
		if r.owner == 0 {
			r.job.DueAt = now
		}
		return r.job.Endpoint, nil
	}
	r := m.done[id]
	if r == nil || r.org != org {
		return peal.EndpointID{}, peal.NotFound("delivery")
	}
	if !known(r.job.Endpoint) {
		return peal.EndpointID{}, peal.Errorf(peal.CodeConflict, "the endpoint was deleted")
	}
	delete(m.done, id)
	m.live[id] = r
	r.status, r.owner, r.job.DueAt, r.job.RoundStart = peal.Retrying, 0, now, r.job.AttemptCount
	return r.job.Endpoint, nil
}

func (m *memory) Cancel(_ context.Context, org string, id peal.DeliveryID, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.live[id]
	if r == nil || r.org != org {
		return peal.NotFound("delivery")
	}
	m.cancel(id, r, "")
	return nil
}

func (m *memory) cancel(id peal.DeliveryID, r *row, reason string) {
	delete(m.live, id)
	r.status, r.reason, r.owner = peal.Cancelled, reason, 0
	r.finished++
	m.done[id] = r
}

func (m *memory) CancelEndpoint(_ context.Context, ep peal.EndpointID, reason string, _ time.Time, limit int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for id, r := range m.live {
		if r.job.Endpoint == ep && r.owner == 0 && n < limit {
			m.cancel(id, r, reason)
			n++
		}
	}
	return n, nil
}

func (m *memory) StartReplay(context.Context, *Replay) error { return nil }

func (m *memory) StepReplay(context.Context, string, time.Time, int, func(peal.EndpointID) bool) (*Replay, error) {
	return &Replay{Finished: true}, nil
}

func (m *memory) Replays(context.Context) ([]*Replay, error) { return nil, nil }

func (m *memory) FailingSince(_ context.Context, ep peal.EndpointID) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []peal.Attempt
	for _, rows := range []map[peal.DeliveryID]*row{m.live, m.done} {
		for _, r := range rows {
			if r.job.Endpoint == ep {
				all = append(all, r.attempts...)
			}
		}
	}
	slices.SortFunc(all, func(a, b peal.Attempt) int { return a.StartedAt.Compare(b.StartedAt) })
	var since time.Time
	for _, a := range all {
		if a.Error == "" {
			since = time.Time{}
		} else if since.IsZero() {
			since = a.StartedAt
		}
	}
	return since, nil
}

func (m *memory) EventByID(_ context.Context, _ string, id peal.EventID) (*peal.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, rows := range []map[peal.DeliveryID]*row{m.live, m.done} {
		for _, r := range rows {
			if r.job.Message.Event.ID == id {
				return r.job.Message.Event, nil
			}
		}
	}
	return nil, peal.NotFound("event")
}

// get is a copy of a row, live or done.
func (m *memory) get(id peal.DeliveryID) row {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.live[id]; r != nil {
		return *r
	}
	if r := m.done[id]; r != nil {
		return *r
	}
	return row{}
}

func (m *memory) counts() (live, done int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.live), len(m.done)
}
