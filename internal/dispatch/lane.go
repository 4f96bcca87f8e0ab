package dispatch

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/peal-dev/peal/internal/peal"
)

// What a lane may own: about two seconds of its measured rate within these bounds.
const (
	minOwned      = 512
	maxOwnedBytes = 8 << 20
	suspectOwned  = 64
	// assuredOwned rows are allowed whatever the budget of all lanes says, so that
	// a full one cannot stop a healthy lane.
	assuredOwned = 1
	claimBatch   = 512
	rateWindow   = 250 * time.Millisecond
)

// lane is the queue of one endpoint on this node. The dispatcher's mutex guards it.
type lane struct {
	id peal.EndpointID
	boundLane
	org string
	// ep is the endpoint as of the last change; nil once it is gone.
	ep *peal.Endpoint

	// queue holds jobs that wait for a slot, in the order of sending.
	queue []*Job
	// held are all jobs of this lane in memory: waiting, in flight, or sent and not
	// yet recorded, with the session that claimed them. owned and bytes count them and the
	// places reserved beside them, recording the outcomes on their way to the store.
	held      map[peal.DeliveryID]int64
	owned     int
	bytes     int
	inFlight  int
	recording int

	// backlog says that due rows may wait in the store, nextDue when the next of the
	// others is due. arrivals counts announcements, so that a claim that began
	// before one does not hide it.
	backlog  bool
	nextDue  time.Time
	arrivals uint64
	// chore says that the lane is queued for, or in the hands of, a claimer; after the store
	// failed it, it rests until a time.
	chore bool
	rest  time.Time

	closedUntil time.Time
	circuit     circuit
	bucket      *rate.Limiter

	rate        float64 // finished attempts a second
	windowStart time.Time
	windowCount int

	lastFailCheck time.Time
	lastUsed      time.Time

	timer   *time.Timer
	timerAt time.Time

	// The lane's place in a fairQueue.
	enlisted *orgLanes
	index    int
	served   uint64
}

func (l *lane) active() bool { return l.ep != nil && l.ep.Status == peal.Active }

func (l *lane) ordered() bool { return l.ep != nil && l.ep.Ordered }

// concurrency is how many attempts the endpoint allows at once.
func (l *lane) concurrency(most int) int {
	if l.ep == nil || l.ep.Ordered {
		return 1
	}
	if l.ep.MaxInFlight > 0 {
		return l.ep.MaxInFlight
	}
	return most
}

// opens is when the next job may start: once the receiver wants to be called again
// and, where order counts, the head is due.
func (l *lane) opens() time.Time {
	if l.ordered() && len(l.queue) > 0 && l.queue[0].DueAt.After(l.closedUntil) {
		return l.queue[0].DueAt
	}
	return l.closedUntil
}

// room is how many more rows the lane may own.
func (l *lane) room() int {
	if l.bytes >= maxOwnedBytes {
		return 0
	}
	most := max(minOwned, int(2*l.rate))
	if l.circuit.suspect() {
		most = suspectOwned
	}
	return most - l.owned
}

func (l *lane) push(j *Job) {
	l.queue = append(l.queue, j)
	l.held[j.ID] = j.Session
}

func (l *lane) pop() *Job {
	j := l.queue[0]
	l.queue[0] = nil
	if l.queue = l.queue[1:]; len(l.queue) == 0 {
		l.queue = nil
	}
	return j
}

// setEndpoint takes over a changed endpoint.
func (l *lane) setEndpoint(ep *peal.Endpoint) {
	if ep != nil {
		l.org = ep.Org
	}
	if ep == nil || ep.RateLimit == 0 {
		l.bucket = nil
	} else if l.bucket == nil || l.bucket.Limit() != rate.Limit(ep.RateLimit) {
		l.bucket = newBucket(ep.RateLimit)
	}
	l.ep = ep
}

// newBucket allows a burst of a tenth of a second's attempts.
func newBucket(perSecond float64) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/10)))
}

// token takes one from the bucket, or tells how long to wait for it.
func (l *lane) token(now time.Time) time.Duration {
	if l.bucket == nil {
		return 0
	}
	r := l.bucket.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// measure counts a finished attempt into the lane's rate.
func (l *lane) measure(now time.Time) {
	l.lastUsed = now
	l.windowCount++
	if passed := now.Sub(l.windowStart); passed >= rateWindow {
		// A window that spans idle time says little about the rate.
		if passed < 4*rateWindow {
			l.rate = (l.rate + float64(l.windowCount)/passed.Seconds()) / 2
		}
		l.windowStart, l.windowCount = now, 0
	}
}

// idle lanes hold nothing that the store does not know, and can be forgotten.
func (l *lane) idle(now time.Time) bool {
	return l.owned == 0 && l.inFlight == 0 && l.owner == 0 && !l.chore && !l.backlog && l.nextDue.IsZero() &&
		!l.circuit.suspect() && (l.bucket == nil || l.shared) && !now.Before(l.closedUntil) && now.Sub(l.lastUsed) > time.Minute
}
