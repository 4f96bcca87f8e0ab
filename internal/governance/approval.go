package governance

import (
	"cmp"
	"fmt"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

var approval = detector{
	kind:    peal.RuleApproval,
	refuses: (*Group).approvalRefuses,
}

// approveWithin is how long an approval is waited for unless the rule says otherwise.
const approveWithin = time.Hour

func expiresOf(r *rule) time.Duration { return cmp.Or(time.Duration(r.Expires), approveWithin) }

// approvalRefuses comes last: what waits for a person has passed everything else.
func (g *Group) approvalRefuses(p *Plan, w *Work) *refusal {
	for _, r := range p.rules[peal.RuleApproval] {
		if _, ok := r.applies(w.Reserve.who()); !ok || w.Reserve.Cost <= r.Threshold {
			continue
		}
		return &refusal{
			by: "approval", reason: fmt.Sprintf("%s is more than %s, above which a person is asked", w.Reserve.Cost.Money(), r.Threshold.Money()),
			waits: true, threshold: r.Threshold, rule: r,
		}
	}
	return nil
}

func (g *Group) askApproval(r *Reservation) error {
	return g.raise(r.Org, "approval.requested", r.subject(), "request_id", r.ID.String(), "model", r.Model, "estimated_cost", r.Cost,
		"hitl_threshold", r.Threshold, "approval_id", r.ID.As(peal.ApprovalPrefix), "timestamp", g.now)
}

// decide is a person's answer. Saying the same again changes nothing.
func (g *Group) decide(w *Work, r *Reservation) error {
	c := w.Close
	decided, status := "approved", Allowed
	if c.Deed == Deny {
		decided, status = "denied", Denied
	}
	switch {
	case !r.NeedsApproval:
		c.Err = peal.NotFound("approval")
		return nil
	case r.Status == status && !r.DecidedAt.IsZero():
		return nil
	case r.Status != Waiting || !w.Now.Before(r.ExpiresAt):
		c.Err = peal.Errorf(peal.CodeConflict, "the approval was decided, withdrawn or too late: its reservation is %s", cmp.Or(overdue(w, r), string(r.Status)))
		return nil
	}
	r.Status, r.DecidedAt, r.DecidedBy, r.DecidedReason = status, w.Now, c.By, c.Reason
	if r.ExpiresAt = c.Extend; status == Denied {
		g.hold(w.Plan, r, -1)
		r.ExpiresAt, r.ClosedAt = w.Now, w.Now
		r.BlockedBy, r.Reason = "approval", cmp.Or(c.Reason, "a person denied it")
	} else {
		r.BlockedBy, r.Reason = "", ""
	}
	g.Reservations = append(g.Reservations, r)
	return g.tellDecision(r, decided)
}

// overdue names the state of what expires any moment now.
func overdue(w *Work, r *Reservation) string {
	if r.Status == Waiting && !w.Now.Before(r.ExpiresAt) {
		return string(Expired)
	}
	return ""
}

func (g *Group) tellDecision(r *Reservation, decision string) error {
	return g.raise(r.Org, "approval.decided", r.subject(), "request_id", r.ID.String(), "approval_id", r.ID.As(peal.ApprovalPrefix),
		"decision", decision, "by", optional(r.DecidedBy), "reason", optional(r.DecidedReason), "model", r.Model, "estimated_cost", r.Cost,
		"timestamp", g.now)
}

// subject is who asks.
func (r *Reservation) subject() string { return cmp.Or(r.User, r.Key, r.Team, r.Org) }
