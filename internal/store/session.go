package store

// startSession takes a number that was never used before. The lock on the file says
// that all earlier sessions are dead, so what they owned waits again.
func startSession(tx *Tx) (session int64, err error) {
	if err := tx.conn.begin(); err != nil {
		return 0, safe(err)
	}
	err = tx.Query(func(r Row) error {
		session = r.Int(0)
		return nil
	}, "INSERT INTO session DEFAULT VALUES RETURNING id")
	if err == nil {
		_, err = tx.Exec("DELETE FROM session WHERE id <> ?", session)
	}
	if err == nil {
		_, err = tx.Exec("UPDATE live SET owner = NULL WHERE owner IS NOT NULL")
	}
	if err == nil {
		_, err = tx.Exec("UPDATE execution SET owner = NULL WHERE finished_at = 0 AND owner IS NOT NULL")
	}
	if err == nil {
		err = tx.conn.commit()
	}
	return session, safe(err)
}
