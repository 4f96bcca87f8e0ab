package governance

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// route is what is remembered of a route whose circuit a rule watches: the circuit as it is
// by records that came in order, and what came of hours that are not closed yet.
type route struct {
	breaker
	// Newest is the latest time of a record that came in order, Late of one that did not.
	Newest int64 `json:"newest,omitempty"`
	Late   int64 `json:"late,omitempty"`
	// Settled is the circuit as of the end of the hours that are closed; it has seen
	// what there is until Through.
	Settled breaker `json:"settled,omitzero"`
	Through int64   `json:"through,omitempty"`
	Slots   slots   `json:"slots,omitempty"`
	Told    spans   `json:"told,omitempty"`
}

// slot is what happened within five seconds: its number, when in it something first
// succeeded, and then pairs of when something failed and how often. It is what records of
// any order leave behind alike. Moments are microseconds from one on.
type slot []int64

// slots are in the order of their numbers.
type slots []slot

// MarshalJSON writes numbers of few bytes, since a route that is in use is read and written
// all the time: of each slot how long it is, how far from the one before, and the rest.
func (s slots) MarshalJSON() ([]byte, error) {
	var doc []byte
	before := int64(0)
	for _, one := range s {
		doc = binary.AppendVarint(doc, int64(len(one)))
		doc = binary.AppendVarint(doc, one[0]-before)
		for _, n := range one[1:] {
			doc = binary.AppendVarint(doc, n)
		}
		before = one[0]
	}
	return json.Marshal(doc)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *slots) UnmarshalJSON(text []byte) error {
	var doc []byte
	if err := json.Unmarshal(text, &doc); err != nil {
		return err
	}
	all := make([]int64, 0, len(doc))
	for len(doc) > 0 {
		n, size := binary.Varint(doc)
		if size <= 0 {
			return errSlots
		}
		all, doc = append(all, n), doc[size:]
	}
	*s = make(slots, 0, len(all)/3)
	before := int64(0)
	for len(all) > 0 {
		n := all[0]
		if n < 2 || n%2 != 0 || n >= int64(len(all)) {
			return errSlots
		}
		one := slot(all[1 : n+1 : n+1])
		one[0] += before
		before = one[0]
		*s, all = append(*s, one), all[n+1:]
	}
	return nil
}

var errSlots = errors.New("governance: slots that nobody wrote")

const (
	slotTakes = 5 * time.Second / time.Microsecond
	// maxMoments is how many slots and failures are remembered. A day of a route that is
	// always in use has 17,280 slots.
	maxMoments = 32768
)

func (s slot) start() int64 { return s[0] * int64(slotTakes) }

func (b *breaker) clone() breaker {
	c := *b
	c.Failures = slices.Clone(b.Failures)
	return c
}

// keep notes a record until its hour is closed, and tells whether that says anything new.
func (m *route) keep(c *rule, at int64, failed bool, times int64) bool {
	number := at / int64(slotTakes)
	i, found := slices.BinarySearchFunc(m.Slots, number, func(s slot, n int64) int { return cmp.Compare(s[0], n) })
	if !found {
		drop := m.excess()
		if i < drop {
			return false
		}
		m.Slots = slices.Delete(m.Slots, 0, drop)
		i -= drop
		m.Slots = slices.Insert(m.Slots, i, slot{number, 0})
	}
	s := &m.Slots[i]
	moment := at - s.start() + 1
	if failed {
		return s.failed(moment, min(times, int64(c.Failures)), c.Failures)
	}
	if (*s)[1] != 0 && (*s)[1] <= moment {
		return false
	}
	(*s)[1] = moment
	return true
}

// excess is how many of the oldest slots have to go before there is room for another.
func (m *route) excess() (drop int) {
	moments := 1
	for i := len(m.Slots) - 1; i >= 0; i-- {
		if moments += len(m.Slots[i]) / 2; moments > maxMoments {
			return i + 1
		}
	}
	return 0
}

// failed notes failures; the first so many moments of them are enough to open a circuit.
func (s *slot) failed(moment, times int64, enough int) bool {
	i := 2
	for i < len(*s) && (*s)[i] < moment {
		i += 2
	}
	if i < len(*s) && (*s)[i] == moment {
		old := (*s)[i+1]
		(*s)[i+1] = min(old+times, int64(enough))
		return (*s)[i+1] != old
	}
	if i == 2+2*enough {
		return false
	}
	*s = slices.Insert(*s, i, moment, times)
	*s = (*s)[:min(len(*s), 2+2*enough)]
	return true
}

// marks calls f for what is known of a time, in its order; what fails comes before what
// succeeds at the same moment.
func (m *route) marks(from, to int64, f func(at int64, failed bool, times int64)) {
	for _, s := range m.Slots {
		start := s.start() - 1
		if start+1 < from || start+1 >= to {
			continue
		}
		see := func(moment int64, failed bool, times int64) {
			if at := start + moment; at > m.Through && at < to {
				f(at, failed, times)
			}
		}
		succeeded := s[1]
		for i := 2; i < len(s); i += 2 {
			if succeeded != 0 && succeeded < s[i] {
				see(succeeded, false, 1)
				succeeded = 0
			}
			see(s[i], true, s[i+1])
		}
		if succeeded != 0 {
			see(succeeded, false, 1)
		}
	}
}

// forget drops what is from before the end of an hour that is closed.
func (m *route) forget(to int64) {
	m.Slots = slices.DeleteFunc(m.Slots, func(s slot) bool { return s.start() < to })
}
