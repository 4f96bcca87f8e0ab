package queue

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/store"
)

// messageGroup is a row of message_group within a run of commits.
type messageGroup struct {
	id       peal.GroupID
	org      string
	endpoint peal.EndpointID
	labels   string

	opened, flush, taken, takenAt int64
	// events are those due at flush, or those of the message that was taken last.
	events, total int64
	// changed is set once a delivery was added.
	changed bool
}

const groupColumns = "opened_at, flush_at, taken, taken_at, events, total"

// read fills in the groupColumns of a row, from the given one on.
func (m *messageGroup) read(r store.Row, from int) {
	for i, to := range []*int64{&m.opened, &m.flush, &m.taken, &m.takenAt, &m.events, &m.total} {
		*to = r.Int(from + i)
	}
}

// newGroup is the group of a delivery before its row is read.
func newGroup(c *commit, d *publish.NewDelivery) *messageGroup {
	return &messageGroup{id: d.Group.ID, org: c.Org, endpoint: d.Endpoint, labels: d.Group.Labels}
}

// add puts an event into the message that it goes with, and tells when that is due. What
// decides is whether a message was taken to be sent, not the time alone: an event either
// is in the message or goes with the next.
func (m *messageGroup) add(now int64, g *publish.Group) (due int64) {
	interval := int64(g.Interval / time.Microsecond)
	taken := m.flush <= m.taken
	switch {
	case !taken && now < m.flush: // one is being collected
	case now < m.flush+interval:
		m.flush, m.events = m.flush+interval, 0
	default: // it was at rest
		m.opened, m.flush, m.events = now, store.Micros(g.Opens), 0
	}
	m.changed = true
	m.events++
	m.total++
	return m.flush
}

// collect gives the due time of a delivery that goes with others.
func (g *group) collect(c *commit, d *publish.NewDelivery) (due int64, err error) {
	m := g.groups[d.Group.ID]
	if m == nil {
		m = newGroup(c, d)
		if err := g.readGroup(m); err != nil {
			return 0, err
		}
		g.groups[m.id] = m
	}
	due = m.add(store.Micros(c.Now), d.Group)
	c.collected = append(c.collected, collected{d, due})
	return due, nil
}

// collected is a delivery that waits for its message.
type collected struct {
	delivery *publish.NewDelivery
	due      int64
}

var putGroups = store.NewMany(`INSERT INTO message_group (id, org, endpoint_id, labels, `+groupColumns+`)`, "btbtiiiiii",
	` ON CONFLICT (id) DO UPDATE SET opened_at = excluded.opened_at, flush_at = excluded.flush_at, events = excluded.events, total = excluded.total`)

// writeGroups writes the groups that got deliveries.
func (g *group) writeGroups() error {
	var rows []any
	for _, m := range g.groups {
		if m.changed {
			rows = append(rows, m.id[:], m.org, m.endpoint[:], m.labels, m.opened, m.flush, m.taken, m.takenAt, m.events, m.total)
		}
	}
	return g.tx.Many(putGroups, rows)
}

// takeGroup notes that the group's message is taken, with how many events, unless it is not
// due yet, as where an earlier delivery is retried.
const takeGroup = `UPDATE message_group SET taken = flush_at, taken_at = ?2, events = ?3 WHERE id = ?1 AND flush_at <= ?2`

// orNull is what stands in the column group_id.
func orNull(id peal.GroupID) any {
	if id.IsZero() {
		return nil
	}
	return id[:]
}

func groupID(b []byte) (id peal.GroupID) {
	copy(id[:], b)
	return id
}

// oldGroups are those at rest of which no delivery is left. The time is compared outside
// as well, as in all purges of what others may use again: PostgreSQL looks at that once
// more where it had to wait for them.
const oldGroups = `DELETE FROM message_group WHERE flush_at < ?1 AND id IN (
	SELECT id FROM message_group m WHERE flush_at < ?1
		AND NOT EXISTS (SELECT 1 FROM live WHERE group_id = m.id) AND NOT EXISTS (SELECT 1 FROM done WHERE group_id = m.id)
	ORDER BY flush_at LIMIT ?2)`

const listedGroup = "SELECT id, org, endpoint_id, labels, " + groupColumns + " FROM message_group "

func scanGroup(scan scanner) (g peal.Group, flush int64, err error) {
	var labels string
	var opened, taken, takenAt int64
	err = scan(&g.ID, &g.Org, &g.Endpoint, &labels, &opened, &flush, &taken, &takenAt, &g.Events, &g.Total)
	if err == nil {
		err = json.Unmarshal([]byte(labels), &g.Labels)
	}
	g.OpenedAt, g.LastMessageAt = store.FromMicros(opened), store.FromMicros(takenAt)
	if taken < flush {
		g.NextMessageAt = store.FromMicros(flush)
	}
	return g, flush, err
}

const groupsQuery = listedGroup + "WHERE org = ?1 AND (flush_at, id) < (?2, ?3) ORDER BY flush_at DESC, id DESC LIMIT ?4"

// Group reads a group of an org.
func (q *Queue) Group(ctx context.Context, org string, id peal.GroupID) (*peal.Group, error) {
	var found *peal.Group
	err := q.rows(ctx, func(scan scanner) error {
		g, _, err := scanGroup(scan)
		found = &g
		return err
	}, listedGroup+"WHERE id = ? AND org = ?", id, org)
	if err == nil && found == nil {
		err = peal.NotFound("group")
	}
	return found, err
}

// Groups lists the groups of an org or of one of its endpoints, those with the latest
// message first, with the next page's cursor.
func (q *Queue) Groups(ctx context.Context, org string, ep peal.EndpointID, p peal.Page) (page []peal.Group, cursor string, err error) {
	p = p.Clamp()
	before, last, err := groupsBefore(p)
	if err != nil {
		return nil, "", err
	}
	seen := 0
	err = q.rows(ctx, func(scan scanner) error {
		if len(page) == p.Limit || seen == maxScan {
			cursor = groupCursor(before, last)
			return errEnough
		}
		g, flush, err := scanGroup(scan)
		if err != nil {
			return err
		}
		seen++
		if before, last = flush, g.ID; ep.IsZero() || g.Endpoint == ep {
			page = append(page, g)
		}
		return nil
	}, groupsQuery, org, before, last, maxScan+1)
	return page, cursor, err
}

func groupCursor(flush int64, id peal.GroupID) string {
	return peal.Cursor("groups", append(binary.BigEndian.AppendUint64(nil, uint64(flush)), id[:]...))
}

// groupsBefore is where a page begins; the first one does after all groups.
func groupsBefore(p peal.Page) (flush int64, id peal.GroupID, err error) {
	after, err := p.After("groups", 8+len(id))
	if err != nil || after == nil {
		return 1<<63 - 1, id, err
	}
	return int64(binary.BigEndian.Uint64(after)), groupID(after[8:]), nil
}
