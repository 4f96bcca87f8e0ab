package directory_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

var (
	somePatterns = []peal.Pattern{
		"*", "a", "a.b", "a.b.c", "a.*", "a.b.*", "b.*", "a.", "a..*", "..*",
		"endpoint.*", "endpoint.disabled", "delivery.dead", "delivery.*",
	}
	someTypes = []string{"a", "a.b", "a.b.c", "a.b.c.d", "b", "b.x", "a.", "a..", "..", "..x", "endpoint.disabled", "delivery.dead", "endpoint"}
)

func ids(eps []*peal.Endpoint) []string {
	out := make([]string, len(eps))
	for i, ep := range eps {
		out[i] = ep.ID.String()
	}
	slices.Sort(out)
	return out
}

// After any changes, refreshed whenever, the directory answers what a look at every
// endpoint answers, and what a directory answers that was loaded at once.
func TestMatchIsBruteForce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		src := &memory{}
		d := newDirectory(t, src)
		orgs := []string{"x", "y"}
		live := map[string]*peal.Endpoint{}
		liveOrgs := map[string]bool{}
		bindings := map[peal.BindingID]*peal.Binding{}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			org := rapid.SampledFrom(orgs).Draw(rt, "org")
			ep := endpoint(org, rapid.IntRange(0, 9).Draw(rt, "n")*2+slices.Index(orgs, org))
			switch rapid.IntRange(0, 8).Draw(rt, "what") {
			case 0:
				src.put(orgRow(t, org, time.UnixMilli(int64(len(org)))))
				liveOrgs[org] = true
			case 1:
				src.put(deleted(orgRow(t, org, time.Time{})))
				delete(liveOrgs, org)
			case 2:
				src.put(deleted(endpointRow(t, ep)))
				delete(live, ep.ID.String())
			case 3, 4:
				b := &peal.Binding{ID: peal.BindingID{byte(rapid.IntRange(0, 5).Draw(rt, "binding"))}, Org: org, Endpoint: ep.ID}
				b.ID[1] = byte(slices.Index(orgs, org))
				b.Match.Types = rapid.SliceOfN(rapid.SampledFrom(somePatterns), 0, 3).Draw(rt, "types")
				src.put(bindingRow(t, b))
				bindings[b.ID] = b
			case 5:
				b := &peal.Binding{ID: peal.BindingID{byte(rapid.IntRange(0, 5).Draw(rt, "binding")), byte(slices.Index(orgs, org))}, Org: org}
				src.put(deleted(bindingRow(t, b)))
				delete(bindings, b.ID)
			default:
				ep.Events = rapid.SliceOfN(rapid.SampledFrom(somePatterns), 0, 4).Draw(rt, "events")
				src.put(endpointRow(t, ep))
				live[ep.ID.String()] = ep
			}
			if rapid.Bool().Draw(rt, "refresh") {
				refresh(t, d)
			}
		}
		refresh(t, d)
		fresh := newDirectory(t, src)
		refresh(t, fresh)

		exclude := endpoint("x", rapid.IntRange(0, 20).Draw(rt, "exclude")).ID
		for _, org := range orgs {
			for _, eventType := range someTypes {
				want := []string{}
				for _, ep := range live {
					if ep.Org == org && ep.ID != exclude && takes(ep, bindings, eventType) {
						want = append(want, ep.ID.String())
					}
				}
				slices.Sort(want)
				for name, dir := range map[string]*directory.Directory{"followed": d, "loaded": fresh} {
					eps, version, err := dir.Match(org, event(eventType), exclude)
					if !liveOrgs[org] {
						if peal.CodeOf(err) != peal.CodeNotFound {
							rt.Fatalf("%s: org %s is gone, got %v", name, org, err)
						}
						continue
					}
					if err != nil || version != src.version {
						rt.Fatalf("%s: version %d, want %d (%v)", name, version, src.version, err)
					}
					if diff := cmp.Diff(want, ids(eps)); diff != "" {
						rt.Fatalf("%s: type %s in %s:\n%s", name, eventType, org, diff)
					}
				}
			}
			if diff := cmp.Diff(everything(rt, fresh, org), everything(rt, d, org)); diff != "" {
				rt.Fatalf("followed and loaded differ:\n%s", diff)
			}
		}
	})
}

// takes is what bindings mean: where there are any, they decide.
func takes(ep *peal.Endpoint, bindings map[peal.BindingID]*peal.Binding, eventType string) bool {
	bound := false
	for _, b := range bindings {
		if b.Endpoint == ep.ID {
			if bound = true; peal.MatchAny(b.Match.Types, eventType) {
				return true
			}
		}
	}
	return !bound && peal.MatchAny(ep.Events, eventType)
}

func bindingRow(t testing.TB, b *peal.Binding) directory.Row {
	return directory.Row{Kind: directory.Bindings.Kind, Org: b.Org, ID: b.ID.String(), Doc: marshal(t, b)}
}

// everything is all that can be listed, page by page.
func everything(rt *rapid.T, d *directory.Directory, org string) []any {
	var all []any
	limit := rapid.IntRange(1, 5).Draw(rt, "limit")
	for cursor := ""; ; {
		eps, next, err := d.Endpoints(org, peal.Page{Cursor: cursor, Limit: limit})
		if err != nil {
			rt.Fatal(err)
		}
		for _, ep := range eps {
			all = append(all, ep.ID.String(), d.RowVersion(directory.KindEndpoint, org, ep.ID.String()))
		}
		if cursor = next; next == "" {
			break
		}
	}
	orgs, _, err := d.Orgs(peal.Page{})
	if err != nil {
		rt.Fatal(err)
	}
	return append(all, orgs, d.RowVersion(directory.KindOrg, org, org))
}

func TestMatchFilters(t *testing.T) {
	filtered := func(n int, expr string) *peal.Endpoint {
		ep := endpoint("a", n, "x")
		ep.Filter = expr
		return ep
	}
	yes, no := filtered(1, "event.data.total > 5"), filtered(2, "event.data.total > 9")
	fails, paused := filtered(3, "event.data.missing == 1"), endpoint("a", 4, "x")
	paused.Status = peal.Paused
	elsewhere := endpoint("b", 5, "x")
	src := &memory{}
	src.put(orgRow(t, "a", time.Time{}), orgRow(t, "b", time.Time{}))
	for _, ep := range []*peal.Endpoint{yes, no, fails, paused, elsewhere} {
		src.put(endpointRow(t, ep))
	}
	d := newDirectory(t, src)
	refresh(t, d)

	eps, _, err := d.Match("a", event("x"), peal.EndpointID{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ids([]*peal.Endpoint{yes, paused}), ids(eps)); diff != "" {
		t.Error(diff)
	}
	for ep, want := range map[*peal.Endpoint]string{yes: "", no: "", elsewhere: "", fails: "no such key: missing"} {
		if got := d.FilterError(ep, event("x")); got != want {
			t.Errorf("the filter of %s fails with %q, want %q", ep.ID, got, want)
		}
	}
	for _, tc := range []struct {
		org  string
		ep   *peal.Endpoint
		typ  string
		want string
	}{
		{"a", yes, "x", ""},
		{"a", yes, "y", directory.ReasonType},
		{"a", no, "x", directory.ReasonFilter},
		{"a", fails, "x", directory.ReasonFilter},
		{"a", elsewhere, "x", directory.ReasonType},
		{"b", elsewhere, "x", ""},
	} {
		if got := d.Verdict(tc.org, tc.ep, event(tc.typ)); got != tc.want {
			t.Errorf("verdict on %s for %s in %s is %q, want %q", tc.typ, tc.ep.ID, tc.org, got, tc.want)
		}
	}
}

func TestPages(t *testing.T) {
	src := &memory{}
	var want []string
	for i, id := range []string{"oldest", "b", "a", "newest"} { // not in the order of ids
		src.put(orgRow(t, id, time.UnixMilli(int64(1000+i))))
		want = append(want, id)
	}
	slices.Reverse(want)
	d := newDirectory(t, src)
	refresh(t, d)
	var got []string
	for cursor := ""; ; {
		orgs, next, err := d.Orgs(peal.Page{Cursor: cursor, Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range orgs {
			got = append(got, o.ID)
		}
		if cursor == "" {
			src.put(deleted(orgRow(t, "b", time.Time{}))) // the row that the cursor stands on
			refresh(t, d)
		}
		if cursor = next; next == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, _, err := d.Orgs(peal.Page{Cursor: "***"}); peal.CodeOf(err) != peal.CodeInvalidCursor {
		t.Errorf("a made-up cursor gives %v", err)
	}
}

func loaded(t testing.TB, n int, events func(i int) []peal.Pattern) *directory.Directory {
	rows := make([]directory.Row, 0, n+1)
	rows = append(rows, orgRow(t, "a", time.Time{}))
	for i := range n {
		ep := endpoint("a", i+1, events(i)...)
		r := endpointRow(t, ep)
		r.Sealed = nil
		rows = append(rows, r)
	}
	src := &memory{}
	src.put(rows...)
	d := newDirectory(t, src)
	refresh(t, d)
	return d
}

func TestMatchAllocatesItsAnswerAlone(t *testing.T) {
	d := loaded(t, 10, func(i int) []peal.Pattern { return []peal.Pattern{"budget.*", "invoice.paid"} })
	ev := event("budget.low")
	allocs := testing.AllocsPerRun(100, func() {
		if eps, _, _ := d.Match("a", ev, peal.EndpointID{}); len(eps) != 10 {
			t.Fatalf("matched %d", len(eps))
		}
	})
	if allocs > 1 {
		t.Errorf("%v allocations, want the result's alone", allocs)
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		for _, bm := range []struct {
			name   string
			events func(i int) []peal.Pattern
		}{
			{"one takes it", func(i int) []peal.Pattern { return []peal.Pattern{peal.Pattern(fmt.Sprintf("t%d.*", i))} }},
			{"all take it", func(int) []peal.Pattern { return nil }},
		} {
			b.Run(fmt.Sprintf("%d/%s", n, bm.name), func(b *testing.B) {
				d := loaded(b, n, bm.events)
				ev := event("t7.x")
				b.ReportAllocs()
				for b.Loop() {
					if eps, _, _ := d.Match("a", ev, peal.EndpointID{}); len(eps) == 0 {
						b.Fatal("nothing matched")
					}
				}
			})
		}
	}
}

// Replacing an endpoint costs no copy of the configuration.
func BenchmarkRefresh(b *testing.B) {
	src := &one{}
	d := newDirectory(b, src)
	for i := range 100_000 {
		src.put(endpointRow(b, endpoint("a", i, "a.*")))
	}
	refresh(b, d)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		src.rows = src.rows[:0]
		src.put(endpointRow(b, endpoint("a", i%100_000, "a.*")))
		refresh(b, d)
	}
}

// one is a source that tells all its rows.
type one struct {
	rows    []directory.Row
	version int64
}

func (o *one) put(r directory.Row) {
	o.version++
	r.Version = o.version
	o.rows = append(o.rows, r)
}

func (o *one) Changes(context.Context, int64) ([]directory.Row, int64, error) {
	return o.rows, o.version, nil
}
