package queue

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// numbered is a list of rows from high to low, of which some fit.
type numbered struct {
	rows int
	fits func(row int) bool
	end  error // what a walk fails with after its rows
}

func rowID(i int) (id peal.DeliveryID) {
	id[13], id[14], id[15] = byte(i>>16), byte(i>>8), byte(i)
	return id
}

func idRow(id peal.DeliveryID) int { return int(id[13])<<16 | int(id[14])<<8 | int(id[15]) }

// page reads one page through sift, before a row.
func (n *numbered) page(limit, before int, sifted bool) (page []int, looked int, next int, err error) {
	at := 0
	l := listing{scan: maxScan, walk: func(from, to peal.DeliveryID, limit int, each func(scanner) error) error {
		for at = idRow(to) - 1; at >= idRow(from) && (limit > 0 || !sifted); at-- {
			looked++
			if sifted && !n.fits(at) {
				continue
			}
			limit--
			if err := each(nil); err != nil {
				if errors.Is(err, errEnough) {
					err = nil
				}
				return err
			}
		}
		return n.end
	}}
	if sifted {
		l.nth = func(from, to peal.DeliveryID, skip int) (peal.DeliveryID, bool, error) {
			row := idRow(to) - skip
			return rowID(row), row >= idRow(from), nil
		}
	}
	cursor, err := l.page("deliveries", limit, rowID(0), rowID(before), func(scanner) (peal.DeliveryID, bool, error) {
		taken := n.fits(at)
		if taken {
			page = append(page, at)
		}
		return rowID(at), taken, nil
	})
	if cursor == "" {
		return page, looked, -1, err
	}
	id, bad := pageEnd("deliveries", peal.Page{Cursor: cursor}, peal.DeliveryID{})
	return page, looked, idRow(id), errors.Join(err, bad)
}

// Pages one after the other are the list, whoever applies the filter, and none looks at more
// rows than it may.
func TestPagesAreTheList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		every := rapid.SampledFrom([]int{1, 2, 700, 30_000}).Draw(t, "every")
		n := numbered{rows: rapid.IntRange(0, 3*maxScan).Draw(t, "rows"), fits: func(row int) bool { return row%every == 0 }}
		limit, sifted := rapid.IntRange(1, 500).Draw(t, "limit"), rapid.Bool().Draw(t, "sifted")
		var want, got []int
		for row := n.rows - 1; row >= 0; row-- {
			if n.fits(row) {
				want = append(want, row)
			}
		}
		for next := n.rows; next >= 0; {
			page, looked, after, err := n.page(limit, next, sifted)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) > limit || sifted && looked > maxScan+1 || after >= next {
				t.Fatalf("a page of %d before %d looked at %d, and goes on before %d", len(page), next, looked, after)
			}
			if sifted && len(page) < limit && after >= 0 && next-after != maxScan {
				t.Fatalf("a page of %d ended after %d rows", len(page), next-after)
			}
			got, next = append(got, page...), after
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d rows, want %d", len(got), len(want))
		}
	})
}

// A page that the reader's time cuts off goes on where it came to, if it came anywhere.
func TestPagesThatAreCutOff(t *testing.T) {
	all := func(int) bool { return true }
	slow := peal.Wrap(peal.CodeUnavailable, store.ErrSlowRead, "slow")
	away := errors.New("away")
	for name, c := range map[string]struct {
		numbered
		sifted      bool
		taken, next int
		err         error
	}{
		"after some rows":             {numbered{6, all, slow}, false, 6, 0, nil},
		"before the first":            {numbered{0, all, slow}, false, 0, -1, slow},
		"before the first that fits":  {numbered{500, func(int) bool { return false }, slow}, true, 0, -1, slow},
		"a database that fails":       {numbered{6, all, away}, false, 6, -1, away},
		"in the second stretch":       {numbered{5000, all, nil}, true, 10, 4990, nil},
		"a filter that nothing fits":  {numbered{maxScan, func(int) bool { return false }, nil}, true, 0, 0, nil},
		"a short list nothing fits":   {numbered{900, func(int) bool { return false }, nil}, true, 0, -1, nil},
		"as many as there are":        {numbered{10, all, nil}, true, 10, -1, nil},
		"one more than there is room": {numbered{11, all, nil}, true, 10, 1, nil},
	} {
		page, _, next, err := c.page(10, c.rows, c.sifted)
		if len(page) != c.taken || next != c.next || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s: %d taken, then %d, %v; want %d, %d, %v", name, len(page), next, err, c.taken, c.next, c.err)
		}
	}
}
