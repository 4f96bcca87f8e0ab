package store

// Janitor is the chore of deleting what is old and of making partitions.
const Janitor = "janitor"

// Owns tells whether a chore that one node does for all is this one's, and takes it where
// the session that had it is dead. A file has one user, which does them all.
func (tx *Tx) Owns(chore string) (mine bool, err error) {
	c, shared := tx.conn.(*pgWriter)
	if !shared {
		return true, nil
	}
	err = tx.Query(func(Row) error {
		mine = true
		return nil
	}, `INSERT INTO chore (name, session) VALUES (?1, ?2)
		ON CONFLICT (name) DO UPDATE SET session = excluded.session
		WHERE chore.session <> ?2 AND NOT EXISTS (SELECT 1 FROM session WHERE id = chore.session AND NOT reaped)
		RETURNING 1`, chore, c.session.number())
	if err != nil || mine {
		return mine, err
	}
	err = tx.Query(func(r Row) error {
		mine = r.Int(0) == c.session.number()
		return nil
	}, "SELECT session FROM chore WHERE name = ?", chore)
	return mine, err
}

// NeedPartition sees to it that a row of a day can be written. It is cheap where the
// partition is known.
func (tx *Tx) NeedPartition(table string, micros int64) error {
	if c, ok := tx.conn.(*pgWriter); ok {
		return c.partitions.need(table, FromMicros(micros))
	}
	return nil
}
