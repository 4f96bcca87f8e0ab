package queue

import (
	"errors"
	"slices"
	"testing"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// TestGather walks over numbered rows, of which every other is taken.
func TestGather(t *testing.T) {
	away := errors.New("away")
	slow := peal.Wrap(peal.CodeUnavailable, store.ErrSlowRead, "slow")
	id := func(i int) (id peal.DeliveryID) {
		id[0], id[1], id[2] = byte(i>>16), byte(i>>8), byte(i)
		return id
	}
	for name, c := range map[string]struct {
		rows, limit int
		end         error // what the walk fails with after its rows
		taken, next int   // next is the row that the cursor names, -1 without one
		err         error
	}{
		"nothing":               {rows: 0, limit: 2, next: -1},
		"all":                   {rows: 4, limit: 3, taken: 2, next: -1},
		"exactly a page":        {rows: 3, limit: 2, taken: 2, next: -1},
		"a page":                {rows: 9, limit: 2, taken: 2, next: 2},
		"as many as it may":     {rows: maxScan + 1, limit: maxScan, taken: maxScan / 2, next: maxScan - 1},
		"as long as it may":     {rows: 6, limit: 5, end: slow, taken: 3, next: 5},
		"too slow for one row":  {rows: 0, limit: 5, end: slow, next: -1, err: slow},
		"a database that fails": {rows: 6, limit: 5, end: away, taken: 3, next: -1, err: away},
	} {
		t.Run(name, func(t *testing.T) {
			i, taken := -1, 0
			cursor, err := gather("list", c.limit, func(each func(scanner) error) error {
				for i = range c.rows {
					if err := each(nil); err != nil {
						if !errors.Is(err, errEnough) {
							t.Error(err)
						}
						return nil
					}
				}
				return c.end
			}, func(scanner) (peal.DeliveryID, bool, error) {
				if i%2 == 0 {
					taken++
				}
				return id(i), i%2 == 0, nil
			})
			want := ""
			if c.next >= 0 {
				last := id(c.next)
				want = peal.Cursor("list", last[:])
			}
			if cursor != want || taken != c.taken || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Errorf("%d taken, cursor %q, %v; want %d, %q, %v", taken, cursor, err, c.taken, want, c.err)
			}
		})
	}
}

// A row that could not be read is not one that was looked at.
func TestGatherGoesOnBeforeARowThatWasCutOff(t *testing.T) {
	rows := []error{nil, store.ErrSlowRead}
	cursor, err := gather("list", 5, func(each func(scanner) error) error {
		for range 2 {
			if err := each(nil); err != nil {
				return err
			}
		}
		return nil
	}, func(scanner) (id peal.DeliveryID, taken bool, err error) {
		id[0] = byte(len(rows))
		err, rows = rows[0], rows[1:]
		return id, err == nil, err
	})
	if err != nil || cursor != peal.Cursor("list", append([]byte{2}, make([]byte, 15)...)) {
		t.Errorf("%q, %v", cursor, err)
	}
}

func TestABatchGivesBackWhatALargeGroupNeeded(t *testing.T) {
	b := newBatch()
	b.events = append(b.events, "small")
	b.live = slices.Grow(b.live, 1<<20)
	b.live = append(b.live, "large")
	b.reset()
	if cap(b.events) == 0 || b.events[:1][0] != nil {
		t.Error("a small group's room is not used again")
	}
	if cap(b.live) > maxKept || len(b.live) != 0 {
		t.Errorf("room for %d values is kept", cap(b.live))
	}
}
