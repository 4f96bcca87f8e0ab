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
