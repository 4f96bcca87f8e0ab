package api

import (
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/peal-dev/peal/internal/peal"
)

// watched is a body that looks at what is held each time that more of it is asked for.
type watched struct {
	io.Reader
	look func(room int)
}

func (w watched) Read(p []byte) (int, error) {
	w.look(len(p))
	return w.Reader.Read(p)
}

// However large a body is announced to be, only what arrives takes memory.
func TestRoomComesWithTheBytes(t *testing.T) {
	s := newServer(t)
	s.MaxEventBytes = 1 << 20
	arrived, first := 0, true
	body := `{"type":"a","data":{` + strings.Repeat(" ", 1<<20) + `}}`
	src := watched{iotest.OneByteReader(strings.NewReader(body)), func(int) {
		if held := int(s.intake.held.Load()); held > max(firstRead, 2*arrived+4096) {
			t.Fatalf("%d bytes are held for %d that arrived", held, arrived)
		}
		if !first {
			arrived++
		}
		first = false
	}}
	r := httptest.NewRequest("POST", "/v1/events", src)
	r.ContentLength = int64(len(body))
	r.Header.Set("Authorization", "Bearer "+adminKey)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 202 || s.intake.held.Load() != 0 {
		t.Errorf("%d %s, %d bytes are still held", w.Code, w.Body, s.intake.held.Load())
	}
}

// What the server cannot hold waits with its sender.
func TestIntakeIsBounded(t *testing.T) {
	s := newServer(t)
	const event = `{"type":"a","data":{}}`
	s.intake.held.Add(maxIntake)
	r := s.call(adminKey, "POST", "/v1/events", event)
	r.problem(429, peal.CodeTooManyRequests)
	if r.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After: %q", r.Header.Get("Retry-After"))
	}
	s.intake.held.Add(-1 << 10) // room for the start of a body, not for its growth
	r = s.call(adminKey, "POST", "/v1/events", `{"type":"a","data":{`+strings.Repeat(" ", 5000)+`}}`)
	r.problem(429, peal.CodeTooManyRequests)
	s.call(adminKey, "POST", "/v1/events", event).want(202)
	if held := s.intake.held.Load(); held != maxIntake-1<<10 {
		t.Errorf("%d bytes were not given back", held-maxIntake+1<<10)
	}
}

// Bodies are read whole, however they arrive and whatever was announced.
func TestReadBodies(t *testing.T) {
	for _, n := range []int{0, 1, 511, 512, 513, 64 << 10, 64<<10 + 1, 300_000} {
		text := strings.Repeat("x", n)
		for _, size := range []int64{-1, 0, 10, int64(n)} {
			var i intake
			b := intakeBody{intake: &i}
			if err := b.read(iotest.HalfReader(strings.NewReader(text)), size); err != nil || string(b.raw) != text {
				t.Errorf("%d bytes, %d announced: %d read, %v", n, size, len(b.raw), err)
			}
			if i.held.Load() != int64(cap(b.raw)) {
				t.Errorf("%d counted, %d held", i.held.Load(), cap(b.raw))
			}
			if b.release(); i.held.Load() != 0 {
				t.Errorf("%d bytes are still held", i.held.Load())
			}
		}
	}
	var i intake
	b := intakeBody{intake: &i}
	broken := errors.New("broken")
	if err := b.read(iotest.ErrReader(broken), -1); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
