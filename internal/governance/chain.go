package governance

import (
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// reserveFor is how long an allowed reservation is held.
const reserveFor = 10 * time.Minute

func (g *Group) needReservation(w *Work) {
	r := w.Reserve
	at := g.periods(w.Plan, w.Now)
	standing(r.Org, r.who(), at.day, at.month, g.needMeter)
	w.Plan.minuteMeters(r.who(), w.Now, g.needMeter)
	g.needMeter(creditMeter(r.Org))
	for i := range detectors {
		if d := &detectors[i]; d.recalls != nil {
			d.recalls(w.Plan, r.who(), g.needMemory)
		}
	}
}

// reserve decides a reservation and holds what it asks for, unless it is denied.
func (g *Group) reserve(w *Work) error {
	p, r := w.Plan, w.Reserve
	at := g.periods(p, w.Now)
	r.Day, r.Month, r.CreatedAt = at.day, at.month, w.Now
	r.Status, r.BlockedBy, r.Reason, r.ExpiresAt = Allowed, "", "", w.Now.Add(reserveFor)
	r.NeedsApproval, r.OnCredit, r.Threshold = false, false, 0
	g.Reservations = append(g.Reservations, r)
	refused := g.chain(w)
	if refused != nil {
		r.Status, r.BlockedBy, r.Reason = Denied, refused.by, refused.reason
		if !refused.waits {
			r.ClosedAt = w.Now
			return nil
		}
		r.Status, r.NeedsApproval, r.Threshold = Waiting, true, refused.threshold
		r.ExpiresAt = w.Now.Add(expiresOf(refused.rule))
	}
	g.hold(p, r, 1)
	p.minuteMeters(r.who(), w.Now, func(id MeterID) {
		m := g.change(p, id)
		m.Requests++
		m.Tokens += r.Tokens
	})
	if r.NeedsApproval {
		return g.askApproval(r)
	}
	return nil
}

// chain is the first reason against a reservation, nil where it is allowed.
func (g *Group) chain(w *Work) *refusal {
	if w.Plan.Refused {
		return &refusal{by: "plan", reason: "the org's plan has no reservations"}
	}
	for i := range detectors {
		if d := &detectors[i]; d.refuses != nil {
			if r := d.refuses(g, w.Plan, w); r != nil {
				return r
			}
		}
	}
	return nil
}

// hold adds what a reservation asks for to what is held, or takes it off.
func (g *Group) hold(p *Plan, r *Reservation, sign int64) {
	add := func(id MeterID) {
		m := g.change(p, id)
		m.HeldRequests += sign
		m.HeldTokens += sign * r.Tokens
		m.HeldCost = m.HeldCost.Add(peal.Decimal(sign) * r.Cost)
	}
	standing(r.Org, r.who(), r.Day, r.Month, add)
	credit := creditMeter(r.Org)
	if sign > 0 {
		r.OnCredit = g.Meters[credit].open()
	}
	if r.OnCredit {
		m := g.change(p, credit)
		m.HeldCost = m.HeldCost.Add(peal.Decimal(sign) * r.Cost)
	}
}

// close does a deed to a reservation.
func (g *Group) close(w *Work) error {
	c := w.Close
	c.Err = nil
	if c.Reservation == nil {
		c.Err = peal.NotFound("reservation")
		return nil
	}
	// The store may hand the same one to several works, each of which sees the last.
	r := c.Reservation
	var err error
	switch c.Deed {
	case Settle:
		err = g.settle(w, r)
	case Release:
		c.Err = g.release(w, r)
	case Expire:
		err = g.expire(w, r)
	case Approve, Deny:
		err = g.decide(w, r)
	}
	return err
}

// settle counts what a reservation came to in its own periods. One that expired is
// counted all the same: the money is spent.
func (g *Group) settle(w *Work, r *Reservation) error {
	c := w.Close
	switch {
	case r.Status == Settled:
		if r.SpentCost != c.Cost || r.SpentTokens != c.Tokens || r.Failed != c.Failed {
			c.Err = peal.Errorf(peal.CodeConflict, "the reservation was settled before, with other figures")
		}
		return nil
	case r.Status == Allowed:
		g.hold(w.Plan, r, -1)
	case r.Status == Expired && !r.NeedsApproval, r.Status == Expired && !r.DecidedAt.IsZero():
	default:
		c.Err = peal.Errorf(peal.CodeConflict, "the reservation is %s and cannot be settled", r.Status)
		return nil
	}
	r.Status, r.SpentCost, r.SpentTokens, r.Failed, r.ClosedAt = Settled, c.Cost, c.Tokens, c.Failed, w.Now
	g.Reservations = append(g.Reservations, r)
	used := &Record{
		Time: r.CreatedAt, Team: r.Team, Key: r.Key, Agent: r.Agent, User: r.User, Model: r.Model,
		Requests: 1, Tokens: c.Tokens, Cost: c.Cost, Failed: c.Failed,
	}
	standing(r.Org, r.who(), r.Day, r.Month, func(id MeterID) {
		m := g.change(w.Plan, id)
		m.Requests++
		m.Tokens += c.Tokens
		m.Cost = m.Cost.Add(c.Cost)
	})
	g.spend(w.Plan, used)
	g.sum(r.Org, g.periods(w.Plan, r.CreatedAt).hour, used)
	return nil
}

func (g *Group) release(w *Work, r *Reservation) error {
	switch {
	case r.Status == Released:
		return nil
	case r.holds():
		g.hold(w.Plan, r, -1)
	case r.Status != Expired:
		return peal.Errorf(peal.CodeConflict, "the reservation is %s and cannot be released", r.Status)
	}
	r.Status, r.ClosedAt = Released, w.Now
	g.Reservations = append(g.Reservations, r)
	return nil
}

// expire gives up a reservation whose time is over. Another node may have been first.
func (g *Group) expire(w *Work, r *Reservation) error {
	if !r.holds() || w.Now.Before(r.ExpiresAt) {
		return nil
	}
	waited := r.Status == Waiting
	g.hold(w.Plan, r, -1)
	r.Status, r.ClosedAt = Expired, w.Now
	g.Reservations = append(g.Reservations, r)
	if waited {
		return g.tellDecision(r, "expired")
	}
	return nil
}
