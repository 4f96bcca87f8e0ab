package store

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// parcel is an item of an owner.
type parcel struct {
	owner string
	bytes int
}

func (p parcel) Rows() int     { return 1 }
func (p parcel) Bytes() int    { return p.bytes }
func (p parcel) Owner() string { return p.owner }
func (p parcel) Settle(error)  {}

// newShelf is a lane of which nothing is taken unless a test does.
func newShelf(cfg LaneConfig) *Lane[parcel] {
	return addLane(&writer{wake: make(chan struct{}, 1)}, cfg, func(*Tx, []parcel) error { return nil })
}

func wantRefused(t *testing.T, err error) {
	t.Helper()
	var e *peal.Error
	if !errors.As(err, &e) || e.Code != peal.CodeTooManyRequests || e.RetryAfter <= 0 {
		t.Errorf("got %v, want to be told to come back", err)
	}
}

func wantAdded(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func TestNobodyQueuesBehindOneWhoWaitsForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShelf(LaneConfig{MaxItems: 10, MaxRows: 10, MaxBytes: 1000})
		wantAdded(t, l.Add(parcel{"a", 1}))
		time.Sleep(maxWait)
		wantAdded(t, l.Add(parcel{"a", 1}))
		time.Sleep(time.Nanosecond)
		wantRefused(t, l.Add(parcel{"a", 1}))
		wantAdded(t, l.Add(parcel{"b", 1}))
		wantRefused(t, l.Add(parcel{"b", 1}))
		l.take()
		wantAdded(t, l.Add(parcel{"a", 1}))
	})
}

func TestAnOwnerMayHoldAsMuchAsIsLeftFree(t *testing.T) {
	l := newShelf(LaneConfig{MaxItems: 10, MaxRows: 10, MaxBytes: 100})
	fill := func(owner string) (bytes int) {
		for l.Add(parcel{owner, 1}) == nil {
			bytes++
		}
		return bytes
	}
	for _, want := range []struct {
		owner string
		bytes int
	}{{"a", 50}, {"a", 0}, {"b", 25}, {"a", 0}, {"c", 13}, {"d", 6}} {
		if got := fill(want.owner); got != want.bytes {
			t.Errorf("%s got %d in, want %d", want.owner, got, want.bytes)
		}
	}
	// What is taken is free for all.
	for len(l.waiting) > 0 {
		l.take()
	}
	if got := fill("d"); got != 50 || len(l.held) != 1 {
		t.Errorf("the last got %d in, of %v", got, l.held)
	}
}

func TestAnEmptyLaneTakesAnything(t *testing.T) {
	l := newShelf(LaneConfig{MaxItems: 10, MaxRows: 10, MaxBytes: 100})
	wantAdded(t, l.Add(parcel{"a", 1000}))
	wantRefused(t, l.Add(parcel{"b", 1}))
	l.take()
	wantAdded(t, l.Add(parcel{"b", 1}))
	wantRefused(t, l.Add(parcel{"a", 1000}))
}

func TestNobodyQueuesBehindOneTransactionThatTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newShelf(LaneConfig{MaxItems: 10, MaxRows: 10})
		patient := addLane(l.w, LaneConfig{Patient: true}, func(*Tx, []parcel) error { return nil })
		l.w.writes, l.w.idle = &Lane[*closure]{w: l.w}, &Lane[*closure]{w: l.w}
		l.w.begins(time.Now())
		time.Sleep(stalledAfter)
		wantAdded(t, l.Add(parcel{"a", 1}))
		if l.w.stats().Away {
			t.Error("it is said to be away already")
		}
		time.Sleep(time.Nanosecond)
		if err := l.Add(parcel{"a", 1}); peal.CodeOf(err) != peal.CodeUnavailable {
			t.Errorf("got %v, want to be refused", err)
		}
		if !l.w.stats().Away {
			t.Error("it is not said to be away")
		}
		wantAdded(t, patient.Add(parcel{"a", 1}))
		time.Sleep(maxWait)
		l.w.refuseWaiting(errors.New("away"))
		if n, bytes := l.pending(); n != 0 || bytes != 0 {
			t.Errorf("%d with %d bytes wait on", n, bytes)
		}
		if n, _ := patient.pending(); n != 1 {
			t.Errorf("%d patient ones wait on", n)
		}
		l.w.begins(time.Time{})
		wantAdded(t, l.Add(parcel{"a", 1}))
	})
}
