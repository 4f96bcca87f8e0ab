package bench

import (
	"slices"
	"sync"
	"time"
)

// maxEvents bounds a phase, and with it the sink's memory.
const maxEvents = 4 << 20

// tally counts arrivals by event and endpoint.
type tally struct {
	copies int

	mu       sync.Mutex
	seen     []uint64 // a bit per event and endpoint
	latency  []int32  // microseconds, of first arrivals
	repeated int
	stray    int // not of this phase, or unreadable
	checked  int // signatures that were verified
	bad      int // and did not hold
	last     time.Time
}

// Progress is how far a phase has come.
type Progress struct {
	Arrived int `json:"arrived"`
}

// Count is what the sink saw in a phase.
type Count struct {
	Arrived  int `json:"arrived"` // once for each event and endpoint
	Repeated int `json:"repeated"`
	Stray    int `json:"stray"`
	Checked  int `json:"signatures_checked"`
	Bad      int `json:"signatures_bad"`
	// Last is when the last first arrival came.
	Last time.Time `json:"last"`
	// The time from publishing to the first arrival.
	P50  time.Duration `json:"p50"`
	P99  time.Duration `json:"p99"`
	P999 time.Duration `json:"p999"`
}

// add counts one arrival at an endpoint.
func (t *tally) add(body []byte, endpoint int, now time.Time) {
	seq, sent, ok := readStamp(body)
	bit := (seq-firstSeq)*int64(t.copies) + int64(endpoint)
	ok = ok && seq >= firstSeq && seq < firstSeq+maxEvents && endpoint < t.copies

	t.mu.Lock()
	defer t.mu.Unlock()
	if !ok {
		t.stray++
		return
	}
	word, mask := int(bit/64), uint64(1)<<(bit%64)
	if word >= len(t.seen) {
		t.seen = append(t.seen, make([]uint64, word+1-len(t.seen))...)
	}
	if t.seen[word]&mask != 0 {
		t.repeated++
		return
	}
	t.seen[word] |= mask
	t.latency = append(t.latency, int32(min(max(0, now.UnixNano()-sent)/1000, 1<<31-1)))
	t.last = now
}

// verdict counts one verified signature.
func (t *tally) verdict(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.checked++
	if err != nil {
		t.bad++
	}
}

func (t *tally) progress() Progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Progress{Arrived: len(t.latency)}
}

func (t *tally) count() Count {
	t.mu.Lock()
	defer t.mu.Unlock()
	sorted := slices.Sorted(slices.Values(t.latency))
	at := func(p float64) time.Duration { return time.Duration(percentile(sorted, p)) * time.Microsecond }
	return Count{
		Arrived: len(t.latency), Repeated: t.repeated, Stray: t.stray,
		Checked: t.checked, Bad: t.bad, Last: t.last,
		P50: at(50), P99: at(99), P999: at(99.9),
	}
}
