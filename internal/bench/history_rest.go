package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// How many rows of other tables there are for the deliveries.
const (
	deliveriesAnExecution = 50
	deliveriesARequest    = 100 // and a task, a refused call, an approval
	deliveriesAnEntry     = 50  // of the audit trail
	usageHours            = 28 * 24
	usageAnHour           = 60 // combinations of key, team and model
)

var (
	fillExecutions = store.NewMany(`INSERT INTO execution (org, id, workflow, workflow_name, version, hook, status, started_at, finished_at,
		failed_step, error, input)`, "tbbtibtiittb", "")
	fillSteps = store.NewMany(`INSERT INTO step (org, execution, step, seq, uses, status, attempts, started_at, finished_at, due_at,
		continued, input, output, error)`, "tbtittiiiiibbt", "")
	fillRefused  = store.NewMany(`INSERT INTO refused (org, hook, id, at, verdict, status_code, request)`, "tbbitib", "")
	fillRequests = store.NewMany(`INSERT INTO request (org, id, title, description, status, priority, created_by, reason, depth, origin_step,
		sla, created_at, accepted_at, finished_at)`, "tbttttttitbiii", "")
	fillTasks = store.NewMany(`INSERT INTO task (org, id, title, description, status, assignee_kind, assignee, step, created_at, finished_at)`,
		"tbttttttii", "")
	fillUsage = store.NewMany(`INSERT INTO usage_rollup (org, hour, hash, session, team, key, agent, "user", route, model, requests, failed,
		tokens, cost, failed_cost)`, "tibittttttiiiii", "")
	fillReservations = store.NewMany(`INSERT INTO reservation (org, id, status, expires, approval, doc)`, "tbtiit", "")
	fillGroups       = store.NewMany(`INSERT INTO message_group (id, org, endpoint_id, labels, opened_at, flush_at, taken, taken_at, events, total)`,
		"btbtiiiiii", "")
	fillAudit = store.NewMany(`INSERT INTO audit (time, org, actor, action, object, detail)`, "ittttt", "")
)

// many calls add n times with times from the beginning on, evenly, and writes the rows.
func (h *history) many(ctx context.Context, sql *store.ManySQL, width, n int, add func(i int, at time.Time) []any) error {
	rows := make([]any, 0, n*width)
	for i := range n {
		rows = append(rows, add(i, h.now.Add(-historySpan+historySpan/time.Duration(n+1)*time.Duration(i)))...)
	}
	return h.write(ctx, sql, width, rows)
}

// executions writes runs of the workflow, and what its hook refused.
func (h *history) executions(ctx context.Context) error {
	org, n := h.orgs[0], h.size/deliveriesAnExecution
	input := []byte(`{"webhook":{"method":"POST","headers":{"Content-Type":"application/json"},"query":{},"body":{"text":"` + noteText + `"}}}`)
	var steps []any
	err := h.many(ctx, fillExecutions, 12, n, func(i int, at time.Time) []any {
		id, status, failed := h.id(at), string(peal.ExecutionSucceeded), ""
		if i%100 == 0 {
			status, failed = string(peal.ExecutionFailed), "tell"
		}
		from, to := store.Micros(at), store.Micros(at.Add(time.Second))
		for seq, name := range []string{"look", "wait", "tell"} {
			steps = append(steps, org.id, id[:], name, int64(seq), "publish", "succeeded", int64(1), from, to, int64(0), int64(0),
				[]byte(`{"type":"made"}`), []byte(`{"id":"made"}`), "")
		}
		return []any{org.id, id[:], org.workflow[:], "bench", int64(1), org.hook[:], status, from, to, failed, "", input}
	})
	if err != nil {
		return err
	}
	if err := h.write(ctx, fillSteps, 14, steps); err != nil {
		return err
	}
	return h.many(ctx, fillRefused, 7, h.size/deliveriesARequest, func(_ int, at time.Time) []any {
		id := h.id(at)
		return []any{org.id, org.hook[:], id[:], store.Micros(at), "bad_signature", int64(401), input}
	})
}

// desk writes requests and tasks, most of them done, and groups of messages.
func (h *history) desk(ctx context.Context) error {
	org, n := h.orgs[0].id, h.size/deliveriesARequest
	err := h.many(ctx, fillRequests, 14, n, func(i int, at time.Time) []any {
		id, status, ended := h.id(at), peal.RequestCompleted, at.Add(time.Hour)
		if i%50 == 0 {
			status, ended = peal.RequestPending, time.Time{}
		}
		return []any{
			org, id[:], fmt.Sprintf("Access to room %d", i), noteText, string(status), "medium", "ada", "", int64(0), "", []byte("null"),
			store.Micros(at), store.Micros(ended), store.Micros(ended),
		}
	})
	if err != nil {
		return err
	}
	err = h.many(ctx, fillTasks, 10, n, func(i int, at time.Time) []any {
		id, status, ended := h.id(at), peal.TaskCompleted, at.Add(time.Hour)
		if i%50 == 0 {
			status, ended = peal.TaskAssigned, time.Time{}
		}
		return []any{
			org, id[:], fmt.Sprintf("Order key %d", i), noteText, string(status), "user", fmt.Sprintf("user-%d", i%50), "",
			store.Micros(at), store.Micros(ended),
		}
	})
	if err != nil {
		return err
	}
	ep := h.orgs[0].endpoints[groupedAt]
	return h.many(ctx, fillGroups, 10, n/10+1, func(i int, at time.Time) []any {
		id, us := h.id(at), store.Micros(at)
		if i == n/10 { // the newest, which stands first in the list
			id = h.group
		}
		return []any{id[:], org, ep[:], `{"type":"order.created"}`, us, us, us, us, int64(5), int64(500)}
	})
}

// governance writes hours of usage, and approvals that were decided.
func (h *history) governance(ctx context.Context) error {
	org := h.orgs[0].id
	first := h.now.Truncate(time.Hour).Add(-historySpan)
	err := h.many(ctx, fillUsage, 15, usageHours*usageAnHour, func(i int, _ time.Time) []any {
		at, key := first.Add(time.Duration(i/usageAnHour)*time.Hour), i%usageAnHour
		hash := h.id(at)
		return []any{
			org, store.Micros(at), hash[:], int64(0), fmt.Sprintf("team-%d", key%6), fmt.Sprintf("key-%d", key/3), "", "", "",
			fmt.Sprintf("model-%d", key%3), int64(20), int64(1), int64(20_000), int64(25_000_000), int64(0),
		}
	})
	if err != nil {
		return err
	}
	// Hours that were closed are not looked through again.
	err = h.db.Write(ctx, func(tx *store.Tx) error {
		return tx.Send("INSERT INTO watermark (org, hour) VALUES (?, ?)", org, store.Micros(h.now.Truncate(time.Hour)))
	})
	if err != nil {
		return err
	}
	return h.many(ctx, fillReservations, 6, h.size/deliveriesARequest, func(_ int, at time.Time) []any {
		r := governance.Reservation{
			ID: h.id(at), Org: org, Key: "key-1", Team: "team-1", Model: "model-1", Cost: 1_000_000_000, Status: governance.Settled,
			CreatedAt: at, ExpiresAt: at.Add(time.Hour), NeedsApproval: true, DecidedAt: at.Add(time.Minute), DecidedBy: "ada",
		}
		doc, _ := json.Marshal(r) // it has nothing that cannot be written
		return []any{org, r.ID[:], string(r.Status), store.Micros(r.ExpiresAt), int64(1), string(doc)}
	})
}

// trail writes the audit trail.
func (h *history) trail(ctx context.Context) error {
	return h.many(ctx, fillAudit, 6, h.size/deliveriesAnEntry, func(i int, at time.Time) []any {
		return []any{store.Micros(at), h.orgs[0].id, "ada", "endpoint.update", h.orgs[0].endpoints[i%len(h.orgs[0].endpoints)].String(), `{"name":["before","after"]}`}
	})
}
