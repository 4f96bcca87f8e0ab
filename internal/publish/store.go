package publish

import (
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Store makes accepted events durable.
type Store interface {
	// Submit queues a commit and returns at once. It fails with
	// peal.CodeTooManyRequests when the queue is full and with
	// peal.CodeUnavailable when the database is away; then Done is not called.
	// Otherwise Done is called exactly once, in commit order, from the goroutine
	// that commits, so it must not block.
	Submit(c *Commit) error
}

// Commit is one request to accept events: all of it happens, or none. The store
// fills in what only the transaction can know before it calls Done(nil).
type Commit struct {
	Org string
	Now time.Time
	// ConfigVersion is the configuration that the events were matched against. If
	// the store's differs, nothing is written and Done gets ErrStale.
	ConfigVersion int64
	// Key makes the request idempotent; nil without one.
	Key    *IdempotencyKey
	Events []*NewEvent
	// RaisedSeq is the raised row that this commit consumes, zero for none. If the
	// row is gone already, nothing is written and Done gets ErrRaisedGone.
	RaisedSeq int64

	// Done is told the outcome: nil (committed, or answered from an earlier commit:
	// see Duplicate), ErrStale, or a *peal.Error (CodeUnprocessable where the key or
	// a client's id was used with another body).
	Done func(error)

	// Duplicate is set when Key was used before with the same body: nothing was
	// written and every event carries the first answer.
	Duplicate bool
}

// IdempotencyKey is a client's key within its org, with the hash of the request
// that it was first used with.
type IdempotencyKey struct {
	Key     string
	Hash    [32]byte
	Expires time.Time
}

// NewEvent is an event to commit with its deliveries.
type NewEvent struct {
	Event *peal.Event
	// Hash is over the event as it was sent; a repeated client id must repeat it.
	Hash       [32]byte
	Deliveries []*NewDelivery
	// Refused is why the event may not be accepted now. It ends the commit unless the
	// event is a repeat of one that was accepted before.
	Refused error

	// AnswerID and AnswerDeliveries are what the caller is told: the event's public
	// id and how many deliveries it has, suppressed ones not counted. The store sets
	// them, from the first commit where this one is a duplicate.
	AnswerID         string
	AnswerDeliveries int
	// Duplicate is set when the client's id was accepted before.
	Duplicate bool
}

// NewDelivery is a delivery to commit.
type NewDelivery struct {
	ID       peal.DeliveryID
	Endpoint peal.EndpointID
	// Status is Pending, or a finished state (with a Reason), which goes straight to
	// the finished deliveries. The store turns Pending into Suppressed where the dedup
	// window says so.
	Status peal.Status
	Reason string
	// Owned rows belong to this node's session from the start; the others wait to
	// be claimed.
	Owned bool
	// Ordered deliveries get the endpoint's next sequence number.
	Ordered bool
	// Size is what the job will take in memory, for claims by bytes.
	Size int
	// DedupKey names the window (with org and type) in which only the first event is
	// delivered; empty without one. Events within one commit count too.
	DedupKey    string
	DedupWindow time.Duration
	// DedupName is what there is only one of in the window; empty is the event's type.
	// DedupReason is why the others are suppressed; empty is "dedup".
	DedupName, DedupReason string
	// Group collects the delivery with others; nil where it goes by itself. It is then
	// never owned from the start, and DueAt is when the store found its message to be due.
	Group *Group
	DueAt time.Time
	// Attempt is set for a delivery that is finished already, as a test by hand is;
	// Status then says how it ended.
	Attempt *peal.Attempt
}

// Group names the group that a delivery goes with, and says when its messages are due.
type Group struct {
	ID peal.GroupID
	// Labels are what the group's events have in common, as a JSON object.
	Labels string
	// Opens is when the first message of a group at rest is due, Interval the time from
	// one message to the next.
	Opens    time.Time
	Interval time.Duration
}
