package workflow_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

func TestCancelCutsOff(t *testing.T) {
	w := newWorld(t)
	called, cut := make(chan struct{}), make(chan struct{})
	w.answer = func(_ http.ResponseWriter, r *http.Request, _ int) {
		close(called)
		<-r.Context().Done()
		close(cut)
	}
	id := w.start(`
  - {id: hang, uses: http, timeout: 1m, with: {url: "URL/hang"}}
`)
	<-called
	w.check(w.engine.Cancel(t.Context(), "acme", id))
	<-cut
	w.want(w.until(id, peal.ExecutionCancelled), "cancelled: hang=cancelled/0")
	if err := w.engine.Cancel(t.Context(), "rival", id); peal.CodeOf(err) != peal.CodeNotFound {
		t.Errorf("another org cancels: %v", err)
	}
}

// What is cancelled while it waits for a slot does not begin.
func TestCancelBeforeTheFirstStep(t *testing.T) {
	w := newWorld(t)
	held := make(chan struct{})
	w.answer = func(http.ResponseWriter, *http.Request, int) { <-held }
	var busy []peal.ExecutionID
	for range 4 { // as many as one org may run
		busy = append(busy, w.start(`
  - {id: call, uses: http, with: {url: URL}}
`))
	}
	id := w.start(`
  - {id: tell, uses: publish, with: {type: too.late}}
`)
	err := w.engine.Cancel(t.Context(), "acme", id)
	close(held)
	w.check(err)
	for _, id := range busy {
		w.until(id, peal.ExecutionSucceeded)
	}
	last := w.start(`
  - {id: tell, uses: publish, with: {type: in.time}}
`)
	w.until(last, peal.ExecutionSucceeded)
	w.idle()
	w.want(w.until(id, peal.ExecutionCancelled), "cancelled:")
	if len(w.events) != 1 || w.events[0].Type != "in.time" {
		t.Errorf("published %+v", w.events)
	}
}

// idle waits until the engine holds nothing, and has counted so.
func (w *world) idle() {
	w.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		held, queued, bytes := w.engine.Books()
		if held == 0 && queued == 0 && bytes == 0 {
			return
		}
		if time.Now().After(deadline) {
			w.Fatalf("%d are held, %d in queues, %d bytes", held, queued, bytes)
		}
	}
}

// What is to run again begins once the run that was cancelled has ended.
func TestRerunWhileTheCancelledRunEnds(t *testing.T) {
	w := newWorld(t)
	began, goOn := make(chan int, 4), make(chan struct{})
	var n, beside atomic.Int32
	w.publishing = func() {
		if beside.Add(1) > 1 {
			t.Error("two runs at once")
		}
		defer beside.Add(-1)
		i := int(n.Add(1))
		began <- i
		if i == 1 {
			<-goOn // as a step that does not look at its context
		}
	}
	id := w.start(`
  - {id: first, uses: publish, with: {type: x}}
  - {id: last, uses: transform, with: {jq: .id}}
`)
	<-began
	w.check(w.engine.Cancel(t.Context(), "acme", id))
	w.check(w.engine.Rerun(t.Context(), "acme", id))
	w.until(id, peal.ExecutionQueued)
	select {
	case <-began:
		t.Error("it began while the run before had not ended")
	case <-time.After(1200 * time.Millisecond): // the look that it asked for, and another
	}
	close(goOn)
	if i := <-began; i != 2 {
		t.Errorf("run %d", i)
	}
	w.want(w.until(id, peal.ExecutionSucceeded, peal.ExecutionFailed), "succeeded: first=succeeded/1 last=succeeded/1")
	w.idle()
	if n.Load() != 2 {
		t.Errorf("published %d times", n.Load())
	}
}

// What another node has cancelled while it waited for a slot here does not begin either.
func TestCancelElsewhereBeforeTheFirstStep(t *testing.T) {
	w := newWorld(t)
	arrived, release := make(chan struct{}, 4), make(chan struct{})
	w.answer = func(http.ResponseWriter, *http.Request, int) {
		arrived <- struct{}{}
		<-release
	}
	var busy []peal.ExecutionID
	for range 4 { // an org has half of the slots
		busy = append(busy, w.start(`
  - {id: call, uses: http, with: {url: URL/slow}}
`))
	}
	for range busy {
		<-arrived
	}
	const publishes = `
  - {id: tell, uses: publish, with: {type: x}}
`
	cancelled, other := w.start(publishes), w.start(publishes)
	w.check(w.flow.Cancel(t.Context(), "acme", cancelled, time.Now()))
	w.mu.Lock()
	w.lost, w.later = []peal.ExecutionID{cancelled}, time.Second
	w.mu.Unlock()
	close(release)
	for _, id := range append(busy, other) {
		w.until(id, peal.ExecutionSucceeded)
	}
	w.want(w.until(cancelled, peal.ExecutionCancelled), "cancelled:")
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if running, held := w.engine.Load(); running+held == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("executions are held that have ended")
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.events) != 1 {
		t.Errorf("%d events were published, want that of the other execution alone", len(w.events))
	}
}
