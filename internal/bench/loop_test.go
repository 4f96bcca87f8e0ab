package bench

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestBareLoopReachesTheSink runs the loop against the sink in this process: every
// request must arrive once, with a signature that holds.
func TestBareLoopReachesTheSink(t *testing.T) {
	server := httptest.NewServer(newSink())
	defer server.Close()
	key := []byte(strings.Repeat("k", 32))
	r := &run{sink: &process{address: server.Listener.Addr().String()}}
	p := Phase{Profile: "standard", Secrets: []string{"whsec_" + base64.StdEncoding.EncodeToString(key)}, VerifyEvery: 1}
	if err := r.control(t.Context(), http.MethodPut, "/phase", p, nil); err != nil {
		t.Fatal(err)
	}
	b := bare{target: server.URL + "/in/0", key: key, payload: 256, workers: 4, duration: 50 * time.Millisecond}
	sent, _, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	count, err := r.drain(t.Context(), int(sent))
	if err != nil {
		t.Fatal(err)
	}
	if sent == 0 || count.Arrived != int(sent) || count.Checked != int(sent) || count.Bad != 0 || count.Repeated != 0 || count.Stray != 0 {
		t.Errorf("sent %d, the sink saw %+v", sent, count)
	}
}

// TestLoadPublishesEachEventOnce stands in for the server: it refuses every fifth
// call, and what it accepts must be each event, once.
func TestLoadPublishesEachEventOnce(t *testing.T) {
	var calls atomic.Int64
	var mu sync.Mutex
	seen := map[int64]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer k" || r.Header.Get("X-Org-ID") != "o" || r.URL.Path != "/v1/events" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var events []json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&events); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if calls.Add(1)%5 == 0 {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, e := range events {
			seq, _, _ := readStamp(e)
			seen[seq]++
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	l := load{
		addr: server.Listener.Addr().String(), key: "k", org: "o", payload: 200, batch: 3, workers: 3,
		duration: 50 * time.Millisecond, rate: 2000,
	}
	done, err := l.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if done.events == 0 || int(done.events) != len(seen) || done.refused == 0 || done.refused != calls.Load()/5 {
		t.Errorf("published %d events, refused %d of %d calls, the server has %d", done.events, done.refused, calls.Load(), len(seen))
	}
	for i := range done.events {
		if seen[firstSeq+i] != 1 {
			t.Fatalf("event %d was accepted %d times", i, seen[firstSeq+i])
		}
	}

	l.key = "wrong"
	if _, err := l.run(t.Context()); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("a refused key: %v", err)
	}
}

func TestSinkEndsWithItsInput(t *testing.T) {
	var out strings.Builder
	if err := RunSink(t.Context(), strings.NewReader(""), &out); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "127.0.0.1:") {
		t.Errorf("printed %q", out.String())
	}
}
