package dispatch

import "container/heap"

// fairQueue holds the lanes that could start an attempt now. It gives the next
// slot to the org, then to the lane, with the fewest attempts in flight; among
// equals, to the one served longest ago.
type fairQueue struct {
	orgs     map[string]*orgLanes
	ready    orgHeap
	inFlight int
	clock    uint64 // counts picks, to order equals
}

// orgLanes are the ready lanes of one org.
type orgLanes struct {
	queue    *fairQueue
	id       string
	lanes    laneHeap
	inFlight int
	served   uint64
	index    int // in fairQueue.ready, -1 outside
}

func newFairQueue() *fairQueue { return &fairQueue{orgs: map[string]*orgLanes{}} }

// put enlists a lane, or moves it to its place where it is enlisted already.
func (q *fairQueue) put(l *lane) {
	if l.enlisted != nil {
		heap.Fix(&l.enlisted.lanes, l.index)
		return
	}
	o := q.org(l.org)
	heap.Push(&o.lanes, l)
	l.enlisted = o
	if o.index < 0 {
		heap.Push(&q.ready, o)
	}
}

func (q *fairQueue) org(id string) *orgLanes {
	o := q.orgs[id]
	if o == nil {
		o = &orgLanes{queue: q, id: id, index: -1}
		q.orgs[id] = o
	}
	return o
}

// remove takes a lane out; it need not be enlisted, but not in another queue.
func (q *fairQueue) remove(l *lane) {
	o := l.enlisted
	if o == nil {
		return
	}
	heap.Remove(&o.lanes, l.index)
	l.enlisted = nil
	if len(o.lanes) == 0 {
		heap.Remove(&q.ready, o.index)
		q.forget(o)
	}
}

// next is the lane whose turn it is, nil without one.
func (q *fairQueue) next() *lane {
	if len(q.ready) == 0 {
		return nil
	}
	return q.ready[0].lanes[0]
}

// started counts an attempt of the lane in, which must be enlisted here. What is
// returned is told when the attempt has finished.
func (q *fairQueue) started(l *lane) *orgLanes {
	o := l.enlisted
	q.clock++
	q.inFlight++
	o.inFlight++
	o.served, l.served = q.clock, q.clock
	heap.Fix(&q.ready, o.index)
	return o
}

// finished counts an attempt out of the queue that it was started from.
func (o *orgLanes) finished() {
	q := o.queue
	q.inFlight--
	o.inFlight--
	if o.index >= 0 {
		heap.Fix(&q.ready, o.index)
	}
	q.forget(o)
}

func (q *fairQueue) forget(o *orgLanes) {
	if o.inFlight == 0 && len(o.lanes) == 0 {
		delete(q.orgs, o.id)
	}
}

type orgHeap []*orgLanes

func (h orgHeap) Len() int { return len(h) }
func (h orgHeap) Less(i, j int) bool {
	if h[i].inFlight != h[j].inFlight {
		return h[i].inFlight < h[j].inFlight
	}
	return h[i].served < h[j].served
}
func (h orgHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i]; h[i].index, h[j].index = i, j }
func (h *orgHeap) Push(x any)   { o := x.(*orgLanes); o.index = len(*h); *h = append(*h, o) }
func (h *orgHeap) Pop() any {
	old := *h
	o := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	o.index = -1
	return o
}

type laneHeap []*lane

func (h laneHeap) Len() int { return len(h) }
func (h laneHeap) Less(i, j int) bool {
	if h[i].inFlight != h[j].inFlight {
		return h[i].inFlight < h[j].inFlight
	}
	return h[i].served < h[j].served
}
func (h laneHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i]; h[i].index, h[j].index = i, j }
func (h *laneHeap) Push(x any)   { l := x.(*lane); l.index = len(*h); *h = append(*h, l) }
func (h *laneHeap) Pop() any {
	old := *h
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return l
}
