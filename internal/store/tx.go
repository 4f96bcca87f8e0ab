package store

import "strings"

// Tx is the transaction that the writer has under way. It is used on the writer's
// goroutine alone. Arguments are int64, string, []byte or nil; placeholders are ? or
// all of them ?1, ?2, ….
type Tx struct {
	conn connection
}

// connection is what the writer writes through.
type connection interface {
	// begin starts a transaction.
	begin() error
	// commit ends it. Where errUnknown is in the error, it may have been committed.
	commit() error
	// rollback ends it, if its failure has not ended it already.
	rollback()
	// nested runs f in a savepoint that is undone when f fails.
	nested(f func() error) error
	exec(query string, args []any) (int64, error)
	query(query string, args []any, f func(Row) error) error
	// ask is query, and send is exec, for which it is enough to be run before the next
	// flush; their errors come with it at the latest.
	ask(query string, args []any, f func(Row) error) error
	send(query string, args []any) error
	many(s *ManySQL, args []any) error
	flush() error
}

// Exec runs a statement and tells how many rows it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) { return tx.conn.exec(query, args) }

// Query runs a statement and hands each row to f, which must not keep it.
func (tx *Tx) Query(f func(Row) error, query string, args ...any) error {
	return tx.conn.query(query, args, f)
}

// Send is Exec where nothing depends on the answer: the statement may be held back to
// be sent with later ones, and its error may be theirs.
func (tx *Tx) Send(query string, args ...any) error { return tx.conn.send(query, args) }

// Ask is Query whose rows may come as late as Flush, so that many queries share one
// exchange with a database that is far.
func (tx *Tx) Ask(f func(Row) error, query string, args ...any) error {
	return tx.conn.ask(query, args, f)
}

// Flush runs what Send and Ask held back.
func (tx *Tx) Flush() error { return tx.conn.flush() }

// Many runs a statement for many rows of arguments that stand one after the other, in
// as few calls as the database allows. It may be held back as by Send.
func (tx *Tx) Many(s *ManySQL, args []any) error {
	if len(args) == 0 {
		return nil
	}
	return tx.conn.many(s, args)
}

// AskArrays is Ask on PostgreSQL alone: rows of arguments of the types stand one after the
// other and go as one array a column, $1 and on; more follow.
func (tx *Tx) AskArrays(f func(Row) error, query, types string, rows []any, more ...any) error {
	return tx.conn.(*pgWriter).askArrays(f, query, types, rows, more)
}

// ManySQL is a statement over rows of arguments. SQLite runs it for 1, 8 or 64 rows: a
// few sizes that stay prepared instead of one for each number of rows. PostgreSQL takes
// any number as one array a column.
type ManySQL struct {
	types   string
	queries [3]string
	arrays  string
}

// NewMany makes the statement "insert VALUES (?,…),(?,…) after". The columns' types are
// a letter each: t is text, b bytes, i an integer.
func NewMany(insert, types, after string) *ManySQL {
	row := "(?" + strings.Repeat(",?", len(types)-1) + ")"
	s := &ManySQL{types: types, arrays: insert + " SELECT * FROM unnest(" + arrays(types) + ") " + after}
	for i := range s.queries {
		s.queries[i] = insert + " VALUES " + row + strings.Repeat(","+row, 1<<(3*i)-1) + after
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
