package governance

import (
	"context"
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// HourStore keeps how far the hours of usage are closed.
type HourStore interface {
	// ClaimHours gives until when each org's hours are closed. Where another node closes
	// them for all, mine is false.
	ClaimHours(ctx context.Context) (marks map[string]int64, mine bool, err error)
	// NextHour is the first hour of an org's usage from one on, where there is any.
	NextHour(ctx context.Context, org string, from int64) (hour int64, ok bool, err error)
	// HourRows hands the sums of the hours that begin between two moments to f, more
	// than one of the same dimensions perhaps.
	HourRows(ctx context.Context, org string, from, to int64, f func(RollupID, Rollup)) error
	// Past sets what was before an hour: the closed hours from since on, what is known
	// of its keys, and which alerts of rules last.
	Past(ctx context.Context, org string, since int64, rules []string, h *Hour) error
	// CloseHours writes what was decided, and tells it, unless somebody else closed the
	// same hours. What the rules of Closed.Remembering remember it reads and locks, and
	// has Settle decide about.
	CloseHours(ctx context.Context, c *Closed) (done bool, err error)
}

// Closed is a step of an org's watermark. From is zero for the first, which closes nothing.
type Closed struct {
	Org      string
	From, To int64
	Hour     *Hour
	Group    *Group
	// Remembering are the ids of rules whose memories are of hours that are not closed.
	Remembering []string

	plan *Plan
}

// Settle decides what a group's memories, which the store has read, say of hours that are now
// closed.
func (c *Closed) Settle(g *Group) error {
	g.now = c.Group.now
	g.settleHours(c.plan, c.From, c.To)
	return g.Finish()
}

// Hour is an hour of an org's usage with what was before it.
type Hour struct {
	Start, End int64
	Total      Rollup
	Agents     map[string]peal.Decimal
	Models     map[string]peal.Decimal
	Keys       map[string]*KeyHour

	// Before are the hours with usage of the week before, in their order.
	Before []HourSum
	// Standing are alerts that were told and are not over.
	Standing []AlertID
}

// HourSum is what an hour came to.
type HourSum struct {
	Start, Requests int64
	Cost            peal.Decimal
}

// KeyHour is what a key used in an hour.
type KeyHour struct {
	Rollup
	// Like is the largest number of requests that are alike: of one team, agent, user,
	// route and model, which is Model.
	Like  int64
	Model string
	// Before is what was known of the key.
	Before KeyUse

	alike map[RollupID]int64
}

// KeyUse is what is known of a key's use.
type KeyUse struct {
	// Last is the latest hour in which it was used, Hours is how many there were.
	Last, Hours int64
	// Usual is how many thousandths of a request it makes in an hour with any.
	Usual int64
}

// usualOver is over how many hours a key's usual requests are averaged: each further
// hour moves the average by one part of so many.
const usualOver = 24

// After is what is known of the key after the hour.
func (k *KeyHour) After(hour int64) KeyUse {
	use := k.Before
	use.Last = hour
	use.Hours++
	use.Usual += (k.Requests*1000 - use.Usual) / min(use.Hours, usualOver)
	return use
}

func newHour(start, end int64) *Hour {
	return &Hour{
		Start: start, End: end, Agents: map[string]peal.Decimal{}, Models: map[string]peal.Decimal{}, Keys: map[string]*KeyHour{},
	}
}

// add adds sums of the hour.
func (h *Hour) add(id RollupID, sums Rollup) {
	h.Total.add(sums)
	if id.Agent != "" {
		h.Agents[id.Agent] = h.Agents[id.Agent].Add(sums.Cost)
	}
	h.Models[id.Model] = h.Models[id.Model].Add(sums.Cost)
	if id.Key == "" {
		return
	}
	k := h.Keys[id.Key]
	if k == nil {
		k = &KeyHour{alike: map[RollupID]int64{}}
		h.Keys[id.Key] = k
	}
	k.add(sums)
	id.Hour = 0
	n := k.alike[id] + sums.Requests
	k.alike[id] = n
	if n > k.Like || n == k.Like && id.Model < k.Model {
		k.Like, k.Model = n, id.Model
	}
}

func (r *Rollup) add(s Rollup) {
	r.Requests += s.Requests
	r.Failed += s.Failed
	r.Tokens += s.Tokens
	r.Cost = r.Cost.Add(s.Cost)
	r.FailedCost = r.FailedCost.Add(s.FailedCost)
}

// decide holds a closed hour against the rules that look at hours, or against one alone.
func (h *Hour) decide(p *Plan, only string, now time.Time) *Group {
	g := NewGroup()
	g.now = now
	for i := range detectors {
		d := &detectors[i]
		if d.closed == nil {
			continue
		}
		for _, r := range p.rules[d.kind] {
			if only == "" || only == r.id {
				d.closed(g, p, r, h)
			}
		}
	}
	for _, id := range h.Standing {
		if !g.alerted[id] {
			g.alert(Alert{AlertID: id, Over: true})
		}
	}
	return g
}

// hourRules are the ids of the rules that look at hours.
func (p *Plan) hourRules() (ids []string) {
	for i := range detectors {
		if d := &detectors[i]; d.closed != nil {
			for _, r := range p.rules[d.kind] {
				ids = append(ids, r.id)
			}
		}
	}
	return ids
}

// remembering are the ids of the rules that remember what happened in hours that are not
// closed yet.
func (p *Plan) remembering() (ids []string) {
	for i := range detectors {
		if d := &detectors[i]; d.settled != nil {
			for _, r := range p.rules[d.kind] {
				ids = append(ids, r.id)
			}
		}
	}
	return ids
}

// week is how far back what is usual is looked for.
const week = 7 * 24 * time.Hour

const hourPause = 15 * time.Second

// Closer closes hours of usage and holds them against rules, in their order.
type Closer struct {
	Store HourStore
	// Orgs are all there are, Plan is what one's hours are held against.
	Orgs func() []string
	Plan func(org string) *Plan
	// Now is database time.
	Now func() time.Time
	// Lateness is how long after its end an hour is closed: what is reported later changes
	// sums, but tells nothing.
	Lateness time.Duration
}

// Round closes what is due, unless another node does that.
func (c *Closer) Round(ctx context.Context) error {
	marks, mine, err := c.Store.ClaimHours(ctx)
	if err != nil || !mine {
		return err
	}
	for _, org := range c.Orgs() {
		mark, known := marks[org]
		if known {
			err = c.close(ctx, org, mark)
		} else {
			err = c.begin(ctx, org)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// begin sets an org's first watermark, which is not ahead of the clock even where its first
// usage is. Its hours are closed from the next round on, which leaves who reports a history
// some time.
func (c *Closer) begin(ctx context.Context, org string) error {
	first, ok, err := c.Store.NextHour(ctx, org, 0)
	if err == nil && ok {
		now := c.Plan(org).Calendar.Hour(c.Now()).UnixMicro()
		_, err = c.Store.CloseHours(ctx, &Closed{Org: org, To: min(first, now)})
	}
	return err
}

func (c *Closer) close(ctx context.Context, org string, from int64) error {
	p := c.Plan(org)
	for ctx.Err() == nil {
		limit := c.Now().Add(-c.Lateness)
		end := p.hourAfter(from)
		if end > limit.UnixMicro() {
			return nil
		}
		next, ok, err := c.Store.NextHour(ctx, org, from)
		if err != nil {
			return err
		}
		closed := &Closed{Org: org, From: from, To: end, Hour: newHour(from, end), Remembering: p.remembering(), plan: p}
		if !ok || next >= end { // nothing happened for a while
			closed.To = p.Calendar.Hour(limit).UnixMicro()
			if ok {
				closed.To = min(closed.To, next)
			}
		} else if err := c.Store.HourRows(ctx, org, from, end, closed.Hour.add); err != nil {
			return err
		}
		if err := c.Store.Past(ctx, org, from-week.Microseconds(), p.hourRules(), closed.Hour); err != nil {
			return err
		}
		closed.Group = closed.Hour.decide(p, "", c.Now().UTC().Truncate(time.Microsecond))
		if done, err := c.Store.CloseHours(ctx, closed); err != nil || !done {
			return err
		}
		from = closed.To
	}
	return nil
}

// hourAfter is the end of the hour that begins at a moment. Where the org's clock was set
// to another zone in between, it may be shorter.
func (p *Plan) hourAfter(from int64) int64 {
	return p.Calendar.Hour(time.UnixMicro(from)).Add(time.Hour).UnixMicro()
}

// RunHours closes hours until ctx is done.
func (e *Engine) RunHours(ctx context.Context) error {
	c := &Closer{Store: e.Hours, Orgs: e.orgs, Plan: e.plan, Now: e.Now, Lateness: e.Lateness}
	tick := time.NewTicker(hourPause)
	defer tick.Stop()
	for {
		if err := c.Round(ctx); err != nil && ctx.Err() == nil {
			e.Log.Warn("hours of usage wait to be closed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// orgs are the ids of all.
func (e *Engine) orgs() (ids []string) {
	page := peal.Page{Limit: peal.MaxPageSize}
	for {
		orgs, next, err := e.Directory.Orgs(page)
		if err != nil { // only a cursor that nobody gave out fails
			return ids
		}
		for i := range orgs {
			ids = append(ids, orgs[i].ID)
		}
		if next == "" {
			slices.Sort(ids)
			return ids
		}
		page.Cursor = next
	}
}
