package queue

import (
	"errors"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/store"
)

// Submit implements publish.Store.
func (q *Queue) Submit(c *publish.Commit) error {
	item := &commit{Commit: c, q: q, rows: 1}
	for _, e := range c.Events {
		item.rows += 1 + len(e.Deliveries)
		item.bytes += e.Event.Size() + len(e.Deliveries)*deliveryBytes
	}
	return q.commits.Add(item)
}

// deliveryBytes is about what a delivery that waits to be committed holds.
const deliveryBytes = 256

// commit is a publish.Commit in the writer's lane. A run of its group decides
// everything anew; only Settle lets the caller see it.
type commit struct {
	*publish.Commit
	q           *Queue
	rows, bytes int

	err        error
	duplicate  bool
	answers    []answer
	suppressed []*publish.NewDelivery
	collected  []collected
}

// answer is what a caller is told of one event.
type answer struct {
	ID         string `json:"id"`
	Deliveries int    `json:"deliveries"`
	duplicate  bool
}

func (c *commit) Rows() int  { return c.rows }
func (c *commit) Bytes() int { return c.bytes }

// Owner is the org, so that a burst of one leaves room for the others.
func (c *commit) Owner() string { return c.Org }

// Settle tells the publisher.
func (c *commit) Settle(err error) {
	if err == nil {
		err = c.err
	}
	switch {
	case err == nil:
		c.tell()
	case errors.Is(err, store.ErrUnknown):
		c.own() // the dispatcher gives up what is owned and not held
	}
	c.Done(err)
}

func (c *commit) tell() {
	c.Duplicate = c.duplicate
	for i, a := range c.answers {
		e := c.Events[i]
		e.AnswerID, e.AnswerDeliveries, e.Duplicate = a.ID, a.Deliveries, a.duplicate
	}
	for _, d := range c.suppressed {
		d.Status, d.Reason = peal.Suppressed, reasonOf(d)
	}
	for _, at := range c.collected {
		at.delivery.DueAt = store.FromMicros(at.due)
	}
	if !c.duplicate {
		c.own()
	}
}

// own notes what the session owns of the commit.
func (c *commit) own() {
	for _, e := range c.Events {
		for _, d := range e.Deliveries {
			if d.Owned && d.Status == peal.Pending && !e.Duplicate {
				c.q.owned.add(d.ID, place{c.Org, d.Endpoint})
			}
		}
	}
}

// writeCommits is the transaction of a group of commits.
func (q *Queue) writeCommits(tx *store.Tx, items []*commit) error {
	g := &group{
		Queue: q, tx: tx, batch: q.batch.reset(),
		keys: map[name]*usedKey{}, refs: map[name]*usedRef{},
		windows: map[windowName]window{}, seqs: map[peal.EndpointID]int64{},
		groups: map[peal.GroupID]*messageGroup{},
	}
	names := q.sql.names(g)
	g.names = names
	if err := names.claim(items); err != nil {
		return err
	}
	for _, c := range items {
		c.err, c.duplicate, c.answers, c.suppressed = nil, false, c.answers[:0], c.suppressed[:0]
		c.collected = c.collected[:0]
		done, err := g.check(c)
		if err != nil {
			return err
		}
		if !done {
			if err := g.add(c); err != nil {
				return err
			}
		}
	}
	if err := names.write(); err != nil {
		return err
	}
	if err := g.writeGroups(); err != nil {
		return err
	}
	return g.flush(tx, q)
}

// group is a run of writeCommits: what its commits read and wrote so far.
type group struct {
	*Queue
	*batch
	names
	tx      *store.Tx
	version int64
	keys    map[name]*usedKey
	refs    map[name]*usedRef
	windows map[windowName]window
	seqs    map[peal.EndpointID]int64 // the next number of each ordered endpoint
	groups  map[peal.GroupID]*messageGroup
}

// names are what the groups of all nodes have to agree on: idempotency keys, publishers'
// ids, dedup windows, the numbers of ordered endpoints, groups and raised rows.
type names interface {
	// claim reads the configuration's version, and keeps other nodes from deciding about
	// the same names before this group is committed.
	claim(items []*commit) error
	// The next five read what is known of a name, which is then kept in the group.
	readKey(name) (*usedKey, error)
	readRef(name) (*usedRef, error)
	readWindow(windowName) (until int64, err error)
	readSeq(peal.EndpointID) (next int64, err error)
	// readGroup fills in what is stored of a group.
	readGroup(*messageGroup) error
	// takeRaised consumes a row and tells whether it was still there.
	takeRaised(seq int64) (bool, error)
	// write writes what became of the names.
	write() error
}

const readVersion = "SELECT version FROM config_version"

// name is a client's key or event id within its org.
type name struct{ org, text string }

// check tells whether the commit is settled without being written: because of the
// configuration, its key, an event's id or its raised row.
func (g *group) check(c *commit) (done bool, err error) {
	if len(c.Events) > 0 && c.ConfigVersion != g.version {
		c.err = publish.ErrStale
		return true, nil
	}
	if c.Key != nil {
		if done, err := g.checkKey(c); done || err != nil {
			return true, err
		}
	}
	if err := g.checkRefs(c); err != nil || c.err != nil {
		return true, err
	}
	if c.err = g.refusal(c); c.err != nil {
		return true, nil
	}
	if c.RaisedSeq != 0 {
		there, err := g.takeRaised(c.RaisedSeq)
		if err != nil {
			return true, err
		}
		if !there {
			c.err = publish.ErrRaisedGone
			return true, nil
		}
	}
	return false, nil
}

// refusal is why the first of the commit's new events may not be accepted.
func (g *group) refusal(c *commit) error {
	for _, e := range c.Events {
		if e.Refused != nil && (e.Event.ClientID == "" || g.refs[name{c.Org, e.Event.ClientID}] == nil) {
			return e.Refused
		}
	}
	return nil
}

// add puts the commit's rows into the batch.
func (g *group) add(c *commit) error {
	for _, e := range c.Events {
		if e.Event.ClientID != "" {
			if ref := g.refs[name{c.Org, e.Event.ClientID}]; ref != nil {
				c.answers = append(c.answers, answer{e.Event.ClientID, ref.deliveries, true})
				continue
			}
		}
		n, err := g.addEvent(c, e)
		if err != nil {
			return err
		}
		c.answers = append(c.answers, answer{ID: e.Event.PublicID(), Deliveries: n})
	}
	if c.Key != nil {
		return g.addKey(c)
	}
	return nil
}

// addEvent adds an event with its deliveries and counts those not suppressed.
func (g *group) addEvent(c *commit, e *publish.NewEvent) (n int, err error) {
	ev, now := e.Event, store.Micros(c.Now)
	ids := make([]byte, 0, len(e.Deliveries)*len(peal.DeliveryID{}))
	for _, d := range e.Deliveries {
		ids = append(ids, d.ID[:]...)
		passes, err := g.passes(c, e, d)
		if err != nil {
			return 0, err
		}
		if !passes {
			c.suppressed = append(c.suppressed, d)
		} else if d.Status != peal.Suppressed {
			n++
			g.tally[d.Endpoint]++
		}
		switch {
		case !passes:
			err = g.addFinished(c, e, d, peal.Suppressed, reasonOf(d))
		case d.Status.Finished():
			err = g.addFinished(c, e, d, d.Status, d.Reason)
		default:
			var owner, seq, group any
			due := now
			if d.Owned {
				owner = g.db.Session()
			}
			if d.Ordered {
				if seq, err = g.nextSeq(d.Endpoint); err != nil {
					return 0, err
				}
			}
			if d.Group != nil {
				if due, err = g.collect(c, d); err != nil {
					return 0, err
				}
				group = d.Group.ID[:]
			}
			g.live = append(g.live, c.Org, d.ID[:], d.Endpoint[:], ev.ID[:], ev.Type, string(d.Status), due, int64(d.Size), owner, seq, group)
		}
		if err != nil {
			return 0, err
		}
	}
	if err := g.tx.NeedPartition(store.EventTable, store.Micros(ev.ID.Time())); err != nil {
		return 0, err
	}
	g.events = append(g.events, c.Org, ev.ID[:], ev.ClientID, ev.Type, ev.Source, ev.Subject, string(ev.Severity),
		ev.Title, ev.Message, ev.Time.UnixMicro(), ev.Data, ids)
	if ev.ClientID != "" {
		g.addRef(c, e, n)
	}
	return n, nil
}

// addFinished adds a delivery that is finished before it was ever live.
func (g *group) addFinished(c *commit, e *publish.NewEvent, d *publish.NewDelivery, status peal.Status, reason string) error {
	f := &finished{
		org: c.Org, id: &d.ID, endpoint: &d.Endpoint, event: e.Event,
		status: status, reason: reason, size: d.Size, at: finishedAt(c.Now, d.ID),
	}
	if d.Group != nil {
		f.group = d.Group.ID
	}
	if a := d.Attempt; a != nil {
		f.attempts, f.statusCode, f.lastError = 1, a.StatusCode, a.Error
		f.history = string(appendAttempt(nil, a))
	}
	g.addDone(f)
	g.rollup.count(c.Org, d.Endpoint, f.at, d.Attempt, status)
	return g.tx.NeedPartition(store.DoneTable, f.at)
}
