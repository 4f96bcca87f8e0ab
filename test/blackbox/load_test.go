package blackbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load publishes to several nodes, whatever happens to them, and keeps what they
// answered.
type load struct {
	nodes []*atomic.Value // the URL of each
	stop  chan struct{}
	wg    sync.WaitGroup

	mu       sync.Mutex
	accepted map[string][]int // by type, the numbers of what was answered 202, in order
	answered map[int]string   // the number to the event's id
	last     int
	refused  int
	// odd are refusals that do not say when to try again, or by a status that is not
	// for it.
	odd []string
	// failed are requests that got no answer; slowest is the one that took longest.
	failed  int
	slowest time.Duration
}

// answerWithin is when a client of the load gives a request up.
const answerWithin = 20 * time.Second

func newLoad(nodes ...*server) *load {
	l := &load{stop: make(chan struct{}), accepted: map[string][]int{}, answered: map[int]string{}}
	for _, s := range nodes {
		url := &atomic.Value{}
		url.Store(s.URL)
		l.nodes = append(l.nodes, url)
	}
	return l
}

// Publish starts a client that publishes events of a type, one after the other, to the
// nodes in turn, until Stop. It waits for pause after each.
func (l *load) Publish(kind string, pause, patience time.Duration, nodes ...int) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{}}
	l.wg.Go(func() {
		defer client.CloseIdleConnections()
		for turn := 0; ; turn++ {
			select {
			case <-l.stop:
				return
			case <-time.After(pause):
			}
			l.publish(client, kind, l.nodes[nodes[turn%len(nodes)]].Load().(string))
		}
	})
}

func (l *load) publish(client *http.Client, kind, url string) {
	l.mu.Lock()
	l.last++
	n := l.last
	l.mu.Unlock()
	sent := time.Now()
	id, status, again, err := post(client, url, fmt.Sprintf(`{"type":%q,"data":{"n":%d}}`, kind, n))
	took := time.Since(sent)
	l.mu.Lock()
	l.slowest = max(l.slowest, took)
	switch {
	case err != nil:
		l.failed++
	case status != 202:
		if l.refused++; status != 503 && status != 429 || again == "" {
			l.odd = append(l.odd, fmt.Sprintf("status %d, Retry-After %q", status, again))
		}
	default:
		l.accepted[kind] = append(l.accepted[kind], n)
		l.answered[n] = id
	}
	l.mu.Unlock()
	if err != nil || status != 202 {
		time.Sleep(20 * time.Millisecond) // as a client does that means to try again
	}
}

func post(client *http.Client, url, body string) (id string, status int, again string, err error) {
	req, err := http.NewRequest("POST", url+"/v1/events", bytes.NewReader([]byte(body)))
	if err != nil {
		return "", 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+adminKey)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return "", 0, "", err
	}
	defer res.Body.Close()
	var o struct{ ID string }
	err = json.NewDecoder(res.Body).Decode(&o)
	return o.ID, res.StatusCode, res.Header.Get("Retry-After"), err
}

// Stop ends the clients.
func (l *load) Stop(t *testing.T) {
	t.Helper()
	close(l.stop)
	l.wg.Wait()
	if len(l.odd) > 0 {
		t.Errorf("%d refusals were not as promised: %s", len(l.odd), l.odd[0])
	}
	t.Logf("%d events accepted, %d refused, %d without an answer; the slowest answer took %s",
		len(l.answered), l.refused, l.failed, l.slowest.Round(time.Millisecond))
}

// first are the first arrivals by event number, in their order, and again those that
// came more than once.
func first(t *testing.T, r *receiver) (order []int, at map[int]time.Time, again map[int]int) {
	t.Helper()
	at, again = map[int]time.Time{}, map[int]int{}
	for _, a := range r.Got() {
		var o struct{ Data struct{ N int } }
		decode(t, a.Body, &o)
		n := o.Data.N
		if _, seen := at[n]; seen {
			again[n]++
			continue
		}
		at[n] = a.At
		order = append(order, n)
	}
	return order, at, again
}

// Arrived waits until all that was accepted of a type came to a receiver under the id
// that was answered.
func (l *load) Arrived(t *testing.T, kind string, r *receiver) {
	t.Helper()
	l.mu.Lock()
	want := slices.Clone(l.accepted[kind])
	l.mu.Unlock()
	if len(want) == 0 {
		t.Fatalf("nothing of type %s was accepted", kind)
	}
	eventually(t, func() error {
		got := arrivals(t, r)
		missing := 0
		for _, n := range want {
			ids := got[strconv.Itoa(n)]
			if len(ids) == 0 {
				missing++
			} else if _, same := ids[l.answered[n]]; !same || len(ids) > 1 {
				t.Errorf("event %d was accepted as %s and arrived as %v", n, l.answered[n], ids)
			}
		}
		if missing > 0 {
			return fmt.Errorf("%d of %d accepted events of type %s are missing", missing, len(want), kind)
		}
		return nil
	})
}
