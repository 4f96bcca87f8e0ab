package schedule

import (
	"strings"
	"time"

	"github.com/adhocore/gronx"

	"github.com/peal-dev/peal/internal/peal"
)

// Cron is a cron expression in a time zone.
type Cron struct {
	expr string
	zone *time.Location
}

const (
	maxCron = 256
	// maxTicks bounds how many times of the wall are tried on a night on which clocks are
	// set back: every minute of some hours.
	maxTicks = 24 * 60
)

// ParseCron reads a cron expression of five fields, or says what is wrong with it, or
// with its time zone, as a *peal.Error.
func ParseCron(expr, zoneName string) (*Cron, error) {
	loc, err := zone(zoneName)
	if err != nil {
		return nil, err
	}
	expr = strings.Join(strings.Fields(expr), " ")
	if len(expr) > maxCron || strings.Count(expr, " ") != 4 || !gronx.IsValid(expr) {
		return nil, peal.Invalid("schedule", "%q is not a cron expression of five fields such as 0 9 * * 1-5", peal.Clip(expr, clipLen))
	}
	c := &Cron{expr: expr, zone: loc}
	if _, ok := c.next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)); !ok {
		return nil, peal.Invalid("schedule", "the schedule %q has no time at all", peal.Clip(expr, clipLen))
	}
	return c, nil
}

// Next is the first time after t. It goes by what clocks on the wall show: a time that
// is skipped in spring comes an hour later or earlier, one that comes twice in autumn
// comes once.
func (c *Cron) Next(t time.Time) time.Time {
	wall := onTheWall(t.In(c.zone))
	for range maxTicks {
		next, ok := c.next(wall)
		if !ok {
			break
		}
		if at := time.Date(next.Year(), next.Month(), next.Day(), next.Hour(), next.Minute(), 0, 0, c.zone); at.After(t) {
			return at.UTC()
		}
		wall = next
	}
	// A schedule that was checked always has a time; what is collected goes out a day later.
	return t.Add(24 * time.Hour)
}

// onTheWall is what the wall shows at t, as a time of UTC: a day of it has 24 hours.
func onTheWall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

func (c *Cron) next(wall time.Time) (time.Time, bool) {
	next, err := gronx.NextTickAfter(c.expr, wall, false)
	return next, err == nil && next.After(wall)
}
