package governance

import "github.com/peal-dev/peal/internal/peal"

// credit tops the credits up, or takes some off.
func (g *Group) credit(w *Work) {
	e := w.Credit
	m := g.Meters[creditMeter(e.Org)]
	e.Err = nil
	if sum := m.Granted.Add(e.Amount); sum == peal.MaxDecimal || m.balance().Add(e.Amount) < 0 && e.Amount < 0 {
		e.Err = peal.Errorf(peal.CodeUnprocessable, "the balance is %s: %s cannot be added to it", m.balance().Money(), e.Amount.Money())
		return
	}
	g.change(w.Plan, creditMeter(e.Org))
	m.Granted = m.Granted.Add(e.Amount)
	m.Requests++
	m.dropped = m.dropped || e.Amount < 0
	e.Time, e.Balance = w.Now, m.balance()
	g.Credits = append(g.Credits, e)
}
