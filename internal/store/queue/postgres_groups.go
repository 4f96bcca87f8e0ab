package queue

import (
	"bytes"
	"maps"
	"slices"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// takeGroups locks the message groups until the transaction's end, so that a message is
// either taken before a delivery goes to it or with it. Those that are new get a row.
func (p *postgresNames) takeGroups() error {
	if len(p.g.groups) == 0 {
		return nil
	}
	var rows []any
	for _, id := range slices.SortedFunc(maps.Keys(p.g.groups), func(a, b peal.GroupID) int { return bytes.Compare(a[:], b[:]) }) {
		m := p.g.groups[id]
		rows = append(rows, m.id[:], m.org, m.endpoint[:], m.labels)
	}
	return p.g.tx.AskArrays(func(r store.Row) error {
		p.g.groups[groupID(r.Blob(0))].read(r, 1)
		return nil
	}, `INSERT INTO message_group AS m (id, org, endpoint_id, labels, `+groupColumns+`)
		SELECT *, 0, 0, 0, 0, 0, 0 FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::text[])
		ON CONFLICT (id) DO UPDATE SET total = m.total RETURNING id, `+groupColumns, "btbt", rows)
}

// writeGroups deletes the rows that were made for nothing.
func (p *postgresNames) writeGroups() error {
	var unused []any
	for _, m := range p.g.groups {
		if !m.changed && m.flush == 0 {
			unused = append(unused, m.id[:])
		}
	}
	return p.put("DELETE FROM message_group WHERE id IN (SELECT unnest($1::bytea[]))", "b", unused, "", "", nil)
}

// readGroup has nothing to do: takeGroups read what is stored.
func (p *postgresNames) readGroup(*messageGroup) error { return nil }
