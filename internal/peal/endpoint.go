package peal

import (
	"encoding/json"
	"strings"
	"time"
)

// EndpointStatus tells whether an endpoint is being sent to.
type EndpointStatus string

// The statuses of an endpoint. Paused and disabled ones keep collecting.
const (
	Active   EndpointStatus = "active"
	Paused   EndpointStatus = "paused"
	Disabled EndpointStatus = "disabled"
)

// Endpoint is where an org wants events. It is shared by reading goroutines and
// replaced whole when it changes.
type Endpoint struct {
	ID      EndpointID `json:"id"`
	Org     string     `json:"org"`
	Name    string     `json:"name,omitempty"`
	Kind    string     `json:"kind"` // the channel: webhook, slack, …
	Profile string     `json:"profile"`
	URL     string     `json:"url,omitempty"`
	// Events are the patterns of the subscription; none means "*".
	Events []Pattern `json:"events,omitempty"`
	// Filter is a CEL expression over event; empty takes all.
	Filter string `json:"filter,omitempty"`
	// RateLimit is attempts a second, MaxInFlight attempts at once; zero is unset.
	RateLimit   float64        `json:"rate_limit,omitempty"`
	MaxInFlight int            `json:"max_in_flight,omitempty"`
	Ordered     bool           `json:"ordered,omitempty"`
	Retry       *RetryOverride `json:"retry,omitempty"`
	// MuteHours are when nothing is sent; nil is never.
	MuteHours *MuteHours `json:"mute_hours,omitempty"`
	// Grouping and Digest collect events into messages, one way or the other; nil sends
	// each by itself.
	Grouping *Grouping `json:"group,omitempty"`
	Digest   *Digest   `json:"digest,omitempty"`

	Status       EndpointStatus `json:"status"`
	StatusReason string         `json:"status_reason,omitempty"`
	// ActiveSince is when the status last became active; what failed before then counts
	// no more.
	ActiveSince time.Time `json:"active_since"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`

	// Private is sealed at rest and never shown.
	Private Private `json:"-"`
}

// Private is what only Peal may read of an endpoint.
type Private struct {
	// Secrets sign; the newest is first. A profile with room for one signature
	// uses the first, the others stay valid until they expire.
	Secrets []SigningSecret   `json:"secrets,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	// Config is what the channel needs beyond a URL (tokens, recipients).
	Config json.RawMessage `json:"config,omitempty"`
}

// SigningSecret is one secret of an endpoint. ExpiresAt is zero for the current one.
type SigningSecret struct {
	Value     string    `json:"value"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// LiveSecrets are the values to sign with at a time, the current one first.
func (e *Endpoint) LiveSecrets(now time.Time) []string {
	out := make([]string, 0, len(e.Private.Secrets))
	for _, s := range e.Private.Secrets {
		if s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt) {
			out = append(out, s.Value)
		}
	}
	return out
}

// RetryOverride replaces parts of the profile's policy for one endpoint. A nil
// schedule keeps the profile's; an empty one never retries.
type RetryOverride struct {
	Schedule []Duration `json:"schedule,omitzero"`
	Timeout  Duration   `json:"timeout,omitzero"`
}

// Duration is a time.Duration that is written as Go writes it: "1s", "5m".
type Duration time.Duration

// String is the shortest spelling: 5m, not 5m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return Invalid("", "%q is not a duration such as 30s or 5m", Clip(string(b), clipLen))
	}
	*d = Duration(v)
	return nil
}
