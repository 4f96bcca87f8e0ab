package dispatch

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Store is the durable queue as the dispatcher needs it. Rows that a session owns
// are touched by that session alone.
type Store interface {
	// Record queues the outcome of an attempt and returns at once. Outcome.Done is
	// called exactly once when it is durable. Outcomes are never refused: each holds
	// a place in a lane, which bounds them.
	Record(o *Outcome)
	// Claim takes ownership of waiting deliveries of one endpoint.
	Claim(ctx context.Context, r ClaimRequest) (Claimed, error)
	// Backlog lists endpoints with waiting (unowned) deliveries in id order, after
	// the given one, with the earliest due time of each.
	Backlog(ctx context.Context, after peal.EndpointID, limit int) ([]Backlog, error)
	// Release gives up deliveries that this session owns, so that they can be
	// claimed at their due time; nil ids means all of the session's.
	Release(ctx context.Context, ids []peal.DeliveryID) error
	// Owned lists the deliveries that this session owns.
	Owned(ctx context.Context) ([]peal.DeliveryID, error)
}

// Lanes says whose the bound lanes are: those of endpoints that are ordered or limited,
// where several nodes share a database. A session takes one by a claim.
type Lanes interface {
	// Look lists the lanes that this session owns.
	Look(ctx context.Context) ([]OwnedLane, error)
	// Leave gives lanes up, of which the session must not own any delivery.
	Leave(ctx context.Context, ids []peal.EndpointID) error
	// Share counts the bound lanes that are owned, and the sessions that live.
	Share(ctx context.Context) (lanes, sessions int, err error)
}

// OwnedLane is a bound lane of this session.
type OwnedLane struct {
	Endpoint peal.EndpointID
	// FirstDue is the earliest due time of what waits unowned; zero where nothing does.
	FirstDue time.Time
	// Pokes grows when another node has changed what the session holds of the lane.
	Pokes int64
}

// ErrUnderWay says that a delivery cannot be retried before an attempt has ended.
var ErrUnderWay = peal.Errorf(peal.CodeConflict, "an attempt of the delivery is under way or about to begin; retry it once that has ended")

// Hand is what people do to deliveries.
type Hand interface {
	// Revive makes a finished delivery live again, waiting and due now, under its
	// id; a live one that waits becomes due now. RoundStart is set to AttemptCount.
	// ErrUnderWay where it is being sent, CodeConflict where its endpoint is not known any more.
	Revive(ctx context.Context, org string, id peal.DeliveryID, now time.Time, known func(peal.EndpointID) bool) (peal.EndpointID, error)
	// Cancel finishes a live delivery as Cancelled, whoever owns it; an attempt that
	// is under way then records nothing. CodeConflict where it is finished.
	Cancel(ctx context.Context, org string, id peal.DeliveryID, now time.Time) error
	// CancelEndpoint cancels up to limit live deliveries of an endpoint that is gone
	// and tells how many it did.
	CancelEndpoint(ctx context.Context, id peal.EndpointID, reason string, now time.Time, limit int) (int, error)
	// StartReplay stores a replay; StepReplay revives up to limit more of its finished
	// deliveries and advances it in one transaction, until Replay.Finished; those of
	// endpoints that are not known any more stay as they are.
	StartReplay(ctx context.Context, r *Replay) error
	StepReplay(ctx context.Context, id string, now time.Time, limit int, known func(peal.EndpointID) bool) (*Replay, error)
	// Replays lists the unfinished ones of all orgs.
	Replays(ctx context.Context) ([]*Replay, error)
}

// Job is a delivery that this node owns and holds in memory.
type Job struct {
	ID       peal.DeliveryID
	Endpoint peal.EndpointID
	Message  *Message
	// Session is the one that claimed it. Its outcome is fenced in any other.
	Session int64
	// AttemptCount and RoundStart are the delivery's before the next attempt.
	AttemptCount int
	RoundStart   int
	DueAt        time.Time
	// Size is what the lane's budget was charged.
	Size int
	// Group is the group that the delivery goes with, zero for none; With are the others
	// of it that one message is sent for, in the job that leads them.
	Group peal.GroupID
	With  []*Job
}

// ClaimRequest asks for waiting deliveries of one endpoint that are due.
type ClaimRequest struct {
	Endpoint peal.EndpointID
	Now      time.Time
	Limit    int // rows
	Bytes    int // sum of sizes; the first row is taken whatever its size
	// Ordered claims by sequence number instead of due time and takes the first row
	// also where it is not due yet: nothing may overtake it.
	Ordered bool
	// Bound claims only where this session owns the lane, or can take it. LaneSession is
	// the session that took it already, with LanePokes; zero takes it.
	Bound       bool
	LaneSession int64
	LanePokes   int64
	// Grouped claims what is due of a group as a whole, as far as it fits.
	Grouped bool
}

// Claimed is the answer to a ClaimRequest.
type Claimed struct {
	Jobs []*Job
	// Session is the one that claimed. Owner tells of a bound lane whether it is its own,
	// with its Pokes; where it is not, nothing is claimed.
	Session int64
	Owner   bool
	Pokes   int64
	// NextDue is the earliest due time among the endpoint's rows that still wait;
	// zero where none waits.
	NextDue time.Time
}

// Backlog is an endpoint with waiting deliveries.
type Backlog struct {
	Endpoint peal.EndpointID
	FirstDue time.Time
}

// Outcome is what became of an attempt (or, without one, of a job).
type Outcome struct {
	Job *Job
	Now time.Time
	// Attempt is nil where nothing was sent, as for a job that is dropped.
	Attempt *peal.Attempt
	// Status is a finished state, or Retrying, which keeps the delivery live.
	Status peal.Status
	Reason string
	// DueAt is when a Retrying delivery is due; it then waits unowned, unless Keep
	// leaves it owned, as an ordered lane's head.
	DueAt time.Time
	Keep  bool
	// Raised events are stored with the outcome.
	Raised []peal.Raised
	// Done gets nil, or ErrFenced where the session no longer owned the delivery (a
	// person cancelled it, or another node took it over): then nothing was written.
	Done func(error)
}

// Replay is a request to deliver again what a filter selects.
type Replay struct {
	ID        string
	Filter    peal.DeliveryFilter
	CreatedAt time.Time
	// Cursor is the store's place in the walk.
	Cursor string
	// Deliveries counts what was revived so far; Endpoints are those revived by the
	// last step.
	Deliveries int
	Endpoints  []peal.EndpointID
	Finished   bool
}
