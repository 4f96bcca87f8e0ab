package queue

import (
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// moveToDone moves deliveries from live to done where the session owns them.
const moveToDone = `WITH o AS (
		SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::text[])
			AS o (org, id, status, reason, finished_at, attempts, code, error, line)
	), gone AS (
		DELETE FROM live l USING o WHERE l.org = o.org AND l.id = o.id AND l.owner = $10
		RETURNING l.org, l.id, l.endpoint_id, l.event_id, l.event_type, o.status, o.reason, l.size, l.attempt_count + o.attempts, l.round_start,
			CASE o.attempts WHEN 0 THEN l.last_status_code ELSE o.code END, CASE o.attempts WHEN 0 THEN l.last_error ELSE o.error END,
			o.finished_at, l.attempts || o.line, l.group_id
	)
	INSERT INTO done (org, id, endpoint_id, event_id, event_type, status, reason, size, attempt_count, round_start,
		last_status_code, last_error, finished_at, attempts, group_id)
	SELECT * FROM gone RETURNING id`

// keepWaiting leaves deliveries live until their next due time.
const keepWaiting = `UPDATE live l SET status = o.status, due_at = o.due_at, owner = o.owner, attempt_count = l.attempt_count + o.attempts,
		last_status_code = CASE o.attempts WHEN 0 THEN l.last_status_code ELSE o.code END,
		last_error = CASE o.attempts WHEN 0 THEN l.last_error ELSE o.error END, attempts = l.attempts || o.line
	FROM unnest($1::text[], $2::bytea[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::text[])
		AS o (org, id, status, owner, due_at, attempts, code, error, line)
	WHERE l.org = o.org AND l.id = o.id AND l.owner = $10 RETURNING l.id`

// record implements dialect.
func (p *postgres) record(tx *store.Tx, items []*record, _ *batch) error {
	session := p.session()
	written := make(map[peal.DeliveryID]bool, len(items))
	var finished, waits []any
	for _, r := range items {
		if _, twice := written[r.Job.ID]; twice {
			return errNotOurs
		}
		written[r.Job.ID] = false
		var made, code int64
		var message, line string
		if a := r.Attempt; a != nil {
			if r.Job.AttemptCount >= peal.MaxAttempts {
				if err := trimAttempts(tx, r.org(), r.Job.ID[:]); err != nil {
					return err
				}
			}
			made, code, message, line = 1, int64(a.StatusCode), a.Error, string(appendAttempt(nil, a))
		}
		if r.Status.Finished() {
			at := finishedAt(r.Now, r.Job.ID)
			if err := tx.NeedPartition(store.DoneTable, at); err != nil {
				return err
			}
			finished = append(finished, r.org(), r.Job.ID[:], string(r.Status), r.Reason, at, made, code, message, line)
			continue
		}
		var owner any
		if r.Keep {
			owner = session
		}
		waits = append(waits, r.org(), r.Job.ID[:], string(r.Status), owner, store.Micros(r.DueAt), made, code, message, line)
	}
	note := func(row store.Row) error {
		written[deliveryID(row.Blob(0))] = true
		return nil
	}
	if len(finished) > 0 {
		if err := tx.AskArrays(note, moveToDone, "tbttiiitt", finished, session); err != nil {
			return err
		}
	}
	if len(waits) > 0 {
		if err := tx.AskArrays(note, keepWaiting, "tbtiiiitt", waits, session); err != nil {
			return err
		}
	}
	if err := tx.Flush(); err != nil {
		return err
	}
	for _, r := range items {
		r.fenced = !written[r.Job.ID]
	}
	return nil
}
