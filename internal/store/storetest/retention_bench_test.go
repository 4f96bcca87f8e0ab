package storetest_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/store/storetest"
)

// finishedRows is how many finished deliveries the benchmarks of retention make;
// PEAL_BENCH_ROWS sets another number.
func finishedRows(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("PEAL_BENCH_ROWS"))
	if err != nil {
		return 100_000
	}
	return n
}

const benchDays = 10

var retention = janitor.Retention{Deliveries: 30 * 24 * time.Hour, Events: 90 * 24 * time.Hour}

// finish fills done with deliveries of the fixture's org that finished on ten days, as
// many on each.
func finish(b *testing.B, f *storetest.Fixture, rows int) {
	const chunk = 20_000 // what a transaction has the time for
	id, number := "unhex(printf('%012x', at / 1000) || printf('70008000%012x', i))", "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)"
	if f.DB.Dialect() == store.PostgreSQL {
		id, number = "decode(lpad(to_hex(at / 1000), 12, '0') || '70008000' || lpad(to_hex(i), 12, '0'), 'hex')", "WITH n(i) AS (SELECT generate_series(?1::bigint, ?2::bigint))"
	}
	query := fmt.Sprintf(`%s INSERT INTO done (org, id, endpoint_id, event_id, event_type, status, reason, size, attempt_count, round_start,
			last_status_code, last_error, finished_at, attempts)
		SELECT ?3, %s, ?4, ?4, 'order.created', 'succeeded', '', 1000, 1, 0, 200, '', at, ?5
		FROM (SELECT i, ?6 + i * ?7 AS at FROM n) AS made`, number, id)
	attempts := `{"number":1,"started_at":"2026-03-01T12:00:00Z","duration":5000000,"status_code":200,"profile":"standard"}` + "\n"
	ep := f.Endpoint()
	each := rows / benchDays
	for day := range benchDays {
		at := f.Now().Truncate(24 * time.Hour)
		for first := 0; first < each; first += chunk {
			f.Check(f.DB.Write(f.Ctx, func(tx *store.Tx) error {
				if err := tx.NeedPartition(store.DoneTable, store.Micros(at)); err != nil {
					return err
				}
				_, err := tx.Exec(query, int64(first), int64(min(first+chunk, each)-1), f.Org, ep[:], attempts, store.Micros(at), 86_400_000_000/int64(each))
				return err
			}))
		}
		if day < benchDays-1 {
			f.Pass(24 * time.Hour)
		}
	}
}

// BenchmarkRetention deletes the oldest of ten days, and tells how long other writes
// waited for it meanwhile.
func BenchmarkRetention(b *testing.B) {
	databases(b, func(b *testing.B, empty storetest.Backend) {
		rows := finishedRows(b)
		for range b.N {
			b.StopTimer()
			f := storetest.New(b, empty)
			start := f.Now().Truncate(24 * time.Hour)
			finish(b, f, rows)
			f.Pass(start.AddDate(0, 0, 1).Add(retention.Deliveries - time.Second).Sub(f.Now()))
			f.Reopen() // what filling left in the log is not purging's
			if f.DB.Dialect() == store.PostgreSQL {
				purgeAll(f) // what there is to do before the day is over
			}
			f.Pass(time.Second)
			b.ReportMetric(longestWrite(f), "control-max-ms")
			b.StartTimer()
			purgeBeside(b, f)
		}
	})
}

func purgeAll(f *storetest.Fixture) {
	for {
		n, err := f.Q.Purge(f.Ctx, retention, f.Now())
		f.Check(err)
		if n == 0 {
			return
		}
	}
}

// longestWrite is the longest of 500 writes of a row without any purging: what the disk and
// the machine's other work take by themselves, in milliseconds.
func longestWrite(f *storetest.Fixture) float64 {
	var longest time.Duration
	for range 500 {
		began := time.Now()
		f.Check(f.DB.Write(f.Ctx, func(tx *store.Tx) error {
			_, err := tx.Exec("INSERT INTO raised (doc) VALUES ('')")
			return err
		}))
		longest = max(longest, time.Since(began))
	}
	return float64(longest.Microseconds()) / 1000
}

// purgeBeside purges until nothing is old any more, while small writes go on.
func purgeBeside(b *testing.B, f *storetest.Fixture) {
	ended, waits := make(chan struct{}), make(chan []time.Duration)
	go func() {
		var all []time.Duration
		for {
			select {
			case <-ended:
				waits <- all
				return
			case <-time.After(time.Millisecond):
			}
			began := time.Now()
			if err := f.DB.Write(f.Ctx, func(*store.Tx) error { return nil }); err != nil {
				b.Error(err)
			}
			all = append(all, time.Since(began))
		}
	}()
	deleted, chunks := 0, []time.Duration(nil)
	for {
		began := time.Now()
		n, err := f.Q.Purge(f.Ctx, retention, f.Now())
		f.Check(err)
		chunks = append(chunks, time.Since(began))
		if deleted += n; n == 0 {
			break
		}
	}
	close(ended)
	all := <-waits
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)-1].Microseconds())/1000, "max-wait-ms")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-wait-ms")
	b.ReportMetric(float64(slices.Max(chunks).Microseconds())/1000, "longest-step-ms")
	b.ReportMetric(float64(chunks[0].Microseconds())/1000, "first-step-ms") // on PostgreSQL the day is gone then
	b.ReportMetric(float64(len(chunks)), "steps")
}
