package blackbox

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Clients that send their requests as slowly as they can hold nobody back, and are
// sent away in the end.
func TestSlowClientsHoldNobodyBack(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	conns := make([]net.Conn, 300)
	for i := range conns {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		begin := "POST /v1/events HTTP/1.1\r\nHost: x\r\n"
		if i%2 == 0 {
			begin += "Authorization: Bearer " + adminKey + "\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
		}
		if _, err := io.WriteString(conn, begin); err != nil {
			t.Fatal(err)
		}
		conns[i] = conn
	}
	for n := range 50 {
		s.Admin().Publish(t, "x", object{"n": n})
	}
	for i, conn := range conns {
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(conn); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Fatalf("the connection of slow client %d stays open", i)
		}
	}
}

func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	a, err := c.Do("GET", "/v1/endpoints", nil, "X-Large", strings.Repeat("x", 1<<20))
	if err == nil && a.Status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a head of 1 MiB: %d", a.Status)
	}
	// A body whose length is not told, and has no end.
	req, err := http.NewRequestWithContext(t.Context(), "POST", c.URL+"/v1/events", io.MultiReader(strings.NewReader(`[`), endless{}))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	req.Header.Set("X-Org-ID", c.Org)
	res, err := plain.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("an endless body: %d", res.StatusCode)
	}
	for _, path := range []string{"/v1/endpoints", "/v1/keys", "/v1/orgs", "/nemo/channel/new", "/api/v1/admin/webhooks"} {
		c.Call(t, 413, "POST", path, `{"name":"`+strings.Repeat("x", 4<<20)+`"}`)
	}
	for _, call := range [][2]string{{"PUT", "/v1/events"}, {"DELETE", "/v1/events"}} {
		c.Call(t, 405, call[0], call[1], nil)
	}
	for _, path := range []string{"/v1", "/v1/nothing", "/v1/endpoints/ep_nonsense", "/v1/deliveries/dlv_01h455vb4pex5vsknk084sn02q", "/../etc/passwd"} {
		if a := c.Try(t, "GET", path, nil); a.Status == 200 || a.Status >= 500 {
			t.Errorf("GET %s: %d %s", path, a.Status, clip(a.Body))
		}
	}
	for _, query := range []string{"limit=x", "limit=-1", "status=nonsense", "since=yesterday", "endpoint=nonsense", "cursor=%ff"} {
		if a := c.Try(t, "GET", "/v1/deliveries?"+query, nil); a.Status != 400 {
			t.Errorf("?%s: %d %s", query, a.Status, clip(a.Body))
		}
	}
}

// endless is a reader of white space.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// Many publish at once, and each answer is its own.
func TestConcurrentPublishers(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, nil)
	c.Endpoint(t, r.URL)
	const publishers, events = 16, 50
	ids := make(chan string, publishers*events)
	errs := make(chan error, publishers)
	for p := range publishers {
		go func() {
			errs <- func() error {
				for n := range events {
					id := fmt.Sprintf("own-%d-%d", p, n)
					a, err := c.Do("POST", "/v1/events", object{"type": "x", "id": id, "data": object{"id": id}})
					if err != nil {
						return err
					}
					if a.Status != 202 || !strings.Contains(string(a.Body), `"`+id+`"`) {
						return fmt.Errorf("%s: %d %s", id, a.Status, a.Body)
					}
					ids <- id
				}
				return nil
			}()
		}()
	}
	for range publishers {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	close(ids)
	arrived := map[string]int{}
	for _, a := range r.Wait(t, publishers*events) {
		var o struct{ Data struct{ ID string } }
		decode(t, a.Body, &o)
		arrived[o.Data.ID]++
	}
	for id := range ids {
		if arrived[id] != 1 {
			t.Errorf("%s arrived %d times", id, arrived[id])
		}
	}
}
