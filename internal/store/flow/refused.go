package flow

import (
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// refusal is a request that started nothing, in the writer's lane.
type refusal struct {
	org string
	peal.Received
}

func (r *refusal) Rows() int { return 1 }

func (r *refusal) Bytes() int { return len(r.Request) + 256 }

// Settle tells nobody: what is lost here was refused.
func (r *refusal) Settle(error) {}

// Refused implements inbound.Refusals. It returns at once; where more is refused than the
// database takes in, the rest is not kept.
func (f *Flow) Refused(org string, r peal.Received) {
	_ = f.refused.Add(&refusal{org, r})
}

var insertRefused = store.NewMany(`INSERT INTO refused (org, hook, id, at, verdict, status_code, execution, request)`, "tbbitibb", "")

func (f *Flow) writeRefused(tx *store.Tx, items []*refusal) error {
	var rows []any
	for _, r := range items {
		var execution any
		if !r.Execution.IsZero() {
			execution = r.Execution[:]
		}
		rows = append(rows, r.org, r.Hook[:], r.ID[:], store.Micros(r.At), r.Verdict, int64(r.StatusCode), execution, []byte(r.Request))
	}
	return tx.Many(insertRefused, rows)
}
