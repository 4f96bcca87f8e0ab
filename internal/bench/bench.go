package bench

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/peal-dev/peal/client"
)

// Config says what to measure.
type Config struct {
	Duration    time.Duration // of publishing, in each phase
	Rounds      int
	Concurrency int    // calls at once
	Payload     int    // bytes of an event
	Profile     string // of the endpoints
	// Scenarios are names; none means all.
	Scenarios []string
	// Database is a URL; empty is a fresh SQLite file for each phase.
	Database string
	// VerifyAll verifies each signature rather than every 64th.
	VerifyAll bool
	// Progress gets a line a phase, Log what the servers write.
	Progress, Log io.Writer
}

// run is a benchmark under way.
type run struct {
	Config
	sink   *process
	secret string
}

// Run measures. It fails where it could not; losses are for the report to tell.
func Run(ctx context.Context, cfg Config) (_ *Report, err error) {
	if cfg.Payload < minPayload {
		return nil, fmt.Errorf("bench: a payload has at least %d bytes", minPayload)
	}
	sink, err := startProcess(ctx, nil, cfg.Log, "bench-sink")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sink.stop()) }()
	key := []byte("a key of the bare loop, 32 bytes")
	r := &run{Config: cfg, sink: sink, secret: "whsec_" + base64.StdEncoding.EncodeToString(key)}

	report := newReport(cfg)
	for round := range cfg.Rounds {
		for _, s := range Scenarios() {
			if len(cfg.Scenarios) > 0 && !slices.Contains(cfg.Scenarios, s.Name) {
				continue
			}
			m := Measurement{}
			if s.rate == 0 {
				if m.BarePerSecond, err = r.bare(ctx, key); err != nil {
					return nil, err
				}
			}
			if err := r.peal(ctx, s, &m); err != nil {
				return nil, err
			}
			fmt.Fprintf(cfg.Progress, "round %d of %d  %-8s %7.0f delivered/s", round+1, cfg.Rounds, s.Name, m.DeliveredPerSecond)
			if m.BarePerSecond > 0 {
				fmt.Fprintf(cfg.Progress, "  bare loop %7.0f/s", m.BarePerSecond)
			}
			fmt.Fprintln(cfg.Progress)
			report.add(s, m)
		}
	}
	return report, nil
}

func (r *run) verifyEvery() int64 {
	if r.VerifyAll {
		return 1
	}
	return 64
}

// bare measures the bare loop, in requests a second.
func (r *run) bare(ctx context.Context, key []byte) (float64, error) {
	p := Phase{Profile: "standard", Secrets: []string{r.secret}, VerifyEvery: r.verifyEvery()}
	if err := r.control(ctx, http.MethodPut, "/phase", p, nil); err != nil {
		return 0, err
	}
	b := bare{
		target: "http://" + r.sink.address + "/in/0", key: key,
		payload: r.Payload, workers: r.Concurrency, duration: r.Duration,
	}
	sent, started, err := b.run(ctx)
	if err != nil {
		return 0, err
	}
	count, err := r.drain(ctx, int(sent))
	if err != nil {
		return 0, err
	}
	if count.Bad > 0 || count.Arrived != int(sent) {
		return 0, errors.New("bench: the bare loop lost requests, or signed them wrongly")
	}
	return float64(sent) / count.Last.Sub(started).Seconds(), nil
}

// peal measures a scenario on a server of its own.
func (r *run) peal(ctx context.Context, s Scenario, m *Measurement) (err error) {
	dir, err := os.MkdirTemp("", "peal-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	database := r.Database
	if database == "" {
		database = "sqlite:" + filepath.Join(dir, "peal.db")
	}
	const adminKey = "peal-bench-admin-key"
	server, err := startProcess(ctx, []string{"PEAL_ADMIN_KEY=" + adminKey}, r.Log, "serve", "--listen=127.0.0.1:0",
		"--database="+database, "--allow-http", "--allow-cidr=127.0.0.0/8", "--log-level=warn")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()

	c := &client.Client{BaseURL: "http://" + server.address, Key: adminKey}
	org, err := c.CreateOrg(ctx, client.Org{Name: "bench"})
	if err != nil {
		return err
	}
	c.Org = org.ID
	p := Phase{Profile: r.Profile, VerifyEvery: r.verifyEvery()}
	for i := range s.copies {
		if _, err := c.CreateEndpoint(ctx, client.Endpoint{
			Name: "sink " + strconv.Itoa(i), URL: fmt.Sprintf("http://%s/in/%d", r.sink.address, i),
			Profile: r.Profile, Secret: r.secret, Events: []string{EventType},
		}); err != nil {
			return err
		}
		p.Secrets = append(p.Secrets, r.secret)
	}
	if err := r.hang(ctx, c, s.waiting); err != nil {
		return err
	}
	l := load{
		addr: server.address, key: adminKey, org: org.ID, payload: r.Payload, batch: s.batch,
		workers: max(1, r.Concurrency/s.share), rate: s.rate,
	}
	if s.inbound {
		if l.path, l.secret, err = hook(ctx, c); err != nil {
			return err
		}
	}
	// The first seconds open connections and size buffers; they are not measured.
	l.duration = min(time.Second, r.Duration/4)
	if _, _, err := r.measure(ctx, l, p); err != nil {
		return err
	}
	l.duration = r.Duration
	before, _ := cpuTime(server.pid())
	done, count, err := r.measure(ctx, l, p)
	if err != nil {
		return err
	}
	after, known := cpuTime(server.pid())

	m.fill(done, count, s.copies)
	if known && count.Arrived > 0 {
		m.CPUMicros = float64((after - before).Microseconds()) / float64(count.Arrived)
	}
	return nil
}

// hook makes a hook whose workflow publishes what it got, and gives its path and secret.
func hook(ctx context.Context, c *client.Client) (path string, secret []byte, err error) {
	w, err := c.CreateWorkflow(ctx, "bench", fmt.Sprintf(
		`{"steps":[{"id":"publish","uses":"publish","with":{"type":%q,"data":"{{ webhook.body.data }}"}}]}`, EventType))
	if err != nil {
		return "", nil, err
	}
	h, err := c.CreateHook(ctx, client.Hook{Name: "bench", Workflow: w.ID})
	return strings.TrimPrefix(h.URL, c.BaseURL), []byte(h.Secret), err
}

// hang makes an endpoint that never answers, with this many events waiting for it.
func (r *run) hang(ctx context.Context, c *client.Client, waiting int) error {
	if waiting == 0 {
		return nil
	}
	const hangingType = "bench.hanging"
	_, err := c.CreateEndpoint(ctx, client.Endpoint{
		Name: "hanging", URL: "http://" + r.sink.address + "/hang", Events: []string{hangingType},
	})
	for batch := 500; waiting > 0 && err == nil; waiting -= batch {
		_, err = c.PublishBatch(ctx, slices.Repeat([]client.Event{{Type: hangingType}}, min(batch, waiting)))
	}
	return err
}

// measure publishes and waits until everything has arrived.
func (r *run) measure(ctx context.Context, l load, p Phase) (published, Count, error) {
	if err := r.control(ctx, http.MethodPut, "/phase", p, nil); err != nil {
		return published{}, Count{}, err
	}
	done, err := l.run(ctx)
	if err != nil {
		return done, Count{}, err
	}
	count, err := r.drain(ctx, int(done.events)*len(p.Secrets))
	return done, count, err
}

// patience is how long the sink may see nothing new before the rest is called lost.
const patience = 30 * time.Second

// drain waits for what is still to arrive.
func (r *run) drain(ctx context.Context, want int) (Count, error) {
	arrived, moved := -1, time.Now()
	for {
		var p Progress
		if err := r.control(ctx, http.MethodGet, "/progress", nil, &p); err != nil {
			return Count{}, err
		}
		if p.Arrived > arrived {
			arrived, moved = p.Arrived, time.Now()
		}
		if arrived >= want || time.Since(moved) > patience {
			break
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return Count{}, err
		}
	}
	var count Count
	err := r.control(ctx, http.MethodGet, "/count", nil, &count)
	return count, err
}

// control talks to the sink.
func (r *run) control(ctx context.Context, method, path string, in, out any) error {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(in); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+r.sink.address+path, &body)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("bench: the sink answered %s", resp.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}
