package queue

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// postgresNames takes all names of a group before anything is decided, each kind sorted
// and the kinds in one order, so that two groups wait for each other but never in a
// circle. What is taken is written as if every commit went through, and put right at
// the end where one did not.
type postgresNames struct {
	g   *group
	now int64 // the latest of the group's commits

	keys    map[name]*wantedKey
	refs    map[name]*wantedRef
	windows map[windowName]*wantedWindow
	raised  map[int64]bool
}

func (p *postgres) names(g *group) names {
	return &postgresNames{
		g: g, keys: map[name]*wantedKey{}, refs: map[name]*wantedRef{},
		windows: map[windowName]*wantedWindow{}, raised: map[int64]bool{},
	}
}

// wantedKey is the row that was written for a key, if the key was free.
type wantedKey struct {
	mine    bool
	hash    []byte
	answer  string
	expires int64
}

// wantedRef is the row that was written for a publisher's id, if the id was free.
type wantedRef struct {
	mine        bool
	event, hash []byte
	deliveries  int64
}

// wantedWindow is a dedup window. One that was over before is opened until a time.
type wantedWindow struct {
	mine          bool
	before, until int64
}

func (p *postgresNames) claim(items []*commit) error {
	var raised []any
	seqs := map[peal.EndpointID]int64{}
	for _, c := range items {
		p.now = max(p.now, store.Micros(c.Now))
		if err := p.want(c, seqs); err != nil {
			return err
		}
		if c.RaisedSeq != 0 {
			raised = append(raised, c.RaisedSeq)
		}
	}
	tx := p.g.tx
	if err := tx.Ask(func(r store.Row) error {
		p.g.version = r.Int(0)
		return nil
	}, readVersion); err != nil {
		return err
	}
	for _, step := range []func() error{
		p.takeKeys, p.takeRefs,
		func() error { return p.lockRaised(raised) },
		p.readWindows,
		tx.Flush,
		p.openWindows,
		func() error { return p.takeSeqs(seqs) },
		p.takeGroups,
		p.readKeys, p.readRefs,
		tx.Flush,
		p.missing,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// want notes the names of a commit; of those that share one, the first is expected to
// get it.
func (p *postgresNames) want(c *commit, seqs map[peal.EndpointID]int64) error {
	var answers []answer
	for _, e := range c.Events {
		n := 0
		for _, d := range e.Deliveries {
			if d.Status != peal.Suppressed {
				n++
			}
			if d.Group != nil && d.Status == peal.Pending && p.g.groups[d.Group.ID] == nil {
				p.g.groups[d.Group.ID] = newGroup(c, d)
			}
			if d.Ordered && !d.Status.Finished() {
				seqs[d.Endpoint]++
			}
			if w := windowOf(c, e, d); d.DedupKey != "" && d.Status == peal.Pending && p.windows[w] == nil {
				p.windows[w] = &wantedWindow{until: store.Micros(c.Now) + int64(d.DedupWindow/time.Microsecond)}
			}
		}
		answers = append(answers, answer{ID: e.Event.PublicID(), Deliveries: n})
		if r := (name{c.Org, e.Event.ClientID}); e.Event.ClientID != "" && p.refs[r] == nil {
			p.refs[r] = &wantedRef{event: e.Event.ID[:], hash: e.Hash[:], deliveries: int64(n)}
		}
	}
	if c.Key == nil || p.keys[name{c.Org, c.Key.Key}] != nil {
		return nil
	}
	doc, err := json.Marshal(answers)
	p.keys[name{c.Org, c.Key.Key}] = &wantedKey{hash: c.Key.Hash[:], answer: string(doc), expires: store.Micros(c.Key.Expires)}
	return err
}

func (n name) compare(other name) int {
	return cmp.Or(cmp.Compare(n.org, other.org), cmp.Compare(n.text, other.text))
}

func (n windowName) compare(other windowName) int {
	return cmp.Or(cmp.Compare(n.org, other.org), cmp.Compare(n.key, other.key), cmp.Compare(n.eventType, other.eventType))
}

// takeKeys writes the keys that are free or expired. One that another group has just
// written is waited for.
func (p *postgresNames) takeKeys() error {
	if len(p.keys) == 0 {
		return nil
	}
	var rows []any
	for _, n := range slices.SortedFunc(maps.Keys(p.keys), name.compare) {
		k := p.keys[n]
		rows = append(rows, n.org, n.text, k.hash, k.answer, k.expires)
	}
	return p.g.tx.AskArrays(func(r store.Row) error {
		p.keys[name{r.Text(0), r.Text(1)}].mine = true
		return nil
	}, `INSERT INTO idempotency (org, key, hash, answer, expires)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bigint[])
		ON CONFLICT (org, key) DO UPDATE SET hash = excluded.hash, answer = excluded.answer, expires = excluded.expires
		WHERE idempotency.expires <= $6 RETURNING org, key`, "ttbti", rows, p.now)
}

func (p *postgresNames) readKeys() error {
	var rows []any
	for n, k := range p.keys {
		if !k.mine {
			rows = append(rows, n.org, n.text)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return p.g.tx.AskArrays(func(r store.Row) error {
		used := &usedKey{hash: r.Blob(2), expires: r.Int(4)}
		p.g.keys[name{r.Text(0), r.Text(1)}] = used
		return json.Unmarshal([]byte(r.Text(3)), &used.answers)
	}, `SELECT org, key, hash, answer, expires FROM idempotency JOIN unnest($1::text[], $2::text[]) AS n (org, key) USING (org, key)`,
		"tt", rows)
}

func (p *postgresNames) takeRefs() error {
	if len(p.refs) == 0 {
		return nil
	}
	var rows []any
	for _, n := range slices.SortedFunc(maps.Keys(p.refs), name.compare) {
		r := p.refs[n]
		rows = append(rows, n.org, n.text, r.event, r.hash, r.deliveries)
	}
	return p.g.tx.AskArrays(func(r store.Row) error {
		p.refs[name{r.Text(0), r.Text(1)}].mine = true
		return nil
	}, `INSERT INTO event_ref (org, client_id, event_id, hash, deliveries)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::bigint[])
		ON CONFLICT (org, client_id) DO NOTHING RETURNING org, client_id`, "ttbbi", rows)
}

func (p *postgresNames) readRefs() error {
	var rows []any
	for n, r := range p.refs {
		if !r.mine {
			rows = append(rows, n.org, n.text)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return p.g.tx.AskArrays(func(r store.Row) error {
		p.g.refs[name{r.Text(0), r.Text(1)}] = &usedRef{hash: r.Blob(2), deliveries: int(r.Int(3))}
		return nil
	}, `SELECT org, client_id, hash, deliveries FROM event_ref JOIN unnest($1::text[], $2::text[]) AS n (org, client_id) USING (org, client_id)`,
		"tt", rows)
}

// missing makes the group run again where a name was neither free nor is it used: its
// row was purged in between.
func (p *postgresNames) missing() error {
	for n, k := range p.keys {
		if !k.mine && p.g.keys[n] == nil {
			return store.ErrCollided
		}
	}
	for n, r := range p.refs {
		if !r.mine && p.g.refs[n] == nil {
			return store.ErrCollided
		}
	}
	return nil
}

func (p *postgresNames) lockRaised(rows []any) error {
	if len(rows) == 0 {
		return nil
	}
	return p.g.tx.AskArrays(func(r store.Row) error {
		p.raised[r.Int(0)] = true
		return nil
	}, `SELECT seq FROM raised WHERE seq IN (SELECT unnest($1::bigint[])) ORDER BY seq FOR UPDATE`, "i", rows)
}

func (p *postgresNames) readWindows() error {
	if len(p.windows) == 0 {
		return nil
	}
	var rows []any
	for n := range p.windows {
		rows = append(rows, n.org, n.key, n.eventType)
	}
	return p.g.tx.AskArrays(func(r store.Row) error {
		p.windows[windowName{r.Text(0), r.Text(1), r.Text(2)}].before = r.Int(3)
		return nil
	}, `SELECT org, key, type, until FROM dedup JOIN unnest($1::text[], $2::text[], $3::text[]) AS n (org, key, type) USING (org, key, type)`,
		"ttt", rows)
}

// openWindows opens those that are over, unless another node just did.
func (p *postgresNames) openWindows() error {
	var rows []any
	for _, n := range slices.SortedFunc(maps.Keys(p.windows), windowName.compare) {
		if w := p.windows[n]; w.before <= p.now {
			rows = append(rows, n.org, n.key, n.eventType, w.until)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return p.g.tx.AskArrays(func(r store.Row) error {
		p.windows[windowName{r.Text(0), r.Text(1), r.Text(2)}].mine = true
		return nil
	}, `INSERT INTO dedup (org, key, type, until) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
		ON CONFLICT (org, key, type) DO UPDATE SET until = excluded.until WHERE dedup.until <= $5 RETURNING org, key, type`,
		"ttti", rows, p.now)
}

// takeSeqs reserves the numbers of ordered endpoints until the transaction's end, so
// that their order is that of commits. Those that are not used leave a gap.
func (p *postgresNames) takeSeqs(n map[peal.EndpointID]int64) error {
	if len(n) == 0 {
		return nil
	}
	var rows []any
	for _, ep := range slices.SortedFunc(maps.Keys(n), func(a, b peal.EndpointID) int { return bytes.Compare(a[:], b[:]) }) {
		rows = append(rows, ep[:], 1+n[ep])
	}
	return p.g.tx.AskArrays(func(r store.Row) error {
		ep := endpointID(r.Blob(0))
		p.g.seqs[ep] = r.Int(1) - n[ep]
		return nil
	}, `INSERT INTO ordered_seq (endpoint_id, next) SELECT * FROM unnest($1::bytea[], $2::bigint[])
		ON CONFLICT (endpoint_id) DO UPDATE SET next = ordered_seq.next + excluded.next - 1 RETURNING endpoint_id, next`, "bi", rows)
}

// What is not in the group's maps after claim is free.

func (p *postgresNames) readKey(name) (*usedKey, error) { return nil, nil }

func (p *postgresNames) readRef(name) (*usedRef, error) { return nil, nil }

func (p *postgresNames) readSeq(peal.EndpointID) (int64, error) { return 1, nil }

// readWindow says of a window that another node opened meanwhile that it is open.
func (p *postgresNames) readWindow(n windowName) (int64, error) {
	w := p.windows[n]
	if !w.mine && w.before <= p.now {
		return math.MaxInt64, nil
	}
	return w.before, nil
}

func (p *postgresNames) takeRaised(seq int64) (bool, error) {
	if !p.raised[seq] {
		return false, nil
	}
	delete(p.raised, seq)
	return true, p.g.tx.Send("DELETE FROM raised WHERE seq = ?", seq)
}

// write puts right what came out otherwise than it was written: a commit was refused, or
// had fewer deliveries.
func (p *postgresNames) write() error {
	return errors.Join(p.writeKeys(), p.writeRefs(), p.writeWindows(), p.writeGroups())
}

func (p *postgresNames) writeKeys() error {
	var changed, unused []any
	for row := range slices.Chunk(p.g.batch.keys, 5) {
		k := p.keys[name{row[0].(string), row[1].(string)}]
		if k.mine = false; !bytes.Equal(k.hash, row[2].([]byte)) || k.answer != row[3] || k.expires != row[4] {
			changed = append(changed, row...)
		}
	}
	for n, k := range p.keys {
		if k.mine {
			unused = append(unused, n.org, n.text)
		}
	}
	return p.put(
		`UPDATE idempotency i SET hash = n.hash, answer = n.answer, expires = n.expires
			FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bigint[]) AS n (org, key, hash, answer, expires)
			WHERE i.org = n.org AND i.key = n.key`, "ttbti", changed,
		`DELETE FROM idempotency WHERE (org, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))`, "tt", unused)
}

func (p *postgresNames) writeRefs() error {
	var changed, unused []any
	for row := range slices.Chunk(p.g.batch.refs, 5) {
		r := p.refs[name{row[0].(string), row[1].(string)}]
		if r.mine = false; !bytes.Equal(r.event, row[2].([]byte)) || !bytes.Equal(r.hash, row[3].([]byte)) || r.deliveries != row[4] {
			changed = append(changed, row...)
		}
	}
	for n, r := range p.refs {
		if r.mine {
			unused = append(unused, n.org, n.text)
		}
	}
	return p.put(
		`UPDATE event_ref e SET event_id = n.event_id, hash = n.hash, deliveries = n.deliveries
			FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::bigint[]) AS n (org, client_id, event_id, hash, deliveries)
			WHERE e.org = n.org AND e.client_id = n.client_id`, "ttbbi", changed,
		`DELETE FROM event_ref WHERE (org, client_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))`, "tt", unused)
}

func (p *postgresNames) writeWindows() error {
	until := map[windowName]int64{}
	for row := range slices.Chunk(p.g.batch.windows, 4) {
		until[windowName{row[0].(string), row[1].(string), row[2].(string)}] = row[3].(int64)
	}
	var changed []any
	for n, w := range p.windows {
		at, opened := until[n]
		if !opened {
			at = w.before
		}
		if w.mine && at != w.until {
			changed = append(changed, n.org, n.key, n.eventType, at)
		}
	}
	return p.put(`UPDATE dedup d SET until = n.until FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS n (org, key, type, until)
		WHERE d.org = n.org AND d.key = n.key AND d.type = n.type`, "ttti", changed, "", "", nil)
}

// put sends the statements that have rows.
func (p *postgresNames) put(one, oneTypes string, oneRows []any, other, otherTypes string, otherRows []any) error {
	if len(oneRows) > 0 {
		if err := p.g.tx.AskArrays(nil, one, oneTypes, oneRows); err != nil {
			return err
		}
	}
	if len(otherRows) > 0 {
		return p.g.tx.AskArrays(nil, other, otherTypes, otherRows)
	}
	return nil
}
