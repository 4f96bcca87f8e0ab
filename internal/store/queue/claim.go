package queue

import (
	"context"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// waiting are the columns of a delivery that is claimed.
const waiting = `SELECT org, id, event_id, attempt_count, round_start, due_at, size, seq, group_id FROM live `

// claimed is a delivery that a claim took.
type claimed struct {
	org   string
	event peal.EventID
	job   *dispatch.Job
}

// Claim implements dispatch.Store.
func (q *Queue) Claim(ctx context.Context, r dispatch.ClaimRequest) (dispatch.Claimed, error) {
	var c *claim
	err := q.db.WriteThen(ctx, func(tx *store.Tx) error {
		c = &claim{ClaimRequest: r, tx: tx, session: q.db.Session()}
		if r.Bound {
			if ours, err := c.takeLane(q.sql); err != nil || !ours {
				return err
			}
		}
		return c.run(q.sql)
	}, func() {
		for _, t := range c.taken {
			q.owned.add(t.job.ID, place{t.org, r.Endpoint})
		}
	})
	if err != nil {
		return dispatch.Claimed{}, err
	}
	out := dispatch.Claimed{Session: c.session, Owner: c.owner, Pokes: c.pokes, NextDue: c.nextDue}
	if len(c.taken) == 0 {
		return out, nil
	}
	ids := make([]peal.DeliveryID, len(c.taken))
	for i, t := range c.taken {
		ids[i] = t.job.ID
	}
	if err := q.loadMessages(ctx, c.taken); err != nil {
		// Where this fails too, they stay owned until the dispatcher finds that it does
		// not hold them.
		_ = q.Release(context.WithoutCancel(ctx), ids)
		return dispatch.Claimed{}, err
	}
	out.Jobs = make([]*dispatch.Job, len(c.taken))
	for i, t := range c.taken {
		out.Jobs[i] = t.job
	}
	return out, nil
}

// claim is one run of a Claim's transaction.
type claim struct {
	dispatch.ClaimRequest
	tx      *store.Tx
	session int64
	owner   bool
	pokes   int64
	taken   []claimed
	bytes   int
	nextDue time.Time
	// locked are the groups that the claim may take from, where it looks at them.
	locked map[peal.GroupID]bool
}

// maxStrays is how many of the earliest due rows an ordered claim looks through for
// rows without a number.
const maxStrays = 64

// takeLane tells whether the session owns the lane. One that owns it already keeps it for
// as long as it lives, which each of its transactions proves.
func (c *claim) takeLane(sql dialect) (ours bool, err error) {
	if c.LaneSession != 0 {
		c.owner, c.pokes = c.LaneSession == c.session, c.LanePokes
	} else {
		c.owner, c.pokes, err = sql.takeLane(c.tx, c.Endpoint)
	}
	return c.owner, err
}

func (c *claim) run(sql dialect) error {
	queries := sql.queries()
	due := queries.due
	if c.Grouped {
		if err := c.lockGroups(queries.dueGroups); err != nil {
			return err
		}
		due = queries.dueByGroup
	}
	if err := c.takeDue(due); err != nil {
		return err
	}
	if err := c.takeGroups(); err != nil {
		return err
	}
	if c.Ordered {
		if err := c.takeInOrder(queries.inOrder); err != nil {
			return err
		}
	}
	if err := sql.own(c.tx, c.taken); err != nil {
		return err
	}
	return c.tx.Query(func(r store.Row) error {
		c.nextDue = store.FromMicros(r.Int(0))
		return nil
	}, queries.nextDue, c.Endpoint[:])
}

// takeDue takes the earliest due rows. Of an ordered endpoint they are only those
// without a number, from before it was ordered; they go first.
func (c *claim) takeDue(query string) error {
	limit := c.Limit
	if c.Ordered {
		limit = maxStrays
	} else if c.Grouped {
		limit++ // which tells whether all of the last group fits
	}
	return each(c.tx, func(r store.Row) error {
		if c.Ordered && !r.Null(7) || c.Grouped && !r.Null(8) && !c.locked[groupID(r.Blob(8))] {
			return nil
		}
		return c.take(r)
	}, query, c.Endpoint[:], store.Micros(c.Now), int64(limit))
}

// takeInOrder takes the first numbered row, due or not, and those after it up to the
// first that is not due.
func (c *claim) takeInOrder(query string) error {
	first := true
	return each(c.tx, func(r store.Row) error {
		if !first && r.Int(5) > store.Micros(c.Now) {
			return errEnough
		}
		first = false
		return c.take(r)
	}, query, c.Endpoint[:], int64(c.Limit))
}

// take takes a row unless the claim is full.
func (c *claim) take(r store.Row) error {
	size := int(r.Int(6))
	if len(c.taken) >= c.Limit || len(c.taken) > 0 && c.bytes+size > c.Bytes {
		c.leaveWhole(groupID(r.Blob(8)))
		return errEnough
	}
	c.bytes += size
	id := deliveryID(r.Blob(1))
	c.taken = append(c.taken, claimed{org: r.Text(0), event: eventID(r.Blob(2)), job: &dispatch.Job{
		ID: id, Endpoint: c.Endpoint, Session: c.session, AttemptCount: int(r.Int(3)), RoundStart: int(r.Int(4)),
		DueAt: store.FromMicros(r.Int(5)), Size: size, Group: groupID(r.Blob(8)),
	}})
	return nil
}

// loadMessages reads the events of claimed deliveries; those of one event share it.
func (q *Queue) loadMessages(ctx context.Context, rows []claimed) error {
	messages := map[peal.EventID]*dispatch.Message{}
	var missing []peal.EventID
	for _, r := range rows {
		if _, ok := messages[r.event]; !ok {
			messages[r.event] = nil
			missing = append(missing, r.event)
		}
	}
	for chunk := range slices.Chunk(missing, 64) {
		events, err := q.eventsByID(ctx, rows[0].org, chunk)
		if err != nil {
			return err
		}
		for _, ev := range events {
			messages[ev.ID] = dispatch.NewMessage(ev)
		}
	}
	for _, r := range rows {
		if r.job.Message = messages[r.event]; r.job.Message == nil {
			return peal.Errorf(peal.CodeInternal, "the event of delivery %s is missing", r.job.ID)
		}
	}
	return nil
}

// Backlog implements dispatch.Store. It skips from endpoint to endpoint in the index,
// however many deliveries each has waiting.
func (q *Queue) Backlog(ctx context.Context, after peal.EndpointID, limit int) ([]dispatch.Backlog, error) {
	var backlog []dispatch.Backlog
	err := q.rows(ctx, func(scan scanner) error {
		var b dispatch.Backlog
		var due int64
		err := scan(&b.Endpoint, &due)
		b.FirstDue = store.FromMicros(due)
		backlog = append(backlog, b)
		return err
	}, q.sql.queries().backlog, after, limit, q.db.Session())
	return backlog, err
}

// releaseChunk is how many deliveries are released in one transaction.
const releaseChunk = 512

// Release implements dispatch.Store.
func (q *Queue) Release(ctx context.Context, ids []peal.DeliveryID) error {
	if ids == nil {
		ids = q.owned.ids(func(place) bool { return true })
	}
	for chunk := range slices.Chunk(ids, releaseChunk) {
		err := q.db.WriteThen(ctx, func(tx *store.Tx) error {
			return q.sql.disown(tx, q.owned.these(chunk))
		}, func() { q.owned.remove(chunk...) })
		if err != nil {
			return err
		}
	}
	return nil
}

// Owned implements dispatch.Store.
func (q *Queue) Owned(context.Context) ([]peal.DeliveryID, error) {
	return q.owned.ids(func(place) bool { return true }), nil
}
