package peal

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// WorkingHours are the times of a week in which the clock of an SLA runs. Nil is always.
type WorkingHours struct {
	// Days are mon, tue, wed, thu, fri, sat and sun.
	Days []string `json:"days"`
	// From and To are times of the day such as 09:00; To may be 24:00.
	From string `json:"from"`
	To   string `json:"to"`
	// Zone names a time zone of the IANA database.
	Zone string `json:"time_zone"`
}

// weekdays are the names of days, from Sunday as package time counts.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// minShift bounds how many days a target can be spread over.
const minShift = 60 // minutes

// Validate reports what may not stand.
func (h *WorkingHours) Validate() error {
	if h == nil {
		return nil
	}
	const field = "sla.working_hours"
	if len(h.Days) == 0 {
		return Invalid(field+".days", "days are at least one of %s", strings.Join(weekdays, ", "))
	}
	for _, d := range h.Days {
		if !slices.Contains(weekdays, d) {
			return Invalid(field+".days", "%q is no day; there are %s", Clip(d, clipLen), strings.Join(weekdays, ", "))
		}
	}
	from, err := minuteOfDay(h.From)
	if err != nil {
		return Invalid(field+".from", "%v", err)
	}
	to, err := minuteOfDay(h.To)
	if err != nil {
		return Invalid(field+".to", "%v", err)
	}
	if to-from < minShift {
		return Invalid(field+".to", "to is at least an hour after from, on the same day; 24:00 is its end")
	}
	if h.Zone == "" || h.Zone == "Local" {
		return Invalid(field+".time_zone", "time_zone names a zone such as Europe/Zurich")
	}
	if _, err := time.LoadLocation(h.Zone); err != nil {
		return Invalid(field+".time_zone", "there is no time zone %q; they are spelled as Europe/Zurich is", Clip(h.Zone, clipLen))
	}
	return nil
}

// minuteOfDay reads 09:30, and 24:00.
func minuteOfDay(s string) (int, error) {
	if s == "24:00" {
		return 24 * 60, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil {
		return 0, fmt.Errorf("a time of the day such as 09:00 is wanted, not %q", Clip(s, clipLen))
	}
	return t.Hour()*60 + t.Minute(), nil
}

// week is what WorkingHours say, read.
type week struct {
	days     [7]bool
	from, to int // minutes of the day
	zone     *time.Location
}

// read reads hours that were validated. A zone that this machine does not know any more
// counts as UTC, so that a target is off by hours rather than forgotten.
func (h *WorkingHours) read() week {
	w := week{zone: time.UTC}
	for _, d := range h.Days {
		if i := slices.Index(weekdays, d); i >= 0 {
			w.days[i] = true
		}
	}
	w.from, _ = minuteOfDay(h.From)
	w.to, _ = minuteOfDay(h.To)
	if zone, err := time.LoadLocation(h.Zone); err == nil {
		w.zone = zone
	}
	return w
}

// shifts gives, from the day of a time on, when work begins and ends, until yield is
// false. The clock on the wall says when; how long that is, the time between says, so
// that a day on which clocks change is as long as it is.
func (w *week) shifts(from time.Time, yield func(opens, closes time.Time) bool) {
	year, month, day := from.In(w.zone).Date()
	// The day before ends on this one where clocks are put back over midnight.
	for day--; ; day++ {
		noon := time.Date(year, month, day, 12, 0, 0, 0, w.zone)
		if !w.days[noon.Weekday()] {
			continue
		}
		opens := time.Date(year, month, day, 0, w.from, 0, 0, w.zone)
		closes := time.Date(year, month, day, 0, w.to, 0, 0, w.zone)
		if closes.After(opens) && !yield(opens, closes) {
			return
		}
	}
}

// Add gives the time at which d of working time has passed since from.
func (h *WorkingHours) Add(from time.Time, d time.Duration) time.Time {
	if h == nil || d <= 0 {
		return from.Add(d)
	}
	w := h.read()
	var due time.Time
	w.shifts(from, func(opens, closes time.Time) bool {
		if opens.Before(from) {
			opens = from
		}
		open := closes.Sub(opens)
		if open < d {
			d -= max(0, open)
			return true
		}
		due = opens.Add(d)
		return false
	})
	return due.UTC()
}

// Between is how much working time lies between two times.
func (h *WorkingHours) Between(from, to time.Time) (d time.Duration) {
	if h == nil {
		return max(0, to.Sub(from))
	}
	w := h.read()
	w.shifts(from, func(opens, closes time.Time) bool {
		if opens.Before(from) {
			opens = from
		}
		if closes.After(to) {
			closes = to
		}
		d += max(0, closes.Sub(opens))
		return opens.Before(to)
	})
	return d
}
