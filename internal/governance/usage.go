package governance

import "time"

// freshFor is how late a record may be to be held against limits of a minute.
const freshFor = 24 * time.Hour

func (g *Group) needRecord(w *Work, r *Record) {
	at := g.periods(w.Plan, r.Time)
	standing(w.Plan.Org, r.who(), at.day, at.month, g.needMeter)
	g.needMeter(creditMeter(w.Plan.Org))
	if w.Now.Sub(r.Time) < freshFor {
		w.Plan.minuteMeters(r.who(), r.Time, g.needMeter)
	}
	for i := range detectors {
		if d := &detectors[i]; d.remembers != nil {
			d.remembers(w.Plan, r, g.needMemory)
		}
		if d := &detectors[i]; d.recalls != nil {
			d.recalls(w.Plan, r.who(), g.needMemory)
		}
	}
}

// count adds what was used to the meters and sums of its own time.
func (g *Group) count(w *Work) error {
	p := w.Plan
	for i := range w.Usage.Records {
		r := &w.Usage.Records[i]
		if r.Duplicate {
			continue
		}
		at := g.periods(p, r.Time)
		add := func(id MeterID) {
			m := g.change(p, id)
			m.Requests += r.Requests
			m.Tokens += r.Tokens
			m.Cost = m.Cost.Add(r.Cost)
		}
		standing(p.Org, r.who(), at.day, at.month, add)
		if w.Now.Sub(r.Time) < freshFor {
			p.minuteMeters(r.who(), r.Time, add)
		}
		g.spend(p, r)
		g.sum(p.Org, at.hour, r)
		for i := range detectors {
			if d := &detectors[i]; d.seen != nil {
				d.seen(g, p, w, r)
			}
		}
	}
	return nil
}

// spend takes the cost off the credits, where there are any.
func (g *Group) spend(p *Plan, r *Record) {
	id := creditMeter(p.Org)
	if r.Cost == 0 || !g.Meters[id].open() {
		return
	}
	m := g.change(p, id)
	m.Cost = m.Cost.Add(r.Cost)
	m.dropped = true
}

func (g *Group) sum(org string, hour int64, r *Record) {
	id := RollupID{org, hour, r.Team, r.Key, r.Agent, r.User, r.Route, r.Model}
	sums := g.Rollups[id]
	if sums == nil {
		sums = &Rollup{}
		g.Rollups[id] = sums
	}
	sums.Requests += r.Requests
	sums.Tokens += r.Tokens
	sums.Cost = sums.Cost.Add(r.Cost)
	if r.Failed {
		sums.Failed += r.Requests
		sums.FailedCost = sums.FailedCost.Add(r.Cost)
	}
}
