package queue

import (
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Ids begin with the millisecond in which they were made, so a span of time is a
// range of ids and the id of a list's last row is all that its cursor holds.

// idRange is the first id at or after since and the first at or after until.
func idRange(since, until time.Time) (from, to peal.DeliveryID) {
	if !since.IsZero() {
		from = firstID(since)
	}
	for i := range to {
		to[i] = 0xff
	}
	if !until.IsZero() {
		to = firstID(until)
	}
	return from, to
}

// firstID is the lowest id of the first millisecond that is not before t.
func firstID(t time.Time) (id peal.DeliveryID) {
	ms := t.UnixMilli()
	if t.After(time.UnixMilli(ms)) {
		ms++
	}
	for i := range 6 {
		id[i] = byte(max(ms, 0) >> (40 - 8*i))
	}
	return id
}

// next is the id after id.
func next(id peal.DeliveryID) peal.DeliveryID {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i]++; id[i] != 0 {
			break
		}
	}
	return id
}

// pageEnd is the id that a page of a list is below, which is to on the first one.
func pageEnd(list string, p peal.Page, to peal.DeliveryID) (peal.DeliveryID, error) {
	after, err := p.After(list, len(to))
	if err == nil && after != nil {
		to = deliveryID(after)
	}
	return to, err
}
