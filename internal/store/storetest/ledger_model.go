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
// with a plain account of what must be true: what was granted is always what is spent,
// reserved and left, and nothing is allowed that there is nothing left for.
func testLedgerModel(t *testing.T, empty Backend) {
	f := New(t, empty)
	rapid.Check(t, func(rt *rapid.T) {
		f.Org = fmt.Sprint("org", f.Endpoint())
		limit := peal.Decimal(rapid.Int64Range(1, 80).Draw(rt, "limit")) * peal.DecimalOne
		m := &ledgerModel{
			Books: f.Books("curate-me",
				peal.Rule{Kind: peal.RuleBudget, Scope: peal.ScopeOrg, Period: peal.Monthly, Limit: limit},
				peal.Rule{Kind: peal.RuleApproval, Threshold: 15 * peal.DecimalOne}),
			limit: limit, held: map[peal.ReservationID]held{}, late: map[peal.ReservationID]held{},
		}
		rt.Repeat(map[string]func(*rapid.T){
			"":            m.compare,
			"top up":      m.topUp,
			"adjust":      m.adjust,
			"use":         m.use,
			"reserve":     m.reserve,
			"close":       m.close,
			"decide":      m.decide,
			"settle late": m.settleLate,
			"pass":        m.pass,
		})
	})
}

type held struct {
	cost  peal.Decimal
	until time.Time
	// onCredit tells that it holds credits: there were some when it was made.
	onCredit bool
	// waits tells that a person has not decided yet.
	waits bool
}

type ledgerModel struct {
	*Books
	limit                   peal.Decimal
	granted, spent, onMonth peal.Decimal
	open                    bool
	// held is what reservations hold, late what they held that expired.
	held, late map[peal.ReservationID]held
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

// adjust takes credits off, which cannot make the balance negative.
func (m *ledgerModel) adjust(t *rapid.T) {
	amount := m.amount(t) + 1
	err := m.TopUp((-amount).String())
	if m.granted-m.spent < amount {
		if peal.CodeOf(err) != peal.CodeUnprocessable {
			t.Fatalf("taking %s off %s: %v", amount, m.granted-m.spent, err)
		}
		return
	}
	m.Check(err)
	m.granted -= amount
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
	want, status := "", governance.Allowed
	switch {
	case m.open && (cost > left || left <= 0):
		want, status = "credit_balance", governance.Denied
	case m.onMonth+m.reserved(false)+cost > m.limit:
		want, status = "monthly_budget", governance.Denied
	case cost > 15*peal.DecimalOne:
		want, status = "approval", governance.Waiting
	}
	r := m.Reserve(m.Ask(cost.String()))
	if r.BlockedBy != want || r.Status != status {
		t.Fatalf("%s was %s by %q, want %s by %q", cost, r.Status, r.BlockedBy, status, want)
	}
	switch status {
	case governance.Allowed:
		m.held[r.ID] = held{cost, m.Now().Add(10 * time.Minute), m.open, false}
	case governance.Waiting:
		m.held[r.ID] = held{cost, m.Now().Add(time.Hour), m.open, true}
	}
}

// pick is one of some reservations.
func pick(t *rapid.T, from map[peal.ReservationID]held, wanted func(held) bool) (peal.ReservationID, held) {
	var ids []peal.ReservationID
	for id, h := range from {
		if wanted(h) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		t.Skip("there is none")
	}
	slices.SortFunc(ids, func(a, b peal.ReservationID) int { return slices.Compare(a[:], b[:]) })
	id := rapid.SampledFrom(ids).Draw(t, "reservation")
	return id, from[id]
}

// close settles a reservation, for more or less than it holds, or releases it; saying so
// again changes nothing.
func (m *ledgerModel) close(t *rapid.T) {
	id, h := pick(t, m.held, func(held) bool { return true })
	deed, cost := governance.Release, peal.Decimal(0)
	if rapid.Bool().Draw(t, "settle") {
		deed, cost = governance.Settle, m.amount(t)
	}
	_, err := m.Close(id, deed, cost.String())
	if h.waits && deed == governance.Settle {
		if peal.CodeOf(err) != peal.CodeConflict {
			t.Fatalf("settling what waits for a person: %v", err)
		}
		return
	}
	m.Check(err)
	delete(m.held, id)
	if deed == governance.Settle {
		m.pay(cost)
	}
	_, err = m.Close(id, deed, cost.String())
	m.Check(err)
}

// decide approves or denies what waits for a person.
func (m *ledgerModel) decide(t *rapid.T) {
	id, h := pick(t, m.held, func(h held) bool { return h.waits })
	deed := governance.Deny
	delete(m.held, id)
	if rapid.Bool().Draw(t, "approve") {
		deed, h.waits, h.until = governance.Approve, false, m.Now().Add(10*time.Minute)
		m.held[id] = h
	}
	_, err := m.Close(id, deed, "0")
	m.Check(err)
}

// settleLate settles what expired: the money is spent.
func (m *ledgerModel) settleLate(t *rapid.T) {
	id, _ := pick(t, m.late, func(held) bool { return true })
	cost := m.amount(t)
	_, err := m.Close(id, governance.Settle, cost.String())
	m.Check(err)
	m.pay(cost)
	delete(m.late, id)
}

// pass lets time pass, and what is due expire.
func (m *ledgerModel) pass(*rapid.T) {
	m.Pass(4 * time.Minute)
	m.expire()
	for id, h := range m.held {
		if m.Now().Before(h.until) {
			continue
		}
		delete(m.held, id)
		if !h.waits {
			m.late[id] = h
		}
	}
}

func (m *ledgerModel) compare(t *rapid.T) {
	account, err := m.L.Account(m.Ctx, m.Org)
	m.Check(err)
	want := governance.Account{Granted: m.granted, Spent: m.spent, Reserved: m.reserved(true), Open: m.open}
	if account != want || account.Spent+account.Reserved+account.Available() != account.Granted {
		t.Fatalf("the account is %+v, want %+v", account, want)
	}
}
