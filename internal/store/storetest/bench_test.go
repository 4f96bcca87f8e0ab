package storetest_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/store/storetest"
)

// load makes events of about 1 KiB for one endpoint.
type load struct {
	*storetest.Fixture
	endpoint peal.EndpointID
	data     []byte
	headers  map[string]string
}

// databases runs a benchmark on each.
func databases(b *testing.B, run func(b *testing.B, empty storetest.Backend)) {
	b.Run("sqlite", func(b *testing.B) { run(b, sqlite) })
	b.Run("postgres", func(b *testing.B) { run(b, storetest.Postgres) })
}

func newLoad(b *testing.B, empty storetest.Backend) *load {
	f := storetest.New(b, empty)
	return &load{
		Fixture: f, endpoint: f.Endpoint(), data: []byte(`{"text":"` + strings.Repeat("x", 900) + `"}`),
		headers: map[string]string{
			"Content-Type": "application/json", "User-Agent": "Peal/1", "webhook-id": "evt_01h455vb4pex5vsknk084sn02q",
			"webhook-timestamp": "1700000000", "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
		},
	}
}

func (l *load) commits(n, fan int, owned bool, done *sync.WaitGroup) []*publish.Commit {
	commits := make([]*publish.Commit, n)
	for i := range commits {
		now := time.Now()
		e := &publish.NewEvent{Event: &peal.Event{
			ID: peal.NewEventID(now), Org: l.Org, Type: "order.created", Source: "shop", Time: now, Data: l.data,
		}}
		for range fan {
			e.Deliveries = append(e.Deliveries, &publish.NewDelivery{
				ID: peal.NewDeliveryID(now), Endpoint: l.endpoint, Status: peal.Pending, Owned: owned, Size: 1300,
			})
		}
		commits[i] = &publish.Commit{Org: l.Org, Now: now, Events: []*publish.NewEvent{e}, Done: func(err error) {
			if err != nil {
				l.Error(err)
			}
			done.Done()
		}}
	}
	return commits
}

func (l *load) submit(commits []*publish.Commit, done *sync.WaitGroup) {
	done.Add(len(commits))
	for _, c := range commits {
		l.Check(l.Q.Submit(c))
	}
	done.Wait()
}

func (l *load) outcome(j *dispatch.Job, done *sync.WaitGroup) *dispatch.Outcome {
	now := time.Now()
	return &dispatch.Outcome{
		Job: j, Now: now, Status: peal.Succeeded,
		Attempt: &peal.Attempt{
			Number: 1, StartedAt: now, Duration: time.Millisecond, StatusCode: 200, Profile: "standard", BodyHash: make([]byte, 16),
			RequestHeaders: l.headers, ResponseBody: "ok",
		},
		Done: func(err error) {
			if err != nil {
				l.Error(err)
			}
			done.Done()
		},
	}
}

// cpu measures the processor's time per delivery, which a noisy machine disturbs less
// than the clock.
func cpu(b *testing.B, perOp int) func() {
	start := processorTime()
	b.ResetTimer()
	return func() {
		b.StopTimer()
		b.ReportMetric(float64((processorTime()-start).Nanoseconds())/1000/float64(b.N*perOp), "cpu-µs/delivery")
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/1000/float64(b.N*perOp), "µs/delivery")
	}
}

func processorTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkCommit accepts groups of events; an operation is a group.
func BenchmarkCommit(b *testing.B) { databases(b, benchmarkCommit) }

func benchmarkCommit(b *testing.B, empty storetest.Backend) {
	for _, n := range []int{1, 16, 128, 256} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			l := newLoad(b, empty)
			var done sync.WaitGroup
			stop := cpu(b, n)
			for range b.N {
				l.submit(l.commits(n, 1, true, &done), &done)
			}
			stop()
		})
	}
}

// BenchmarkLife accepts groups of events and records that they were delivered, in
// turns.
func BenchmarkLife(b *testing.B) { databases(b, benchmarkLife) }

func benchmarkLife(b *testing.B, empty storetest.Backend) {
	for _, fan := range []int{1, 10} {
		for _, n := range []int{1, 16, 128, 256} {
			b.Run(fmt.Sprintf("fan%d/%d", fan, n), func(b *testing.B) {
				l := newLoad(b, empty)
				var done sync.WaitGroup
				stop := cpu(b, n*fan)
				for range b.N {
					commits := l.commits(n, fan, true, &done)
					l.submit(commits, &done)
					done.Add(n * fan)
					for _, c := range commits {
						m := dispatch.NewMessage(c.Events[0].Event)
						for _, d := range c.Events[0].Deliveries {
							l.Q.Record(l.outcome(&dispatch.Job{ID: d.ID, Endpoint: d.Endpoint, Message: m, Session: l.DB.Session(), Size: d.Size}, &done))
						}
					}
					done.Wait()
				}
				stop()
			})
		}
	}
}

// BenchmarkBacklog works on an endpoint behind a million deliveries that wait for
// others. It takes a minute to fill the database.
func BenchmarkBacklog(b *testing.B) { databases(b, benchmarkBacklog) }

func benchmarkBacklog(b *testing.B, empty storetest.Backend) {
	if testing.Short() {
		b.Skip("it fills a database first")
	}
	l := newLoad(b, empty)
	var done sync.WaitGroup
	mine := l.endpoint
	for range 100 {
		l.endpoint = l.Endpoint()
		for range 4 {
			l.submit(l.commits(100, 25, false, &done), &done)
		}
	}
	l.endpoint = mine
	b.Run("life by claim", func(b *testing.B) {
		const n = 128
		stop := cpu(b, n)
		for range b.N {
			l.submit(l.commits(n, 1, false, &done), &done)
			c, err := l.Q.Claim(l.Ctx, dispatch.ClaimRequest{Endpoint: mine, Now: time.Now().Add(time.Second), Limit: n, Bytes: 1 << 20})
			l.Check(err)
			if len(c.Jobs) != n {
				b.Fatalf("claimed %d", len(c.Jobs))
			}
			done.Add(n)
			for _, j := range c.Jobs {
				l.Q.Record(l.outcome(j, &done))
			}
			done.Wait()
		}
		stop()
	})
	b.Run("skip scan", func(b *testing.B) {
		for range b.N {
			backlog, err := l.Q.Backlog(l.Ctx, peal.EndpointID{}, 1000)
			l.Check(err)
			if len(backlog) != 100 {
				b.Fatalf("%d endpoints", len(backlog))
			}
		}
	})
	b.Run("list", func(b *testing.B) {
		for range b.N {
			_, _, err := l.Q.Deliveries(l.Ctx, peal.DeliveryFilter{Org: l.Org}, peal.Page{})
			l.Check(err)
		}
	})
	b.Run("reopen", func(b *testing.B) {
		for range b.N {
			l.Reopen()
		}
	})
	b.Logf("resident memory: %d MiB", residentMiB(b))
}

func residentMiB(b *testing.B) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip(err)
	}
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	kib, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
	n, err := strconv.Atoi(string(kib))
	if err != nil {
		b.Fatal(err)
	}
	return n / 1024
}
