package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Approvals reads what people are asked to approve; app lets it read governance.
type Approvals interface {
	// Approval fails with peal.CodeNotFound.
	Approval(ctx context.Context, org, id string) (*Approval, error)
}

// Approval is what a person decides, or did.
type Approval struct {
	ID string
	// Status is pending until it is decided, expired or withdrawn; only approved is a yes.
	Status string
	// ExpiresAt is when a pending one is over.
	ExpiresAt time.Time
	// Document is the approval as the API shows it.
	Document json.RawMessage
}

// The statuses of an approval that a wait tells apart.
const (
	approvalPending  = "pending"
	approvalApproved = "approved"
)

// awaitApproval waits for a person's decision, at most until a time that may be zero. The
// event that tells it wakes the step, which then looks at the approval itself: so does the
// time when it expires, which ends the wait for one that was withdrawn, too.
func awaitApproval(ctx context.Context, approvals Approvals, c *Call, id string, until time.Time) Outcome {
	a, err := approvals.Approval(ctx, c.Org, id)
	switch {
	case err != nil:
		return undone(c, err)
	case a.Status == approvalApproved:
		return Outcome{Output: a.Document}
	case a.Status != approvalPending:
		return Outcome{Output: a.Document, Err: fmt.Errorf("%s is not granted: it is %s", a.ID, a.Status), Permanent: true}
	case !until.IsZero() && !until.After(c.Now):
		return refusal("%s was not decided until %s", a.ID, until.UTC().Format(time.RFC3339))
	}
	// What is over now stays pending until a node has noticed.
	wake := a.ExpiresAt
	if !wake.After(c.Now) {
		wake = c.Now.Add(deskPause)
	}
	if !until.IsZero() && until.Before(wake) {
		wake = until
	}
	filter := fmt.Sprintf("event.data.approval_id == %q", a.ID)
	return Outcome{Park: &Park{Until: wake, Event: &EventWait{Pattern: "approval.decided", Filter: filter, Since: c.Since}}}
}
