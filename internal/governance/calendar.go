package governance

import "time"

// Calendar divides time into an org's hours, days and months.
type Calendar struct {
	location *time.Location
	// day is the one on which months begin.
	day int
}

// NewCalendar makes the calendar of a time zone in which months begin on a day; one
// that a month does not have is its last.
func NewCalendar(location *time.Location, day int) Calendar { return Calendar{location, day} }

// Hour is the beginning of t's hour by the clock of the zone.
func (c Calendar) Hour(t time.Time) time.Time {
	_, offset := t.In(c.location).Zone()
	seconds := t.Unix()
	into := (seconds + int64(offset)) % 3600
	if into < 0 {
		into += 3600
	}
	return time.Unix(seconds-into, 0)
}

// Day is the beginning of t's day.
func (c Calendar) Day(t time.Time) time.Time {
	return c.dayBegins(t.In(c.location).Date())
}

// Month is the beginning of t's billing month.
func (c Calendar) Month(t time.Time) time.Time {
	year, month, day := t.In(c.location).Date()
	if day < c.anchor(year, month) {
		year, month, _ = time.Date(year, month-1, 1, 0, 0, 0, 0, time.UTC).Date()
	}
	return c.dayBegins(year, month, c.anchor(year, month))
}

// anchor is the day on which the billing month begins that begins in a month.
func (c Calendar) anchor(year int, month time.Month) int {
	last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return min(c.day, last)
}

// dayBegins is the first moment of a day, which is not midnight where the clocks were
// set forward then, and the first of two where they were set back.
func (c Calendar) dayBegins(year int, month time.Month, day int) time.Time {
	const step = 15 * time.Minute // every change of every clock was a multiple
	same := func(t time.Time) bool {
		y, m, d := t.In(c.location).Date()
		return y == year && m == month && d == day
	}
	t := time.Date(year, month, day, 0, 0, 0, 0, c.location)
	for range 12 {
		if same(t) {
			break
		}
		t = t.Add(step)
	}
	for range 12 {
		earlier := t.Add(-step)
		if !same(earlier) {
			break
		}
		t = earlier
	}
	return t.UTC()
}

// periods are the beginnings of those that a moment is in.
type periods struct{ hour, day, month int64 }

const quarter = 15 * 60

// periods remembers those of every quarter of an hour, within which none begins.
func (g *Group) periods(p *Plan, t time.Time) periods {
	at := quarterOf{p, t.Unix() / quarter}
	found, ok := g.quarters[at]
	if !ok {
		found = periods{
			p.Calendar.Hour(t).UnixMicro(), p.Calendar.Day(t).UnixMicro(), p.Calendar.Month(t).UnixMicro(),
		}
		g.quarters[at] = found
	}
	return found
}

type quarterOf struct {
	plan    *Plan
	quarter int64
}

// minuteOf is the beginning of a minute, which is the same in every zone.
func minuteOf(t time.Time) int64 { return t.Truncate(time.Minute).UnixMicro() }
