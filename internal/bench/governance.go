package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/peal-dev/peal/client"
)

// GovernanceConfig says how to measure governance.
type GovernanceConfig struct {
	Duration    time.Duration // of each phase
	Concurrency int           // calls at once
	// Database is a URL; empty is a fresh SQLite file.
	Database string
	// Log is what the server writes.
	Log io.Writer
}

// GovernanceReport is what was measured. Times are in milliseconds.
type GovernanceReport struct {
	// Records are usage records that were counted, in batches of RecordsACall.
	RecordsPerSecond float64 `json:"records_per_second"`
	RecordsACall     int     `json:"records_a_call"`
	RecordMicros     float64 `json:"server_cpu_us_per_record,omitempty"` // Linux alone
	// Reservations are asked for at a rate, and settled.
	ReservationsPerSecond float64 `json:"reservations_per_second"`
	ReservationMicros     float64 `json:"server_cpu_us_per_reservation,omitempty"` // settling included; Linux alone
	P50                   float64 `json:"p50_ms"`                                  // of asking
	P99                   float64 `json:"p99_ms"`
	Refused               int64   `json:"refused"` // calls answered 429 or 503
	// Right tells that the server's sums are what was sent.
	Right bool `json:"sums_right"`
}

// WriteTable writes the report for people.
func (r *GovernanceReport) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "usage\t%.0f records/s\tin calls of %d\t%.1f µs of the server's CPU a record\n", r.RecordsPerSecond, r.RecordsACall, r.RecordMicros)
	fmt.Fprintf(t, "reservations\t%.0f/s, each settled\tp50 %.2f ms, p99 %.2f ms\t%.0f µs of the server's CPU for both\n",
		r.ReservationsPerSecond, r.P50, r.P99, r.ReservationMicros)
	fmt.Fprintf(t, "refused\t%d calls\tsums right: %t\t\n", r.Refused, r.Right)
	return t.Flush()
}

const (
	recordsACall     = 1000
	reservationsRate = 1000 // a second
	benchKeys        = 1000
	benchModels      = 50
	recordCost       = "0.00125"
)

// gateway is a load of usage and reservations.
type gateway struct {
	GovernanceConfig
	addr, key, org string
	records        atomic.Int64
	settled        atomic.Int64
	refused        atomic.Int64
}

// RunGovernance measures governance on a server of its own.
func RunGovernance(ctx context.Context, cfg GovernanceConfig) (report *GovernanceReport, err error) {
	dir, err := os.MkdirTemp("", "peal-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	database := cfg.Database
	if database == "" {
		database = "sqlite:" + filepath.Join(dir, "peal.db")
	}
	const adminKey = "peal-bench-admin-key"
	server, err := startProcess(ctx, []string{"PEAL_ADMIN_KEY=" + adminKey}, cfg.Log, "serve", "--listen=127.0.0.1:0",
		"--database="+database, "--log-level=warn")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	c := &client.Client{BaseURL: "http://" + server.address, Key: adminKey}
	org, err := c.CreateOrg(ctx, client.Org{Name: "bench"})
	if err != nil {
		return nil, err
	}
	g := &gateway{GovernanceConfig: cfg, addr: server.address, key: adminKey, org: org.ID}
	for _, rule := range []string{
		`{"kind":"budget","scope":"org","period":"daily","limit":1000000}`, `{"kind":"budget","scope":"key","period":"monthly","limit":100000}`,
		`{"kind":"quota","limit":100000000}`, `{"kind":"rate_limit","scope":"key","rpm":1000000}`, `{"kind":"models","allow":["model-*"]}`,
		`{"kind":"approval","threshold":1000}`,
	} {
		if err := g.post(ctx, "/v1/rules", rule); err != nil {
			return nil, err
		}
	}
	report = &GovernanceReport{RecordsACall: recordsACall}
	before, known := cpuTime(server.pid())
	if report.RecordsPerSecond, err = g.use(ctx); err != nil {
		return nil, err
	}
	after, _ := cpuTime(server.pid())
	if err := g.reserve(ctx, report); err != nil {
		return nil, err
	}
	if last, _ := cpuTime(server.pid()); known {
		report.RecordMicros = float64((after - before).Microseconds()) / float64(g.records.Load())
		report.ReservationMicros = float64((last - after).Microseconds()) / float64(g.settled.Load())
	}
	report.Refused = g.refused.Load()
	report.Right, err = g.check(ctx)
	return report, err
}

// use reports usage until the time is up, and gives the records a second.
func (g *gateway) use(ctx context.Context) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, g.Duration+time.Minute)
	defer cancel()
	started := time.Now()
	workers, ctx := errgroup.WithContext(ctx)
	for worker := range min(g.Concurrency, 8) {
		workers.Go(func() error {
			w, err := dialWire(ctx, g.addr)
			if err != nil {
				return err
			}
			defer w.conn.Close()
			defer context.AfterFunc(ctx, func() { w.conn.Close() })()
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for n := 0; time.Since(started) < g.Duration; n++ {
				if err := g.report(ctx, w, usageBody(worker, n, random)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := workers.Wait()
	return float64(g.records.Load()) / time.Since(started).Seconds(), err
}

// report makes one call.
func (g *gateway) report(ctx context.Context, w *wire, body []byte) error {
	_, err := g.call(ctx, w, "/v1/usage", body)
	if err == nil {
		g.records.Add(recordsACall)
	}
	return err
}

// call posts, again for as long as the server asks for patience.
func (g *gateway) call(ctx context.Context, w *wire, path string, body []byte) (answer, error) {
	request := fmt.Appendf(make([]byte, 0, 256+len(body)), "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nX-Org-ID: %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, g.addr, g.key, g.org, len(body))
	request = append(request, body...)
	for {
		a, err := w.roundTrip(request)
		switch {
		case err != nil:
			return a, err
		case a.status/100 == 2:
			return a, nil
		case a.status != http.StatusTooManyRequests && a.status != http.StatusServiceUnavailable:
			return a, fmt.Errorf("bench: %s was answered %d: %s", path, a.status, a.body)
		}
		g.refused.Add(1)
		if err := sleep(ctx, max(a.retryAfter, 10*time.Millisecond)); err != nil {
			return a, err
		}
	}
}

func usageBody(worker, n int, random *rand.Rand) []byte {
	b := make([]byte, 0, 160*recordsACall)
	b = append(b, '[')
	for i := range recordsACall {
		if i > 0 {
			b = append(b, ',')
		}
		key := random.IntN(benchKeys)
		b = append(b, `{"id":"`...)
		b = strconv.AppendInt(append(strconv.AppendInt(append(strconv.AppendInt(b, int64(worker), 10), '-'), int64(n), 10), '-'), int64(i), 10)
		b = append(strconv.AppendInt(append(b, `","key":"key-`...), int64(key), 10), `","team":"team-`...)
		b = append(strconv.AppendInt(b, int64(key%20), 10), `","user":`...)
		b = append(strconv.AppendInt(b, int64(key%500), 10), `,"model":"model-`...)
		b = append(strconv.AppendInt(b, int64((key+random.IntN(3))%benchModels), 10), `","tokens":1200,"cost":`+recordCost+`,"status":200}`...)
	}
	return append(b, ']')
}

// reserve asks at a rate until the time is up, and settles what was allowed.
func (g *gateway) reserve(ctx context.Context, report *GovernanceReport) error {
	ctx, cancel := context.WithTimeout(ctx, g.Duration+time.Minute)
	defer cancel()
	var next atomic.Int64
	var mu sync.Mutex
	var took []time.Duration
	started := time.Now()
	workers, ctx := errgroup.WithContext(ctx)
	for range g.Concurrency {
		workers.Go(func() error {
			w, err := dialWire(ctx, g.addr)
			if err != nil {
				return err
			}
			defer w.conn.Close()
			defer context.AfterFunc(ctx, func() { w.conn.Close() })()
			w.keep = true
			for {
				n := next.Add(1) - 1
				due := started.Add(time.Duration(n) * time.Second / reservationsRate)
				if due.Sub(started) >= g.Duration {
					return nil
				}
				if err := sleep(ctx, time.Until(due)); err != nil {
					return err
				}
				d, err := g.askAndSettle(ctx, w, n)
				if err != nil {
					return err
				}
				mu.Lock()
				took = append(took, d)
				mu.Unlock()
			}
		})
	}
	if err := workers.Wait(); err != nil {
		return err
	}
	slices.Sort(took)
	report.ReservationsPerSecond = float64(len(took)) / time.Since(started).Seconds()
	report.P50, report.P99 = millis(percentile(took, 50)), millis(percentile(took, 99))
	return nil
}

// askAndSettle makes the nth reservation, and tells how long asking took.
func (g *gateway) askAndSettle(ctx context.Context, w *wire, n int64) (took time.Duration, err error) {
	asked := time.Now()
	a, err := g.call(ctx, w, "/v1/reservations", fmt.Appendf(nil,
		`{"key":"key-%d","user":%d,"model":"model-%d","estimated_cost":"0.01","estimated_tokens":1000}`, n%benchKeys, n%500, n%benchModels))
	took = time.Since(asked)
	if err != nil {
		return took, err
	}
	var r struct{ ID, Decision string }
	if err := json.Unmarshal(a.body, &r); err != nil {
		return took, fmt.Errorf("bench: a reservation's answer: %w", err)
	}
	if r.Decision != "allow" {
		return took, fmt.Errorf("bench: a reservation was answered %s", r.Decision)
	}
	_, err = g.call(ctx, w, "/v1/reservations/"+r.ID+"/settle", []byte(`{"cost":`+recordCost+`,"tokens":900}`))
	if err == nil {
		g.settled.Add(1)
	}
	return took, err
}

func (g *gateway) do(ctx context.Context, method, path, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+g.addr+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+g.key)
	req.Header.Set("X-Org-ID", g.org)
	req.Header.Set("Content-Type", "application/json")
	return http.DefaultClient.Do(req)
}

// post makes a call whose answer does not matter.
func (g *gateway) post(ctx context.Context, path, body string) error {
	resp, err := g.do(ctx, http.MethodPost, path, body)
	if err != nil {
		return err
	}
	return readAnswer(resp, nil)
}

func readAnswer(resp *http.Response, out any) error {
	raw, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("bench: %s was answered %d: %s", resp.Request.URL.Path, resp.StatusCode, raw[:min(len(raw), 512)])
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}

// check compares the server's sums with what was sent.
func (g *gateway) check(ctx context.Context) (bool, error) {
	resp, err := g.do(ctx, http.MethodGet, "/v1/usage/summary", "")
	if err != nil {
		return false, err
	}
	var sums struct {
		Data []struct{ Requests int64 }
	}
	if err := readAnswer(resp, &sums); err != nil {
		return false, err
	}
	return len(sums.Data) == 1 && sums.Data[0].Requests == g.records.Load()+g.settled.Load(), nil
}
