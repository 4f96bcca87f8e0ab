package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/peal"
)

// testModel does random things to deliveries and compares the store with a plain map
// of what must be true.
func testModel(t *testing.T, empty Backend) {
	f := New(t, empty)
	rapid.Check(t, func(rt *rapid.T) {
		f.Org = fmt.Sprint("org", f.Endpoint())
		m := &model{Fixture: f, rows: map[peal.DeliveryID]*modelRow{}}
		for range 3 {
			m.endpoints = append(m.endpoints, f.Endpoint())
		}
		rt.Repeat(map[string]func(*rapid.T){
			"commit":  m.commit,
			"record":  m.record,
			"claim":   m.claim,
			"release": m.release,
			"cancel":  m.cancel,
			"revive":  m.revive,
			"pass":    func(*rapid.T) { f.Pass(30 * time.Second) },
			"":        m.compare,
		})
	})
}

type modelRow struct {
	job    *dispatch.Job
	status peal.Status
	owned  bool
	due    time.Time
}

type model struct {
	*Fixture
	endpoints []peal.EndpointID
	rows      map[peal.DeliveryID]*modelRow
}

func (m *model) commit(t *rapid.T) {
	e := m.Event(m.endpoints...)
	for i, d := range e.Deliveries {
		d.Owned = rapid.Bool().Draw(t, "owned")
		m.rows[d.ID] = &modelRow{job: m.Job(e, i), status: peal.Pending, owned: d.Owned, due: m.Now()}
	}
	m.Accept(e)
}

// some draws a row that fits.
func (m *model) some(t *rapid.T, fits func(*modelRow) bool) *modelRow {
	var rows []*modelRow
	for _, r := range m.rows {
		if fits(r) {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		t.Skip("no such row")
	}
	slices.SortFunc(rows, func(a, b *modelRow) int { return slices.Compare(a.job.ID[:], b.job.ID[:]) })
	return rapid.SampledFrom(rows).Draw(t, "row")
}

func (m *model) record(t *rapid.T) {
	r := m.some(t, func(r *modelRow) bool { return r.owned })
	status := rapid.SampledFrom([]peal.Status{peal.Succeeded, peal.Dead, peal.Retrying}).Draw(t, "status")
	o := m.Outcome(r.job, status, 200)
	o.Keep = status == peal.Retrying && rapid.Bool().Draw(t, "keep")
	m.Check(m.Record(o)[0])
	j := *r.job
	j.AttemptCount++
	r.job, r.status, r.owned, r.due = &j, status, o.Keep, o.DueAt
}

func (m *model) claim(t *rapid.T) {
	ep := rapid.SampledFrom(m.endpoints).Draw(t, "endpoint")
	due := 0
	for _, r := range m.rows {
		if r.job.Endpoint == ep && !r.status.Finished() && !r.owned && !r.due.After(m.Now()) {
			due++
		}
	}
	jobs := m.Claim(ep, false).Jobs
	if len(jobs) != min(due, 10) {
		t.Fatalf("claimed %d of %d", len(jobs), due)
	}
	for _, j := range jobs {
		r := m.rows[j.ID]
		if r.owned || r.status.Finished() || j.AttemptCount != r.job.AttemptCount || j.RoundStart != r.job.RoundStart {
			t.Fatalf("claimed %+v of %+v", j, r)
		}
		r.job, r.owned = j, true
	}
}

func (m *model) release(t *rapid.T) {
	r := m.some(t, func(r *modelRow) bool { return r.owned })
	m.Check(m.Q.Release(m.Ctx, []peal.DeliveryID{r.job.ID}))
	r.owned = false
}

func (m *model) cancel(t *rapid.T) {
	r := m.some(t, func(r *modelRow) bool { return !r.status.Finished() })
	m.Check(m.Q.Cancel(m.Ctx, m.Org, r.job.ID, m.Now()))
	r.status, r.owned = peal.Cancelled, false
}

func (m *model) revive(t *rapid.T) {
	r := m.some(t, func(r *modelRow) bool { return !r.owned })
	_, err := m.Q.Revive(m.Ctx, m.Org, r.job.ID, m.Now(), anyEndpoint)
	m.Check(err)
	j := *r.job
	j.RoundStart = j.AttemptCount
	if r.job, r.due = &j, m.Now(); r.status.Finished() {
		r.status = peal.Retrying
		if j.AttemptCount == 0 {
			r.status = peal.Pending
		}
	}
}

// compare reads all deliveries back, in pages, and what is owned.
func (m *model) compare(t *rapid.T) {
	f := peal.DeliveryFilter{Org: m.Org}
	if rapid.Bool().Draw(t, "by endpoint") {
		f.Endpoint = m.endpoints[0]
	}
	var want, owned []peal.DeliveryID
	for id, r := range m.rows {
		if f.Endpoint.IsZero() || f.Endpoint == r.job.Endpoint {
			want = append(want, id)
		}
		if r.owned {
			owned = append(owned, id)
		}
	}
	sortIDs(want)
	slices.Reverse(want)
	var got []peal.DeliveryID
	for page := (peal.Page{Limit: rapid.IntRange(1, 20).Draw(t, "limit")}); ; {
		rows, next, err := m.Q.Deliveries(m.Ctx, f, page)
		m.Check(err)
		for _, d := range rows {
			r := m.rows[d.ID]
			if d.Status != r.status || d.AttemptCount != r.job.AttemptCount || d.RoundStart != r.job.RoundStart ||
				!r.status.Finished() && !d.NextAttemptAt.Equal(r.due) {
				t.Fatalf("stored %+v, want %+v", d, r)
			}
			got = append(got, d.ID)
		}
		if next == "" {
			break
		}
		page.Cursor = next
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("pages (-want +got):\n%s", diff)
	}
	have, err := m.Q.Owned(m.Ctx)
	m.Check(err)
	have = slices.DeleteFunc(have, func(id peal.DeliveryID) bool { return m.rows[id] == nil })
	sortIDs(owned)
	sortIDs(have)
	if !slices.Equal(owned, have) {
		t.Fatalf("owned %v, want %v", have, owned)
	}
}
