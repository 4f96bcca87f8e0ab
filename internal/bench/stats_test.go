package bench

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestPercentile(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	for _, tt := range []struct {
		values []int
		p      float64
		want   int
	}{
		{nil, 50, 0},
		{[]int{7}, 0, 7},
		{[]int{7}, 99.9, 7},
		{[]int{1, 2}, 50, 1},
		{[]int{1, 2}, 51, 2},
		{hundred, 50, 50},
		{hundred, 99, 99},
		{hundred, 99.9, 100},
		{hundred, 100, 100},
	} {
		if got := percentile(tt.values, tt.p); got != tt.want {
			t.Errorf("percentile(%d values, %g) = %d, want %d", len(tt.values), tt.p, got, tt.want)
		}
	}
}

// TestPercentileIsTheSmallestThatCovers checks the definition itself.
func TestPercentileIsTheSmallestThatCovers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.IntRange(0, 50), 1, 200).Draw(t, "values")
		p := rapid.IntRange(1, 100).Draw(t, "p")
		slices.Sort(values)
		got := percentile(values, float64(p))
		covered := func(v int) int {
			n := 0
			for _, x := range values {
				if x <= v {
					n++
				}
			}
			return n * 100
		}
		if covered(got) < p*len(values) {
			t.Fatalf("%d covers too little", got)
		}
		for _, v := range values {
			if v < got && covered(v) >= p*len(values) {
				t.Fatalf("%d is smaller than %d and covers enough", v, got)
			}
		}
	})
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{9, 1, 5, 3}, 4},
	} {
		given := slices.Clone(tt.values)
		if got := median(tt.values); got != tt.want || !slices.Equal(given, tt.values) {
			t.Errorf("median(%v) = %g, want %g; after it %v", given, got, tt.want, tt.values)
		}
	}
}
