package storetest

import (
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/workflow"
)

var flowClaimTests = map[string]func(*Fixture){
	"what is held is not claimed": func(f *Fixture) {
		var ids []peal.ExecutionID
		for range 6 {
			c := f.Start(func(c *workflow.Commit) { c.Owned = false })
			f.Begin(c)
			ids = append(ids, c.Execution.ID)
			f.Pass(time.Second)
		}
		held := func(id peal.ExecutionID) bool { return slices.Contains(ids[:4], id) }
		for _, want := range []peal.ExecutionID{ids[4], ids[5]} { // which stand behind those that are held
			got, err := f.F.Claim(f.Ctx, f.Org, f.Now(), 1, held)
			if f.Check(err); len(got) != 1 || got[0].Execution.ID != want {
				f.Fatalf("claimed %v, want %s", got, want)
			}
		}
		if got, err := f.F.Claim(f.Ctx, f.Org, f.Now(), 3, held); err != nil || len(got) != 0 {
			f.Fatalf("claimed %v, %v", got, err)
		}
		if got, err := f.F.Claim(f.Ctx, f.Org, f.Now(), 10, Nothing); err != nil || len(got) != 4 {
			f.Fatalf("claimed %v, %v", got, err)
		}
		f.Check(f.F.Cancel(f.Ctx, f.Org, ids[0], f.Now()))
		want := ids[:1]
		if f.DB.Dialect() != store.PostgreSQL {
			want = nil // there is no other node
		}
		if lost, err := f.F.Lost(f.Ctx, f.Org, ids); err != nil || !slices.Equal(lost, want) {
			f.Fatalf("lost %v, %v", lost, err)
		}
	},
}

// Nothing is what a node holds that has just begun.
func Nothing(peal.ExecutionID) bool { return false }
