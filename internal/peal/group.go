package peal

import "time"

// Grouping collects the events of an endpoint into messages: those that agree in By
// become one.
type Grouping struct {
	// By names what the events of a message have in common: type, severity, source,
	// subject, or data.PATH. Without any, all of them are one group.
	By []string `json:"by,omitempty"`
	// Wait is how long the first event of a group waits for others.
	Wait Duration `json:"wait"`
	// Interval is the time between a group's messages. One that had no event for as long
	// is at rest, and its next event waits for Wait again.
	Interval Duration `json:"interval"`
	// RepeatInterval suppresses events that repeat one of the group; zero repeats all.
	RepeatInterval Duration `json:"repeat_interval,omitzero"`
	// IncludeCritical collects critical events too, which are sent at once otherwise.
	IncludeCritical bool `json:"include_critical,omitempty"`
}

// Digest collects all events of an endpoint until a schedule says that they are sent.
type Digest struct {
	// Schedule is a cron expression of five fields, TimeZone an IANA name; empty is UTC.
	Schedule        string `json:"schedule"`
	TimeZone        string `json:"time_zone,omitempty"`
	IncludeCritical bool   `json:"include_critical,omitempty"`
}

// The defaults of a Grouping, Alertmanager's.
const (
	DefaultGroupWait     = Duration(30 * time.Second)
	DefaultGroupInterval = Duration(5 * time.Minute)
)

// Limits of a Grouping.
const (
	MaxGroupBy   = 10
	MaxGroupTime = 7 * 24 * time.Hour
)

// Group is one group of an endpoint, as it is listed.
type Group struct {
	ID       GroupID
	Org      string
	Endpoint EndpointID
	// Labels are what its events have in common, by name.
	Labels map[string]string
	// OpenedAt is when it last came out of rest.
	OpenedAt time.Time
	// NextMessageAt is when its next message is due, zero where none is; LastMessageAt is
	// when the last was taken to be sent, zero for never.
	NextMessageAt, LastMessageAt time.Time
	// Events are those of the message due at NextMessageAt or, where none is, of the last.
	Events int
	// Total are all of its events, suppressed repeats not counted.
	Total int
}

// ReasonRepeat is the first word of the reason of a suppressed repeat; its group follows.
const ReasonRepeat = "repeat"
