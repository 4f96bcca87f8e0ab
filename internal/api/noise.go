package api

import "github.com/peal-dev/peal/internal/peal"

// MuteHours are the hours of the week in which an endpoint is sent nothing.
type MuteHours struct {
	Windows         []MuteWindow `json:"windows" nullable:"false" minItems:"1"`
	TimeZone        string       `json:"time_zone,omitempty" example:"Europe/Berlin" doc:"An IANA name, whose daylight saving is kept; UTC where absent."`
	IncludeCritical bool         `json:"include_critical,omitempty" doc:"Mutes critical events too, which pass otherwise."`
}

// MuteWindow is a span of wall-clock time.
type MuteWindow struct {
	Days  []string `json:"days,omitempty" nullable:"true" enum:"mon,tue,wed,thu,fri,sat,sun" example:"mon,tue,wed,thu,fri" doc:"On which it starts; every day where absent."`
	From  string   `json:"from" example:"22:00"`
	Until string   `json:"until" example:"07:00" doc:"On the next day where it is not after from; 24:00 is the day's end."`
}

func showMuteHours(m *peal.MuteHours) *MuteHours {
	if m == nil {
		return nil
	}
	out := &MuteHours{TimeZone: m.TimeZone, IncludeCritical: m.IncludeCritical}
	for _, w := range m.Windows {
		out.Windows = append(out.Windows, MuteWindow(w))
	}
	return out
}

func (m *MuteHours) domain() *peal.MuteHours {
	if m == nil {
		return nil
	}
	out := &peal.MuteHours{TimeZone: m.TimeZone, IncludeCritical: m.IncludeCritical}
	for _, w := range m.Windows {
		out.Windows = append(out.Windows, peal.MuteWindow(w))
	}
	return out
}

// Grouping collects events into messages.
type Grouping struct {
	By              []string `json:"by,omitempty" nullable:"true" example:"type,data.key_alias" doc:"What the events of one message have in common: type, severity, source, subject or data.NAME. Absent: nothing, all are one group."`
	Wait            string   `json:"wait,omitempty" default:"30s" example:"30s" doc:"How long the first event of a group waits for others."`
	Interval        string   `json:"interval,omitempty" default:"5m" example:"5m" doc:"From one message of a group to its next. A group without events for as long is at rest: its next event waits for wait again."`
	RepeatInterval  string   `json:"repeat_interval,omitempty" example:"4h" doc:"How long an event that tells the same as one of its group is suppressed; absent for never."`
	IncludeCritical bool     `json:"include_critical,omitempty" doc:"Collects critical events too, which are sent at once otherwise."`
}

// Digest collects events until a schedule says to send them.
type Digest struct {
	Schedule        string `json:"schedule" example:"0 9 * * 1-5" doc:"A cron expression of five fields: minute, hour, day of the month, month, day of the week."`
	TimeZone        string `json:"time_zone,omitempty" example:"Europe/Berlin" doc:"An IANA name, whose daylight saving is kept; UTC where absent."`
	IncludeCritical bool   `json:"include_critical,omitempty" doc:"Collects critical events too, which are sent at once otherwise."`
}

func showGrouping(g *peal.Grouping) *Grouping {
	if g == nil {
		return nil
	}
	out := &Grouping{By: g.By, Wait: g.Wait.String(), Interval: g.Interval.String(), IncludeCritical: g.IncludeCritical}
	if g.RepeatInterval > 0 {
		out.RepeatInterval = g.RepeatInterval.String()
	}
	return out
}

func (g *Grouping) domain() (*peal.Grouping, error) {
	if g == nil {
		return nil, nil
	}
	out := &peal.Grouping{
		By: g.By, Wait: peal.DefaultGroupWait, Interval: peal.DefaultGroupInterval, IncludeCritical: g.IncludeCritical,
	}
	for _, f := range []struct {
		name, text string
		to         *peal.Duration
	}{
		{"group.wait", g.Wait, &out.Wait}, {"group.interval", g.Interval, &out.Interval}, {"group.repeat_interval", g.RepeatInterval, &out.RepeatInterval},
	} {
		if f.text == "" {
			continue
		}
		d, err := duration(f.name, f.text)
		if err != nil {
			return nil, err
		}
		*f.to = peal.Duration(d)
	}
	return out, nil
}

func showDigest(d *peal.Digest) *Digest {
	if d == nil {
		return nil
	}
	return &Digest{d.Schedule, d.TimeZone, d.IncludeCritical}
}

func (d *Digest) domain() *peal.Digest {
	if d == nil {
		return nil
	}
	return &peal.Digest{Schedule: d.Schedule, TimeZone: d.TimeZone, IncludeCritical: d.IncludeCritical}
}
