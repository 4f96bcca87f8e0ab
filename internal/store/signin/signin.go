package signin

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/store"
)

var (
	_ scs.CtxStore   = (*Store)(nil)
	_ auth.LinkStore = (*Store)(nil)
)

// Store keeps sessions and links in one database.
type Store struct{ db *store.DB }

// New gives the database's sessions and links.
func New(db *store.DB) *Store { return &Store{db} }

// expiredAtOnce is how many expired rows each write clears away.
const expiredAtOnce = 20

// FindCtx gives the data of a session that has not expired.
func (s *Store) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	data, err = s.read(ctx, "SELECT data FROM visit WHERE token = ? AND expires > ?", token)
	return data, data != nil, err
}

// CommitCtx keeps a session's data until it expires.
func (s *Store) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec("DELETE FROM visit WHERE token IN (SELECT token FROM visit WHERE expires < ? LIMIT ?)",
			store.Micros(s.db.Now()), int64(expiredAtOnce)); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO visit (token, data, expires) VALUES (?, ?, ?)
			ON CONFLICT (token) DO UPDATE SET data = excluded.data, expires = excluded.expires`, token, data, store.Micros(expiry))
		return err
	})
}

// DeleteCtx ends a session.
func (s *Store) DeleteCtx(ctx context.Context, token string) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("DELETE FROM visit WHERE token = ?", token)
		return err
	})
}

// Find, Commit and Delete make the store one of scs, which asks for the others.
func (s *Store) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx.
func (s *Store) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx.
func (s *Store) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// AddLink implements auth.LinkStore.
func (s *Store) AddLink(ctx context.Context, hash [32]byte, grant []byte, expires time.Time) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec("DELETE FROM link WHERE token IN (SELECT token FROM link WHERE expires < ? LIMIT ?)",
			store.Micros(s.db.Now()), int64(expiredAtOnce)); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO link (token, grants, expires) VALUES (?, ?, ?)", hash[:], grant, store.Micros(expires))
		return err
	})
}

// Link implements auth.LinkStore.
func (s *Store) Link(ctx context.Context, hash [32]byte) ([]byte, error) {
	return s.read(ctx, "SELECT grants FROM link WHERE token = ? AND expires > ?", hash[:])
}

// TakeLink implements auth.LinkStore.
func (s *Store) TakeLink(ctx context.Context, hash [32]byte) (taken bool, err error) {
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec("DELETE FROM link WHERE token = ?", hash[:])
		taken = n > 0
		return err
	})
	return taken, err
}

// read gives the one value that a query finds and that has not expired, nil without one.
func (s *Store) read(ctx context.Context, query string, key any) (value []byte, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, db *sql.DB) error {
		err := db.QueryRowContext(ctx, query, key, store.Micros(s.db.Now())).Scan(&value)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return value, err
}
