package queue

import (
	"encoding/json"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// sqliteNames reads each name when a commit comes to it: the transaction that has begun
// is the only one that writes.
type sqliteNames struct{ g *group }

func (s *sqlite) names(g *group) names { return sqliteNames{g} }

func (s sqliteNames) claim([]*commit) error {
	return s.g.tx.Query(func(r store.Row) error {
		s.g.version = r.Int(0)
		return nil
	}, readVersion)
}

func (s sqliteNames) readKey(n name) (used *usedKey, err error) {
	err = s.g.tx.Query(func(r store.Row) error {
		used = &usedKey{hash: r.Blob(0), expires: r.Int(2)}
		return json.Unmarshal([]byte(r.Text(1)), &used.answers)
	}, "SELECT hash, answer, expires FROM idempotency WHERE org = ? AND key = ?", n.org, n.text)
	return used, err
}

func (s sqliteNames) readRef(n name) (used *usedRef, err error) {
	err = s.g.tx.Query(func(r store.Row) error {
		used = &usedRef{hash: r.Blob(0), deliveries: int(r.Int(1))}
		return nil
	}, "SELECT hash, deliveries FROM event_ref WHERE org = ? AND client_id = ?", n.org, n.text)
	return used, err
}

func (s sqliteNames) readWindow(n windowName) (until int64, err error) {
	err = s.g.tx.Query(func(r store.Row) error {
		until = r.Int(0)
		return nil
	}, "SELECT until FROM dedup WHERE org = ? AND key = ? AND type = ?", n.org, n.key, n.eventType)
	return until, err
}

func (s sqliteNames) readSeq(ep peal.EndpointID) (next int64, err error) {
	next = 1
	err = s.g.tx.Query(func(r store.Row) error {
		next = r.Int(0)
		return nil
	}, "SELECT next FROM ordered_seq WHERE endpoint_id = ?", ep[:])
	return next, err
}

func (s sqliteNames) readGroup(m *messageGroup) error {
	return s.g.tx.Query(func(r store.Row) error {
		m.read(r, 0)
		return nil
	}, "SELECT "+groupColumns+" FROM message_group WHERE id = ?", m.id[:])
}

func (s sqliteNames) takeRaised(seq int64) (bool, error) {
	n, err := s.g.tx.Exec("DELETE FROM raised WHERE seq = ?", seq)
	return n > 0, err
}

var (
	insertRefs = store.NewMany(`INSERT INTO event_ref (org, client_id, event_id, hash, deliveries)`, "ttbbi", "")
	insertKeys = store.NewMany(`INSERT OR REPLACE INTO idempotency (org, key, hash, answer, expires)`, "ttbti", "")
	putWindows = store.NewMany(`INSERT INTO dedup (org, key, type, until)`, "ttti",
		` ON CONFLICT DO UPDATE SET until = excluded.until`)
	putSeqs = store.NewMany(`INSERT INTO ordered_seq (endpoint_id, next)`, "bi",
		` ON CONFLICT DO UPDATE SET next = excluded.next`)
)

func (s sqliteNames) write() error {
	seqs := make([]any, 0, 2*len(s.g.seqs))
	for ep, next := range s.g.seqs {
		seqs = append(seqs, ep[:], next)
	}
	b := s.g.batch
	for _, part := range []struct {
		sql  *store.ManySQL
		args []any
	}{{insertRefs, b.refs}, {insertKeys, b.keys}, {putWindows, b.windows}, {putSeqs, seqs}} {
		if err := s.g.tx.Many(part.sql, part.args); err != nil {
			return err
		}
	}
	return nil
}
