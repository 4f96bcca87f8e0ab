package api

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

const (
	// maxIntake bounds the bytes of all bodies of events that are held at once.
	maxIntake = 64 << 20
	// firstRead is the most room that a body gets before any of it arrived.
	firstRead = 4 << 10
)

// intake counts what the bodies of events take while they are read and published.
type intake struct{ held atomic.Int64 }

// intakeBody is a body that grows as it arrives.
type intakeBody struct {
	*intake
	raw []byte
}

// release gives back what the body takes.
func (b *intakeBody) release() {
	b.held.Add(-int64(cap(b.raw)))
	b.raw = nil
}

// read reads all of src, of which size bytes were announced, -1 if none were.
func (b *intakeBody) read(src io.Reader, size int64) error {
	// The read that finds the end needs room as well.
	whole := max(size, 0) + bytes.MinRead
	if err := b.grow(min(whole, firstRead)); err != nil {
		return err
	}
	for {
		n, err := src.Read(b.raw[len(b.raw):cap(b.raw)])
		b.raw = b.raw[:len(b.raw)+n]
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if full := int64(cap(b.raw)); len(b.raw) == cap(b.raw) {
			next := 2 * full
			if whole > full {
				next = min(next, whole)
			}
			if err := b.grow(next); err != nil {
				return err
			}
		}
	}
}

// grow makes room for so many bytes in all, unless that is more than there is.
func (b *intakeBody) grow(room int64) error {
	more := room - int64(cap(b.raw))
	if b.held.Add(more) > maxIntake {
		b.held.Add(-more)
		return &peal.Error{
			Code: peal.CodeTooManyRequests, Message: "the server is taking in as many events as it can hold; try again",
			RetryAfter: time.Second,
		}
	}
	grown := make([]byte, len(b.raw), room)
	copy(grown, b.raw)
	b.raw = grown
	return nil
}
