package governance

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/peal"
)

// What a route remembers is the same whatever order its records come in, and survives being
// written.
func TestRouteOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := &rule{Rule: peal.Rule{Failures: rapid.IntRange(1, 4).Draw(t, "failures")}}
		type record struct {
			at, times int64
			failed    bool
		}
		records := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) record {
			return record{rapid.Int64Range(0, 30_000_000).Draw(t, "at"), rapid.Int64Range(1, 5).Draw(t, "times"), rapid.Bool().Draw(t, "failed")}
		}), 1, 40).Draw(t, "records")
		remember := func() *route {
			m := &route{}
			for _, r := range records {
				m.keep(c, r.at, r.failed, r.times)
			}
			return m
		}
		want := remember()
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		random.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		if diff := cmp.Diff(want.Slots, remember().Slots); diff != "" {
			t.Fatalf("another order leaves something else behind:\n%s", diff)
		}
		doc, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var read route
		if err := json.Unmarshal(doc, &read); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Slots, read.Slots); diff != "" {
			t.Fatalf("read otherwise than written:\n%s", diff)
		}
		before := int64(-1)
		read.marks(0, 31_000_000, func(at int64, _ bool, _ int64) {
			if at < before {
				t.Fatalf("%d comes after %d", at, before)
			}
			before = at
		})
	})
}

// A route that fails all the time is not remembered at any length, the latest before the rest.
func TestRouteBound(t *testing.T) {
	t.Parallel()
	c, m := &rule{Rule: peal.Rule{Failures: 1000}}, &route{}
	const failures = 100_000
	for i := range int64(failures) {
		m.keep(c, i*5000, true, 1)
	}
	doc, err := json.Marshal(m)
	if err != nil || len(doc) > 1<<18 {
		t.Fatalf("remembered in %d bytes, %v", len(doc), err)
	}
	n := 0
	m.marks(0, failures*5000, func(int64, bool, int64) { n++ })
	if n < maxMoments-2000 || n > maxMoments+1000 || m.keep(c, 1, true, 1) {
		t.Errorf("remembers %d", n)
	}
}

func FuzzSlots(f *testing.F) {
	f.Add([]byte(`"BAICAgQ="`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s slots
		if s.UnmarshalJSON(text) != nil {
			return
		}
		m := &route{Slots: s}
		m.marks(0, 1<<62, func(int64, bool, int64) {})
	})
}
