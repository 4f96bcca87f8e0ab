package store

import "time"

// Micros is how a time is stored: microseconds since 1970, the zero time as 0.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FromMicros reads what Micros made, in UTC. It is for times that may be absent: it
// cannot tell the beginning of 1970 from none.
func FromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
