package schedule

import (
	"strings"
	"time"
	_ "time/tzdata" // where the machine has no time zones of its own

	"github.com/peal-dev/peal/internal/peal"
)

// zone finds a time zone by its IANA name; empty is UTC. The server's own is refused,
// since two nodes may have different ones.
func zone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil || strings.EqualFold(name, "local") {
		return nil, peal.Invalid("time_zone", "%q is not a time zone such as Europe/Berlin or UTC", peal.Clip(name, clipLen))
	}
	return loc, nil
}

// clipLen is how much of a bad value an error repeats.
const clipLen = 64
