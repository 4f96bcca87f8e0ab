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
