package storetest

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

// Books are an org's governance under rules that a test makes.
type Books struct {
	*Fixture
	Plan *governance.Plan
}

// Books makes the plan of the fixture's org.
func (f *Fixture) Books(profile string, rules ...peal.Rule) *Books {
	f.Helper()
	return f.BooksOf(peal.DefaultGovernance(f.Org), profile, rules...)
}

// BooksOf is Books under settings.
func (f *Fixture) BooksOf(settings peal.Governance, profile string, rules ...peal.Rule) *Books {
	f.Helper()
	var all []*peal.Rule
	for i := range rules {
		r := &rules[i]
		if r.ID.IsZero() {
			// The same rules have the same ids on every node.
			copy(r.ID[:], fmt.Sprintf("%016d", i+1))
		}
		r.Complete()
		f.Check(r.Check())
		all = append(all, r)
	}
	return &Books{f, governance.NewPlan(peal.Org{ID: f.Org, Profile: profile}, settings, all, false)}
}

// Do submits works together and gives what became of each.
func (b *Books) Do(works ...*governance.Work) []error {
	b.Helper()
	errs := make([]error, len(works))
	var settled sync.WaitGroup
	for i, w := range works {
		settled.Add(1)
		w.Plan, w.Now = b.Plan, b.Now()
		w.Done = func(err error) {
			errs[i] = err
			settled.Done()
		}
		if err := b.L.Submit(w); err != nil {
			b.Error(err)
			settled.Done()
		}
	}
	settled.Wait()
	return errs
}

// Use reports usage, which must be accepted, and tells how many were duplicates.
func (b *Books) Use(records ...governance.Record) int {
	b.Helper()
	w := b.Usage(records...)
	b.Check(b.Do(w)[0])
	return w.Usage.Duplicates
}

// Usage is a report that is not submitted yet.
func (b *Books) Usage(records ...governance.Record) *governance.Work {
	for i := range records {
		if r := &records[i]; r.Time.IsZero() {
			r.Time = b.Now()
		}
	}
	return &governance.Work{Usage: &governance.Usage{Records: records, Expires: b.Now().Add(24 * time.Hour)}}
}

// Spend is a record of one request at a cost.
func Spend(cost string) governance.Record { return governance.Record{Requests: 1, Cost: Amount(cost)} }

// Amount is an amount that is written right.
func Amount(s string) peal.Decimal {
	d, err := peal.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}

// Ask is a reservation that is not submitted yet.
func (b *Books) Ask(cost string) *governance.Reservation {
	return &governance.Reservation{ID: peal.NewReservationID(b.Now()), Org: b.Org, Model: "gpt-4.1", Cost: Amount(cost)}
}

// Reserve submits a reservation and gives its state.
func (b *Books) Reserve(r *governance.Reservation) *governance.Reservation {
	b.Helper()
	b.Check(b.Do(&governance.Work{Reserve: r})[0])
	return r
}

// Close does a deed to a reservation.
func (b *Books) Close(id peal.ReservationID, deed governance.Deed, cost string) (*governance.Reservation, error) {
	b.Helper()
	c := &governance.Closing{ID: id, Deed: deed, Cost: Amount(cost), Extend: b.Now().Add(10 * time.Minute), By: "ada"}
	err := b.Do(&governance.Work{Close: c})[0]
	return c.Reservation, err
}

// TopUp adds credits.
func (b *Books) TopUp(amount string) error {
	b.Helper()
	return b.Do(&governance.Work{Credit: &governance.CreditEntry{ID: peal.NewCreditID(b.Now()), Org: b.Org, Amount: Amount(amount), Actor: "admin"}})[0]
}

// Told are the types of what was raised for the org, each with the members of its data
// that are asked for.
func (b *Books) Told(members ...string) []string {
	b.Helper()
	raised, err := b.Q.Raised(b.Ctx, 10_000)
	b.Check(err)
	out := []string{}
	for _, r := range raised {
		if r.Org != b.Org {
			continue
		}
		var data map[string]json.RawMessage
		b.Check(json.Unmarshal(r.Data, &data))
		text := r.Type
		for _, m := range members {
			if m == "subject" {
				text += " " + r.Subject
			} else if v, ok := data[m]; ok {
				text += " " + string(v)
			}
		}
		out = append(out, text)
	}
	return out
}

// ToldEvents are what was raised for the org.
func (b *Books) ToldEvents() (out []peal.Raised) {
	b.Helper()
	raised, err := b.Q.Raised(b.Ctx, 10_000)
	b.Check(err)
	for _, r := range raised {
		if r.Org == b.Org {
			out = append(out, r)
		}
	}
	return out
}

// Decode reads data that must be right.
func (b *Books) Decode(data []byte, into any) {
	b.Helper()
	b.Check(json.Unmarshal(data, into))
}
