package settings

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/settings"
	"github.com/peal-dev/peal/internal/store"
)

var (
	_ settings.Store   = (*Store)(nil)
	_ directory.Source = (*Store)(nil)
)

// Store is the configuration in one database.
type Store struct {
	db *store.DB
}

// New gives the database's configuration.
func New(db *store.DB) *Store { return &Store{db} }

// Write implements settings.Store.
func (s *Store) Write(ctx context.Context, w settings.Write) (version int64, err error) {
	err = s.db.Write(ctx, func(tx *store.Tx) (err error) {
		if version, err = nextVersion(tx, len(w.Rows) > 0); err != nil {
			return err
		}
		for i := range w.Rows {
			if err := put(tx, &w.Rows[i], version); err != nil {
				return err
			}
		}
		for i := range w.Audit {
			if err := addAudit(tx, &w.Audit[i]); err != nil {
				return err
			}
		}
		return store.AddRaised(tx, w.Raised)
	})
	return version, err
}

// nextVersion counts a write up. One that changes no row is not a change of the
// configuration: nobody has to read or match anything again for it.
func nextVersion(tx *store.Tx, changed bool) (version int64, err error) {
	query := "SELECT version FROM config_version"
	if changed {
		query = "UPDATE config_version SET version = version + 1 RETURNING version"
	}
	err = tx.Query(func(r store.Row) error {
		version = r.Int(0)
		return nil
	}, query)
	return version, err
}

func put(tx *store.Tx, p *settings.Put, version int64) error {
	r := &p.Row
	current, usedBefore := settings.MustNotExist, false
	err := tx.Query(func(row store.Row) error {
		if usedBefore = row.Int(1) != 0; !usedBefore {
			current = row.Int(0)
		}
		return nil
	}, "SELECT version, deleted FROM setting WHERE kind = ? AND org = ? AND id = ?", r.Kind, r.Org, r.ID)
	if err != nil {
		return err
	}
	switch {
	case usedBefore && r.Kind == directory.KindOrg && !r.Deleted:
		// Its events and deliveries are kept for a while, and its audit trail.
		return peal.Errorf(peal.CodeConflict, "the org id %s was used before; choose another", r.ID)
	case current == p.Expect:
	case p.Expect == settings.MustNotExist:
		return peal.Errorf(peal.CodeConflict, "the %s %s exists already", r.Kind, r.ID)
	default:
		return peal.Errorf(peal.CodeConflict, "the %s %s was changed by someone else", r.Kind, r.ID)
	}
	deleted := int64(0)
	if r.Deleted {
		deleted = 1
	}
	_, err = tx.Exec(`INSERT INTO setting (kind, org, id, doc, sealed, version, deleted) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (kind, org, id) DO UPDATE SET doc = excluded.doc, sealed = excluded.sealed, version = excluded.version, deleted = excluded.deleted`,
		r.Kind, r.Org, r.ID, r.Doc, r.Sealed, version, deleted)
	return err
}

func addAudit(tx *store.Tx, a *settings.AuditEntry) error {
	_, err := tx.Exec("INSERT INTO audit (time, org, actor, action, object, detail) VALUES (?, ?, ?, ?, ?, ?)",
		store.Micros(a.Time), a.Org, a.Actor, a.Action, a.Object, string(a.Detail))
	return err
}

// maxChanges is how many rows one reading takes, which must not take long.
const maxChanges = 2000

// The newest version comes with each row, so that both are of one snapshot.
const changesQuery = `SELECT c.version, s.kind, s.org, s.id, s.doc, s.sealed, s.version, s.deleted
	FROM config_version c LEFT JOIN setting s ON (s.version, s.kind, s.org, s.id) > (?, ?, ?, ?)
	WHERE c.one = 1 ORDER BY s.version, s.kind, s.org, s.id LIMIT ?`

// Changes implements directory.Source. It reads as often as it takes: a row that is
// changed between two readings comes again in a later one, since its version grows.
func (s *Store) Changes(ctx context.Context, since int64) (changes []directory.Row, version int64, err error) {
	after := directory.Row{Version: since + 1} // before all of that version
	for {
		var page []directory.Row
		if page, version, err = s.changesAfter(ctx, &after); err != nil {
			return nil, 0, err
		}
		if changes = append(changes, page...); len(page) < maxChanges {
			return changes, version, nil
		}
		after = page[len(page)-1]
	}
}

func (s *Store) changesAfter(ctx context.Context, after *directory.Row) (page []directory.Row, version int64, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, db *sql.DB) error {
		rows, err := db.QueryContext(ctx, changesQuery, after.Version, after.Kind, after.Org, after.ID, maxChanges)
		if err != nil {
			return err
		}
		for rows.Next() && err == nil {
			var kind, org, id sql.NullString
			var at sql.NullInt64
			var deleted sql.NullBool
			r := directory.Row{}
			err = rows.Scan(&version, &kind, &org, &id, &r.Doc, &r.Sealed, &at, &deleted)
			r.Kind, r.Org, r.ID, r.Version, r.Deleted = kind.String, org.String, id.String, at.Int64, deleted.Bool
			if kind.Valid {
				page = append(page, r)
			}
		}
		return errors.Join(err, rows.Err(), rows.Close())
	})
	return page, version, err
}

const auditQuery = "SELECT id, time, org, actor, action, object, detail FROM audit WHERE org = ? AND id < ? ORDER BY id DESC LIMIT ?"

// Audit implements settings.Store.
func (s *Store) Audit(ctx context.Context, org string, p peal.Page) (entries []settings.AuditEntry, cursor string, err error) {
	p = p.Clamp()
	before := int64(1<<63 - 1)
	after, err := p.After("audit", 8)
	if err != nil {
		return nil, "", err
	}
	if after != nil {
		before = int64(binary.BigEndian.Uint64(after))
	}
	err = s.db.Read(ctx, func(ctx context.Context, db *sql.DB) error {
		rows, err := db.QueryContext(ctx, auditQuery, org, before, p.Limit+1)
		if err != nil {
			return err
		}
		for rows.Next() && err == nil {
			var a settings.AuditEntry
			var at int64
			var detail []byte
			err = rows.Scan(&a.ID, &at, &a.Org, &a.Actor, &a.Action, &a.Object, &detail)
			a.Time = store.FromMicros(at)
			if len(detail) > 0 {
				a.Detail = json.RawMessage(detail)
			}
			entries = append(entries, a)
		}
		return errors.Join(err, rows.Err(), rows.Close())
	})
	if len(entries) > p.Limit {
		entries = entries[:p.Limit]
		cursor = peal.Cursor("audit", binary.BigEndian.AppendUint64(nil, uint64(entries[p.Limit-1].ID)))
	}
	return entries, cursor, err
}
