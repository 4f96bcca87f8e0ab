package schedule

import (
	"slices"
	"strconv"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Hours are spans of the week in a time zone.
type Hours struct {
	zone  *time.Location
	spans []span
}

// span is one window: minutes of the day on which it starts.
type span struct {
	days        [7]bool // by time.Weekday
	from, until int     // until is at most a day after from
}

const (
	minutesPerDay = 24 * 60
	maxWindows    = 50
)

var dayNames = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// ParseHours reads mute hours, or says what is wrong with them as a *peal.Error.
func ParseHours(m *peal.MuteHours) (*Hours, error) {
	loc, err := zone(m.TimeZone)
	if err != nil {
		return nil, err
	}
	if len(m.Windows) == 0 || len(m.Windows) > maxWindows {
		return nil, peal.Invalid("windows", "there must be 1 to %d windows", maxWindows)
	}
	h := &Hours{zone: loc}
	for _, w := range m.Windows {
		s, err := parseSpan(&w)
		if err != nil {
			return nil, err
		}
		h.spans = append(h.spans, s)
	}
	return h, nil
}

func parseSpan(w *peal.MuteWindow) (s span, err error) {
	for _, name := range w.Days {
		day := slices.Index(dayNames[:], name)
		if day < 0 {
			return s, peal.Invalid("windows", "%q is not a day; days are mon, tue, wed, thu, fri, sat, sun", peal.Clip(name, clipLen))
		}
		s.days[day] = true
	}
	if len(w.Days) == 0 {
		s.days = [7]bool{true, true, true, true, true, true, true}
	}
	if s.from, err = minuteOf(w.From); err != nil {
		return s, err
	}
	if s.until, err = minuteOf(w.Until); err != nil {
		return s, err
	}
	if s.from == minutesPerDay {
		return s, peal.Invalid("windows", "a window cannot start at 24:00; write 00:00 of the next day")
	}
	if s.until <= s.from {
		s.until += minutesPerDay
	}
	return s, nil
}

// minuteOf reads a time of day, from 00:00 to 24:00.
func minuteOf(s string) (int, error) {
	if len(s) == 5 && s[2] == ':' {
		hour, errHour := strconv.ParseUint(s[:2], 10, 8)
		minute, errMinute := strconv.ParseUint(s[3:], 10, 8)
		if n := int(hour)*60 + int(minute); errHour == nil && errMinute == nil && minute < 60 && n <= minutesPerDay {
			return n, nil
		}
	}
	return 0, peal.Invalid("windows", "%q is not a time of day such as 09:00 or 22:30", peal.Clip(s, clipLen))
}

// Cover tells whether a time is within the hours. They go by what clocks on the wall
// show: an hour that is skipped in spring is short of that hour, one that comes twice in
// autumn is covered twice.
func (h *Hours) Cover(t time.Time) bool {
	t = t.In(h.zone)
	minute, day := t.Hour()*60+t.Minute(), int(t.Weekday())
	yesterday := (day + 6) % 7
	for i := range h.spans {
		s := &h.spans[i]
		if s.days[day] && s.from <= minute && minute < s.until || s.days[yesterday] && minute+minutesPerDay < s.until {
			return true
		}
	}
	return false
}
