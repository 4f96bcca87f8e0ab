package store

import (
	"errors"
	"strings"
)

// Tx is the transaction that the writer has under way. It is used on the writer's
// goroutine alone. Arguments are int64, string, []byte or nil.
type Tx struct {
	conn *conn
}

// Exec runs a statement and tells how many rows it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) { return tx.conn.exec(query, args) }

// Query runs a statement and hands each row to f, which must not keep it.
func (tx *Tx) Query(f func(Row) error, query string, args ...any) error {
	return tx.conn.query(query, args, f)
}

// Many runs a statement for many rows of arguments that stand one after the other,
// in as few calls as the prepared sizes allow, and tells how many rows it changed.
func (tx *Tx) Many(s *ManySQL, args []any) (int64, error) {
	var changed int64
	for size := len(s.queries) - 1; size >= 0; size-- {
		n := s.width << (3 * size)
		for len(args) >= n {
			c, err := tx.conn.exec(s.queries[size], args[:n])
			if err != nil {
				return changed, err
			}
			changed += c
			args = args[n:]
		}
	}
	return changed, nil
}

// ManySQL is a statement over 1, 8 or 64 rows of arguments: a few sizes that stay
// prepared instead of one for each number of rows.
type ManySQL struct {
	width   int
	queries [3]string
}

// NewMany makes the statement "before (?,…),(?,…) after" over rows of width columns.
func NewMany(before string, width int, after string) *ManySQL {
	row := "(?" + strings.Repeat(",?", width-1) + ")"
	s := &ManySQL{width: width}
	for i := range s.queries {
		s.queries[i] = before + row + strings.Repeat(","+row, 1<<(3*i)-1) + after
	}
	return s
}

// ManyIn is Many for a statement whose rows are the values of one IN list; fixed are
// the arguments before it.
func (tx *Tx) ManyIn(s *InSQL, fixed, values []any) (int64, error) {
	var changed int64
	args := make([]any, 0, len(fixed)+len(values))
	for size := len(s.queries) - 1; size >= 0; size-- {
		for n := 1 << (3 * size); len(values) >= n; values = values[n:] {
			c, err := tx.conn.exec(s.queries[size], append(append(args, fixed...), values[:n]...))
			if err != nil {
				return changed, err
			}
			changed += c
		}
	}
	return changed, nil
}

// InSQL is a statement with an IN list of 1, 8 or 64 values at its end.
type InSQL struct {
	queries [3]string
}

// NewIn makes the statement "before (?,…)".
func NewIn(before string) *InSQL {
	s := &InSQL{}
	for i := range s.queries {
		s.queries[i] = before + "(?" + strings.Repeat(",?", 1<<(3*i)-1) + ")"
	}
	return s
}

// nested runs f in a savepoint that is undone when f fails.
func (tx *Tx) nested(f func() error) error {
	if _, err := tx.Exec("SAVEPOINT nested"); err != nil {
		return err
	}
	err := f()
	if err != nil {
		// A full disk has ended the transaction, and the savepoint with it.
		if _, undo := tx.Exec("ROLLBACK TO nested"); undo != nil {
			return errors.Join(err, undo)
		}
	}
	if _, end := tx.Exec("RELEASE nested"); end != nil {
		return errors.Join(err, end)
	}
	return err
}
