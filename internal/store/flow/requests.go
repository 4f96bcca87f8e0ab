package flow

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/peal-dev/peal/internal/desk"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

var (
	_ desk.Store = (*Flow)(nil)
	_ desk.Clock = (*Flow)(nil)
)

// maxDepth is how many requests may stand above one: workflows that open requests, whose
// workflows open requests, come to an end.
const maxDepth = 8

// columns in the order of readRequest.
const requestColumns = `id, offering, title, description, status, priority, created_by, data, reason, parent, depth, origin, origin_step,
	execution, sla, created_at, accepted_at, finished_at`

const insertRequest = `INSERT INTO request (org, ` + requestColumns + `, key, key_hash)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT DO NOTHING`

// OpenRequest implements desk.Store.
func (f *Flow) OpenRequest(ctx context.Context, o *desk.Opening) (opened *peal.Request, err error) {
	err = f.db.Write(ctx, func(tx *store.Tx) error {
		r := *o.Request
		opened = &r
		if !r.Parent.IsZero() {
			parent, err := lockedRequest(tx, f.alone(), r.Org, r.Parent)
			if err != nil {
				return err
			}
			if r.Depth = parent.Depth + 1; r.Depth > maxDepth {
				return peal.Errorf(peal.CodeInvalid, "requests open requests more than %d deep", maxDepth)
			}
		}
		sla, err := json.Marshal(r.SLA)
		if err != nil {
			return err
		}
		var key, hash any
		if o.Key != "" {
			key, hash = o.Key, o.Hash[:]
		}
		n, err := tx.Exec(insertRequest, r.Org, r.ID[:], orNone(r.Offering), r.Title, r.Description, string(r.Status), string(r.Priority),
			r.CreatedBy, orNull(r.Data), r.Reason, orNone(r.Parent), int64(r.Depth), orNone(r.Origin), r.OriginStep, orNone(r.Execution),
			sla, store.Micros(r.CreatedAt), store.Micros(r.AcceptedAt), store.Micros(r.FinishedAt), key, hash)
		if err != nil {
			return err
		}
		if n == 0 {
			opened, err = openedBefore(tx, o)
			return err
		}
		for _, t := range o.Timers {
			if err := tx.Send("INSERT INTO timer (org, ref, kind, due_at) VALUES (?, ?, ?, ?)", r.Org, r.ID[:], t.Kind(), store.Micros(t.DueAt)); err != nil {
				return err
			}
		}
		if err := startFor(tx, o); err != nil {
			return err
		}
		return store.AddRaised(tx, o.Raised)
	})
	if err != nil {
		return nil, err
	}
	return opened, nil
}

// openedBefore reads the request that a step, or a key, has opened.
func openedBefore(tx *store.Tx, o *desk.Opening) (found *peal.Request, err error) {
	r := o.Request
	where, args := "origin = ? AND origin_step = ?", []any{r.Org, r.Origin[:], r.OriginStep}
	if o.Key != "" {
		where, args = "key = ?", []any{r.Org, o.Key}
	}
	same := true
	err = tx.Query(func(row store.Row) (err error) {
		same = o.Key == "" || bytes.Equal(row.Blob(18), o.Hash[:])
		found, err = readRequest(r.Org, row)
		return err
	}, "SELECT "+requestColumns+", key_hash FROM request WHERE org = ? AND "+where, args...)
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, peal.Errorf(peal.CodeInternal, "the request %s is there already", r.ID)
	case !same:
		return nil, peal.Errorf(peal.CodeUnprocessable, "the idempotency key was used before with another request")
	}
	return found, nil
}

// startFor begins the execution that works on a request.
func startFor(tx *store.Tx, o *desk.Opening) error {
	e := o.Start
	if e == nil {
		return nil
	}
	input, err := json.Marshal(map[string]any{"request": o.Request})
	if err != nil {
		return err
	}
	if err := tx.Send(insertVersion, e.Org, e.Workflow[:], int64(e.Version), []byte(o.Definition)); err != nil {
		return err
	}
	return tx.Many(insertExecutions, []any{
		e.Org, e.ID[:], e.Workflow[:], e.WorkflowName, int64(e.Version), nil, string(e.Status), nil, store.Micros(o.Request.CreatedAt), input,
	})
}

// ChangeRequest implements desk.Store.
func (f *Flow) ChangeRequest(ctx context.Context, org string, id peal.RequestID, now time.Time, change func(*peal.Request) ([]peal.Raised, error)) (changed *peal.Request, err error) {
	err = f.db.Write(ctx, func(tx *store.Tx) error {
		before, err := lockedRequest(tx, f.alone(), org, id)
		if err != nil {
			return err
		}
		r := *before
		changed = &r
		raised, err := change(changed)
		if err != nil {
			return err
		}
		err = tx.Send(`UPDATE request SET title = ?, description = ?, status = ?, priority = ?, reason = ?, accepted_at = ?, finished_at = ?
			WHERE org = ? AND id = ?`, r.Title, r.Description, string(r.Status), string(r.Priority), r.Reason, store.Micros(r.AcceptedAt),
			store.Micros(r.FinishedAt), org, id[:])
		if err != nil {
			return err
		}
		late, err := disarm(tx, before, changed, now)
		if err != nil {
			return err
		}
		if err := store.AddRaised(tx, append(late, raised...)); err != nil {
			return err
		}
		if !before.Finished() && r.Finished() {
			if r.Status == peal.RequestCancelled {
				if err := cancelTasks(tx, f.alone(), &r, now); err != nil {
					return err
				}
			}
			return wake(tx, org, id[:], changed, now)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// disarm deletes the timers of targets that are met now. Those that were due already are
// reported late rather than never.
func disarm(tx *store.Tx, before, after *peal.Request, now time.Time) (late []peal.Raised, err error) {
	for _, target := range peal.Targets {
		if after.Met(target).IsZero() || !before.Met(target).IsZero() {
			continue
		}
		for _, kind := range desk.Kinds(target) {
			err := tx.Query(func(row store.Row) error {
				if t := desk.ReadTimer(kind, store.FromMicros(row.Int(0))); !t.DueAt.After(now) {
					late = append(late, desk.Fired(before, t, now))
				}
				return nil
			}, "DELETE FROM timer WHERE org = ? AND ref = ? AND kind = ? RETURNING due_at", after.Org, after.ID[:], kind)
			if err != nil {
				return nil, err
			}
		}
	}
	return late, nil
}

// lockedRequest reads a request that is about to be changed.
func lockedRequest(tx *store.Tx, alone, org string, id peal.RequestID) (found *peal.Request, err error) {
	err = tx.Query(func(row store.Row) (err error) {
		found, err = readRequest(org, row)
		return err
	}, "SELECT "+requestColumns+" FROM request WHERE org = ? AND id = ?"+alone, org, id[:])
	if err == nil && found == nil {
		err = peal.NotFound("request")
	}
	return found, err
}

func readRequest(org string, row store.Row) (*peal.Request, error) {
	r := &peal.Request{
		Org: org, Title: row.Text(2), Description: row.Text(3), Status: peal.RequestStatus(row.Text(4)), Priority: peal.Priority(row.Text(5)),
		CreatedBy: row.Text(6), Data: bytes.Clone(row.Blob(7)), Reason: row.Text(8), Depth: int(row.Int(10)), OriginStep: row.Text(12),
		CreatedAt: store.FromMicros(row.Int(15)), AcceptedAt: store.FromMicros(row.Int(16)), FinishedAt: store.FromMicros(row.Int(17)),
	}
	copy(r.ID[:], row.Blob(0))
	copy(r.Offering[:], row.Blob(1))
	copy(r.Parent[:], row.Blob(9))
	copy(r.Origin[:], row.Blob(11))
	copy(r.Execution[:], row.Blob(13))
	return r, json.Unmarshal(row.Blob(14), &r.SLA)
}

// orNone is an identifier as an argument, NULL where it is not set.
func orNone[T ~[16]byte](id T) any {
	if id == (T{}) {
		return nil
	}
	return append([]byte(nil), id[:]...)
}

// alone is what a query ends with that reads a row to be changed.
func (f *Flow) alone() string {
	if f.db.Dialect() == store.PostgreSQL {
		return " FOR UPDATE"
	}
	return ""
}
