package profile

import (
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

// The spellings of times, all in UTC.
const (
	nanos   = time.RFC3339Nano
	seconds = time.RFC3339 // in UTC, so that it ends in Z
	millis  = "2006-01-02T15:04:05.000Z"
)

// newBody is a buffer with room for an envelope around the event's data.
func newBody(ev *peal.Event) []byte { return make([]byte, 0, ev.Size()) }

// appendText appends a literal piece of JSON, which ends before a string, and the string.
func appendText(dst []byte, piece, value string) []byte {
	return strictjson.AppendString(append(dst, piece...), value)
}

// appendTime appends a literal piece of JSON, which ends before a string, and the time.
func appendTime(dst []byte, piece string, t time.Time, layout string) []byte {
	dst = append(append(dst, piece...), '"')
	return append(t.UTC().AppendFormat(dst, layout), '"')
}

// appendData appends a literal piece of JSON and the event's data as it was sent.
func appendData(dst []byte, piece string, ev *peal.Event) []byte {
	return append(append(dst, piece...), ev.Data...)
}
