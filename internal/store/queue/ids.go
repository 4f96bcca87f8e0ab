package queue

import (
	"encoding/base64"
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

const cursorVersion = 1

func encodeCursor(id peal.DeliveryID) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte{cursorVersion}, id[:]...))
}

// cursorEnd bounds a list from above by its cursor.
func cursorEnd(cursor string, to peal.DeliveryID) (peal.DeliveryID, error) {
	if cursor == "" {
		return to, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) != 1+len(to) || b[0] != cursorVersion {
		return to, peal.Invalid("cursor", "the cursor is not one that a list gave out")
	}
	return deliveryID(b[1:]), nil
}
