package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/peal-dev/peal/internal/peal"
)

// Nodes of two adjacent versions run side by side: a program runs on a newer schema that
// says it can bear it, and does not apply a migration that a running node cannot.

// noteCompat keeps in the database which programs can bear its versions.
func (s *schema) noteCompat(ctx context.Context) error {
	for _, m := range s.all {
		_, err := s.pool.ExecContext(ctx, fmt.Sprintf(
			"INSERT INTO schema_compat (version, oldest) VALUES (%d, %d) ON CONFLICT (version) DO NOTHING", m.Version, m.Oldest))
		if err != nil {
			return peal.Wrap(peal.CodeUnavailable, err, "the database could not be brought up to date")
		}
	}
	return nil
}

// bear fails unless the program can work on a schema that is newer than it knows.
func (s *schema) bear(ctx context.Context, current int64) error {
	var noted, oldest int64
	err := s.pool.QueryRowContext(ctx, "SELECT coalesce(max(version), 0), coalesce(max(oldest), 0) FROM schema_compat WHERE version > "+
		fmt.Sprint(newest(s.all))).Scan(&noted, &oldest)
	if err != nil {
		return peal.Wrap(peal.CodeUnavailable, err, "the database's version cannot be read; is it a database of Peal?")
	}
	if noted < current {
		oldest = current // nobody said that others can bear it
	}
	return bears(newest(s.all), current, oldest)
}

func bears(known, current, oldest int64) error {
	if known >= oldest {
		return nil
	}
	return peal.Errorf(peal.CodeConflict, "the database has version %d, which programs can bear that know version %d; this one knows %d: "+
		"it was migrated by a newer Peal, so install that or a later one", current, oldest, known)
}

// borne says why migrations may not be applied: nodes are running that cannot bear one.
func (s *schema) borne(ctx context.Context, pending []Migration) (refused, err error) {
	worst := pending[0]
	for _, m := range pending {
		if m.Oldest > worst.Oldest {
			worst = m
		}
	}
	rows, err := s.pool.QueryContext(ctx, `SELECT id, schema FROM session
		WHERE NOT reaped AND schema < $1::bigint AND heartbeat_at > clock_timestamp() - $2::bigint * interval '1 microsecond' ORDER BY id`,
		worst.Oldest, (4 * defaultHeartbeat).Microseconds())
	if err != nil {
		return nil, peal.Wrap(peal.CodeUnavailable, err, "the database's nodes cannot be read")
	}
	var nodes []string
	for rows.Next() {
		var id, knows int64
		if err = rows.Scan(&id, &knows); err != nil {
			break
		}
		nodes = append(nodes, fmt.Sprintf("session %d knows %d", id, knows))
	}
	if err = join(join(err, rows.Err()), rows.Close()); err != nil {
		return nil, peal.Wrap(peal.CodeUnavailable, err, "the database's nodes cannot be read")
	}
	if len(nodes) == 0 {
		return nil, nil
	}
	return peal.Errorf(peal.CodeConflict, "migration %d cannot be borne by nodes that know less than version %d, and %d such are running (%s): "+
		"stop them or upgrade them to a release between the two, then start this one again or run peal migrate",
		worst.Version, worst.Oldest, len(nodes), strings.Join(nodes, ", ")), nil
}

// bearable fails where the schema became one that the program cannot bear before its
// session was there to be seen. It waits for a migration that goes on.
func bearable(c *pgConn, known int64) error {
	var current, oldest int64
	err := c.query("SELECT pg_advisory_xact_lock_shared(?::int, hashtext(current_schema()))::text", []any{int64(migrationLock)}, ignoreRow)
	if err == nil {
		err = c.query("SELECT max(version), max(oldest) FROM schema_compat", nil, func(r Row) error {
			current, oldest = r.Int(0), r.Int(1)
			return nil
		})
	}
	if err != nil {
		return safe(err)
	}
	return bears(known, current, oldest)
}
