package peal

import "time"

// Status is where a delivery stands; docs/delivery-states.md draws the machine.
type Status string

// The states of a delivery. Pending and Retrying are live, the others finished.
const (
	Pending    Status = "pending"
	Retrying   Status = "retrying"
	Succeeded  Status = "succeeded"
	Dead       Status = "dead"
	Dropped    Status = "dropped"
	Suppressed Status = "suppressed"
	Cancelled  Status = "cancelled"
)

// Statuses lists all states, in the order in which people read them.
var Statuses = []Status{Pending, Retrying, Succeeded, Dead, Dropped, Suppressed, Cancelled}

// Finished tells whether nothing more happens to the delivery by itself.
func (s Status) Finished() bool { return s != Pending && s != Retrying }

// Valid tells whether s is a state.
func (s Status) Valid() bool {
	for _, v := range Statuses {
		if s == v {
			return true
		}
	}
	return false
}

// Delivery is one event for one endpoint, as it is listed.
type Delivery struct {
	ID         DeliveryID
	Org        string
	EventID    EventID
	ClientID   string // the event's, where its publisher chose one
	EventType  string
	EndpointID EndpointID
	// Group is the one that it is collected with, zero where it goes by itself.
	Group  GroupID
	Status Status
	// Reason says why a delivery was suppressed, dropped or cancelled.
	Reason string
	// AttemptCount counts all attempts; RoundStart is how many of them came before
	// the last retry by hand, from which the schedule counts anew.
	AttemptCount   int
	RoundStart     int
	LastStatusCode int
	LastError      string
	// NextAttemptAt is zero unless the delivery is live.
	NextAttemptAt time.Time
	CreatedAt     time.Time
	FinishedAt    time.Time
	// Attempts are the last MaxAttempts, oldest first; lists leave them out.
	Attempts []Attempt
}

// RetryCount is how many attempts followed the first one.
func (d *Delivery) RetryCount() int { return max(0, d.AttemptCount-1) }

// MaxAttempts is how many attempts of a delivery are kept.
const MaxAttempts = 50

// MaxResponseBody is how much of a response is kept, in bytes.
const MaxResponseBody = 1024

// Attempt is one try of a delivery.
type Attempt struct {
	Number     int           `json:"number"` // from 1
	StartedAt  time.Time     `json:"started_at"`
	Duration   time.Duration `json:"duration"` // nanoseconds
	StatusCode int           `json:"status_code,omitempty"`
	Error      string        `json:"error,omitempty"`
	// Profile rendered the body; BodyHash is the start of its SHA-256, by which a
	// body that is rendered again is known to be the one that was sent.
	Profile        string            `json:"profile,omitempty"`
	BodyHash       []byte            `json:"body_hash,omitempty"`
	RequestHeaders map[string]string `json:"request_headers,omitempty"`
	ResponseBody   string            `json:"response_body,omitempty"`
	// Events is how many events one message was sent for, this delivery's among them; zero
	// for one.
	Events int `json:"events,omitempty"`
}
