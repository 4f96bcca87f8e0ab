package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

// testLedgerModel does random things to credits and reservations and compares the ledger
// with a plain account of what must be true.
func testLedgerModel(t *testing.T, empty Backend) {
	f := New(t, empty)
	rapid.Check(t, func(rt *rapid.T) {
		f.Org = fmt.Sprint("org", f.Endpoint())
		limit := peal.Decimal(rapid.Int64Range(1, 50).Draw(rt, "limit")) * peal.DecimalOne
		m := &ledgerModel{
			Books: f.Books("curate-me", peal.Rule{Kind: peal.RuleBudget, Scope: peal.ScopeOrg, Period: peal.Monthly, Limit: limit}),
			limit: limit, held: map[peal.ReservationID]held{},
		}
		rt.Repeat(map[string]func(*rapid.T){
			"top up":  m.topUp,
			"use":     m.use,
			"reserve": m.reserve,
			"close":   m.close,
			"pass": func(*rapid.T) {
				m.Pass(4 * time.Minute)
				m.expire()
				for id, h := range m.held {
					if !m.Now().Before(h.until) {
						delete(m.held, id)
					}
				}
				m.compare()
			},
		})
	})
}

type held struct {
	cost  peal.Decimal
	until time.Time
	// onCredit tells that it holds credits: there were some when it was made.
	onCredit bool
}

type ledgerModel struct {
	*Books
	limit                   peal.Decimal
	granted, spent, onMonth peal.Decimal
	open                    bool
	held                    map[peal.ReservationID]held
}

func (m *ledgerModel) amount(t *rapid.T) peal.Decimal {
	return peal.Decimal(rapid.Int64Range(0, 20e9).Draw(t, "amount"))
}

func (m *ledgerModel) reserved(credit bool) (sum peal.Decimal) {
	for _, h := range m.held {
		if h.onCredit || !credit {
			sum += h.cost
		}
	}
	return sum
}

func (m *ledgerModel) topUp(t *rapid.T) {
	amount := m.amount(t) + 1
	m.Check(m.TopUp(amount.String()))
	m.granted += amount
	m.open = true
}

func (m *ledgerModel) pay(cost peal.Decimal) {
	m.onMonth += cost
	if m.open {
		m.spent += cost
	}
}

func (m *ledgerModel) use(t *rapid.T) {
	cost := m.amount(t)
	m.Use(governance.Record{Requests: 1, Cost: cost})
	m.pay(cost)
}

func (m *ledgerModel) reserve(t *rapid.T) {
	cost := m.amount(t)
	left := m.granted - m.spent - m.reserved(true)
	want := ""
	switch {
	case m.open && (cost > left || left <= 0):
		want = "credit_balance"
	case m.onMonth+m.reserved(false)+cost > m.limit:
		want = "monthly_budget"
	}
	r := m.Reserve(m.Ask(cost.String()))
	if r.BlockedBy != want || (r.Status == governance.Denied) != (want != "") {
		t.Fatalf("%s was %s by %q, want %q", cost, r.Status, r.BlockedBy, want)
	}
	if want == "" {
		m.held[r.ID] = held{cost, m.Now().Add(10 * time.Minute), m.open}
	}
}

func (m *ledgerModel) close(t *rapid.T) {
	if len(m.held) == 0 {
		t.Skip("nothing is held")
	}
	ids := make([]peal.ReservationID, 0, len(m.held))
	for id := range m.held {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b peal.ReservationID) int { return slices.Compare(a[:], b[:]) })
	id := rapid.SampledFrom(ids).Draw(t, "reservation")
	delete(m.held, id)
	deed, cost := governance.Release, peal.Decimal(0)
	if rapid.Bool().Draw(t, "settle") {
		deed, cost = governance.Settle, m.amount(t)
		m.pay(cost)
	}
	_, err := m.Close(id, deed, cost.String())
	m.Check(err)
	m.compare()
}

func (m *ledgerModel) compare() {
	m.wantAccount(m.granted.String(), m.spent.String(), m.reserved(true).String())
}
