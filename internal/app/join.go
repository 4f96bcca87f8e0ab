package app

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"time"

	"github.com/peal-dev/peal/internal/api"
	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/workflow"
)

// stepPublisher lets steps of workflows publish.
type stepPublisher struct{ publisher *publish.Publisher }

// PublishStep implements workflow.Publisher.
func (p stepPublisher) PublishStep(ctx context.Context, org, key string, ev workflow.Event) (id string, deliveries int, err error) {
	a, err := p.publisher.Publish(ctx, publish.Request{Org: org, Key: key, To: ev.To, Inputs: []publish.Input{{
		ClientID: ev.ID, Type: ev.Type, Source: ev.Source, Subject: ev.Subject, Severity: ev.Severity,
		Title: ev.Title, Message: ev.Message, Data: ev.Data,
	}}})
	if err != nil {
		return "", 0, err
	}
	return a.Events[0].ID, a.Events[0].Deliveries, nil
}

// stepApprovals lets steps of workflows wait for approvals.
type stepApprovals struct{ reader governance.Reader }

// Approval implements workflow.Approvals.
func (s stepApprovals) Approval(ctx context.Context, org, id string) (*workflow.Approval, error) {
	parsed, err := peal.ParseReservationID(id)
	if err != nil {
		return nil, peal.NotFound("approval")
	}
	r, err := s.reader.Reservation(ctx, org, parsed)
	switch {
	case peal.CodeOf(err) == peal.CodeNotFound || err == nil && !r.NeedsApproval:
		return nil, peal.NotFound("approval")
	case err != nil:
		return nil, err
	}
	shown := api.NewApproval(r)
	document, err := json.Marshal(shown)
	if err != nil {
		return nil, err
	}
	return &workflow.Approval{ID: shown.ID, Status: shown.Status, ExpiresAt: shown.ExpiresAt, Document: document}, nil
}

// purges has one janitor purge several stores, one after the other.
type purges []janitor.Store

// Purge implements janitor.Store.
func (p purges) Purge(ctx context.Context, r janitor.Retention, now time.Time) (int, error) {
	for _, store := range p {
		if n, err := store.Purge(ctx, r, now); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, nil
}

// WorkerCommand is the hidden command that is a worker for programs of workflows.
const WorkerCommand = "transform-worker"

// worker starts this program as a worker. Nothing of the environment goes along.
func worker(ctx context.Context) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	cmd := exec.CommandContext(ctx, self, WorkerCommand)
	cmd.Args[0] = "peal"
	cmd.Env = []string{}
	return cmd
}
