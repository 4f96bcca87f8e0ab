package peal

import (
	"slices"
	"time"
)

// Silence holds back what it matches for some time: those deliveries are suppressed.
type Silence struct {
	ID    SilenceID `json:"id"`
	Org   string    `json:"org"`
	Match Match     `json:"match"`
	// Endpoints are those that it holds for; none means all of the org.
	Endpoints []EndpointID `json:"endpoints,omitempty"`
	// From is inclusive, Until exclusive.
	From    time.Time `json:"from"`
	Until   time.Time `json:"until"`
	Comment string    `json:"comment,omitempty"`
	// CreatedBy is who asked for it, as the audit trail names people.
	CreatedBy string    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// SilenceStatus tells where a silence stands at a time.
type SilenceStatus string

// The statuses of a silence, in their order.
const (
	SilencePending SilenceStatus = "pending"
	SilenceActive  SilenceStatus = "active"
	SilenceEnded   SilenceStatus = "ended"
)

// Status is where the silence stands.
func (s *Silence) Status(now time.Time) SilenceStatus {
	switch {
	case now.Before(s.From):
		return SilencePending
	case now.Before(s.Until):
		return SilenceActive
	}
	return SilenceEnded
}

// Covers tells whether the silence is about an endpoint.
func (s *Silence) Covers(id EndpointID) bool {
	return len(s.Endpoints) == 0 || slices.Contains(s.Endpoints, id)
}

// MuteHours are the hours of the week in which an endpoint is sent nothing. What comes
// then is suppressed.
type MuteHours struct {
	Windows []MuteWindow `json:"windows"`
	// TimeZone is an IANA name; empty is UTC.
	TimeZone string `json:"time_zone,omitempty"`
	// IncludeCritical mutes critical events too.
	IncludeCritical bool `json:"include_critical,omitempty"`
}

// MuteWindow is a span of wall-clock time on some days. One whose end is not after its
// start lasts into the next day.
type MuteWindow struct {
	// Days are mon to sun, on which the window starts; none means every day.
	Days  []string `json:"days,omitempty"`
	From  string   `json:"from"`  // 22:00
	Until string   `json:"until"` // 07:00; 24:00 is the day's end
}

// Why a delivery is suppressed or dropped: the first word of its reason. Where another
// object is the cause, its id follows.
const (
	ReasonSilence   = "silence"
	ReasonMuteHours = "mute_hours"
)
