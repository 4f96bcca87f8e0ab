package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/peal-dev/peal/internal/receiver"
)

// Phase tells the sink what to expect next; it forgets what came before.
type Phase struct {
	Profile string `json:"profile"`
	// Secrets are the endpoints', in the order of their paths /in/0, /in/1, …
	Secrets []string `json:"secrets"`
	// VerifyEvery n-th signature is verified, from the first on.
	VerifyEvery int64 `json:"verify_every"`
}

// phase is one that is under way.
type phase struct {
	Phase
	arrivals atomic.Int64
	tally    *tally
}

// sink receives and counts. It does as little as it can for each request, since it
// shares the processors with what is measured.
type sink struct {
	current atomic.Pointer[phase]
	bodies  sync.Pool
}

// RunSink serves the sink on a free loopback port, writes its address as a line to
// out, and returns when in ends, so that it never outlives the process that holds
// the other end.
func RunSink(ctx context.Context, in io.Reader, out io.Writer) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: newSink(), ReadHeaderTimeout: time.Minute}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, in) // however it ends
	}()
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	fmt.Fprintln(out, l.Addr())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func newSink() http.Handler {
	s := &sink{bodies: sync.Pool{New: func() any { return new(bytes.Buffer) }}}
	s.current.Store(&phase{Phase: Phase{VerifyEvery: 1}, tally: &tally{}})
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /phase", s.start)
	mux.HandleFunc("GET /progress", func(w http.ResponseWriter, _ *http.Request) {
		tell(w, s.current.Load().tally.progress())
	})
	mux.HandleFunc("GET /count", func(w http.ResponseWriter, _ *http.Request) {
		tell(w, s.current.Load().tally.count())
	})
	mux.HandleFunc("POST /in/{endpoint}", s.receive)
	mux.HandleFunc("POST /hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	return mux
}

func tell(w http.ResponseWriter, v any) {
	_ = json.NewEncoder(w).Encode(v) // whoever asked may be gone
}

func (s *sink) start(w http.ResponseWriter, r *http.Request) {
	p := &phase{}
	if err := json.NewDecoder(r.Body).Decode(&p.Phase); err != nil || p.VerifyEvery < 1 {
		http.Error(w, "not a phase", http.StatusBadRequest)
		return
	}
	p.tally = &tally{copies: len(p.Secrets)}
	s.current.Store(p)
	w.WriteHeader(http.StatusNoContent)
}

func (s *sink) receive(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	b := s.bodies.Get().(*bytes.Buffer)
	defer s.bodies.Put(b)
	b.Reset()
	endpoint, err := strconv.Atoi(r.PathValue("endpoint"))
	if err == nil {
		_, err = b.ReadFrom(r.Body)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p := s.current.Load()
	p.tally.add(b.Bytes(), endpoint, now)
	if (p.arrivals.Add(1)-1)%p.VerifyEvery == 0 && endpoint < len(p.Secrets) {
		p.tally.verdict(receiver.Verify(p.Profile, p.Secrets[endpoint], r.Header, b.Bytes()))
	}
	w.WriteHeader(http.StatusNoContent)
}
