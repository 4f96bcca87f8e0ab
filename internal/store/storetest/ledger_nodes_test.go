package storetest_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store/storetest"
)

// Whatever 64 reservers on two nodes do at once, no budget and no balance is overspent.
func TestNodesNeverOverspend(t *testing.T) {
	a, b := twoNodes(t)
	rules := func(f *storetest.Fixture) *storetest.Books {
		return f.Books("curate-me",
			peal.Rule{Kind: peal.RuleBudget, Scope: peal.ScopeOrg, Period: peal.Daily, Limit: storetest.Amount("100")},
			peal.Rule{Kind: peal.RuleBudget, Scope: peal.ScopeTeam, Period: peal.Monthly, Limit: storetest.Amount("40")},
			peal.Rule{Kind: peal.RuleBudget, Scope: peal.ScopeKey, Period: peal.Daily, Limit: storetest.Amount("9")})
	}
	nodes := []*storetest.Books{rules(a), rules(b)}
	a.Check(nodes[0].TopUp("90"))
	var allowed, denied atomic.Int64
	var asking sync.WaitGroup
	var counting sync.Mutex
	reserved := map[string]peal.Decimal{} // by team and key
	for i := range 64 {
		asking.Go(func() {
			node := nodes[i%2]
			for n := range 6 {
				r := node.Ask("1.5")
				r.Team, r.Key = fmt.Sprint("team", (i+n)%3), fmt.Sprint("key", (i*7+n)%16)
				switch node.Reserve(r); r.Status {
				case governance.Allowed:
					allowed.Add(1)
					counting.Lock()
					reserved[r.Team] += r.Cost
					reserved[r.Key] += r.Cost
					counting.Unlock()
					if n%3 == 0 {
						if _, err := node.Close(r.ID, governance.Settle, "1.5"); err != nil {
							t.Error(err)
						}
					}
				case governance.Denied:
					denied.Add(1)
				default:
					t.Errorf("it is %s", r.Status)
				}
			}
		})
	}
	asking.Wait()
	account, err := b.L.Account(b.Ctx, b.Org)
	b.Check(err)
	used := account.Spent + account.Reserved
	if used != peal.Decimal(allowed.Load())*storetest.Amount("1.5") || used > storetest.Amount("90") || used < storetest.Amount("88.5") {
		t.Errorf("%d allowed, %d denied: %+v", allowed.Load(), denied.Load(), account)
	}
	for who, sum := range reserved {
		limit := storetest.Amount("9")
		if strings.HasPrefix(who, "team") {
			limit = storetest.Amount("40")
		}
		if sum > limit {
			t.Errorf("%s was allowed %s of %s", who, sum, limit)
		}
	}
	// Nothing went past the first budget that was full.
	told := nodes[0].Told("node_id", "threshold_percent", "team", "key", "blocked_by", "daily_budget")
	if slices.ContainsFunc(told, func(s string) bool { return strings.HasPrefix(s, "budget.exceeded \"daily_budget\" 100") }) {
		t.Errorf("the org's budget of 100 was exceeded with a balance of 90: %v", told)
	}
	slices.Sort(told)
	if once := slices.Compact(slices.Clone(told)); len(once) != len(told) {
		t.Errorf("something was told twice: %v", told)
	}
}

// The same usage over three nodes, in any order and with repeats, tells the same, once.
func TestNodesTellOnce(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	rules := []peal.Rule{
		{Kind: peal.RuleBudget, Scope: peal.ScopeOrg, Period: peal.Daily, Limit: storetest.Amount("100")},
		{Kind: peal.RuleBudget, Scope: peal.ScopeTeam, Period: peal.Monthly, Limit: storetest.Amount("200")},
		{Kind: peal.RuleQuota, Scope: peal.ScopeUser, Limit: storetest.Amount("20")},
		{Kind: peal.RuleRateLimit, Scope: peal.ScopeKey, RPM: 12},
	}
	var nodes []*storetest.Books
	for range 3 {
		nodes = append(nodes, storetest.NewNode(t, url, 0).Books("curate-me", rules...))
	}
	var records []governance.Record
	start := nodes[0].Now()
	for i := range 300 {
		records = append(records, governance.Record{
			ID: fmt.Sprint("r", i), Time: start.Add(-time.Duration(i) * 8 * time.Minute), Requests: 1, Cost: storetest.Amount("1.5"),
			Team: fmt.Sprint("team", i%3), Key: fmt.Sprint("key", i%40), User: fmt.Sprint("user", i%9),
		})
	}
	for i := range 20 { // one key in one minute
		records = append(records, governance.Record{ID: fmt.Sprint("burst", i), Time: start, Requests: 1, Key: "burst"})
	}
	random := rand.New(rand.NewPCG(1, 2))
	want := []string(nil)
	for round := range 2 {
		org := fmt.Sprint("org", round)
		for _, n := range nodes {
			n.Org = org
			n.Plan = n.Books("curate-me", rules...).Plan
		}
		stream := append(slices.Clone(records), records[:100]...) // some come again
		random.Shuffle(len(stream), func(i, j int) { stream[i], stream[j] = stream[j], stream[i] })
		var duplicates atomic.Int64
		var reporting sync.WaitGroup
		for i, node := range nodes {
			reporting.Go(func() {
				for batch := range slices.Chunk(stream[i*len(stream)/3:(i+1)*len(stream)/3], 10) {
					duplicates.Add(int64(node.Use(slices.Clone(batch)...)))
				}
			})
		}
		reporting.Wait()
		if duplicates.Load() != 100 {
			t.Errorf("%d duplicates, want 100", duplicates.Load())
		}
		told := nodes[0].Told("budget", "blocked_by", "node_id", "threshold_percent", "threshold", "subject", "limit", "guardrail")
		slices.Sort(told)
		if round == 0 {
			want = told
			continue
		}
		if diff := cmp.Diff(orgless(want, "org0"), orgless(told, org)); diff != "" {
			t.Errorf("another order tells otherwise:\n%s", diff)
		}
	}
	if len(want) < 20 {
		t.Errorf("only %d events: %v", len(want), want)
	}
}

// orgless replaces the org where it is a subject.
func orgless(told []string, org string) []string {
	out := slices.Clone(told)
	for i, s := range out {
		if len(s) > len(org) && s[len(s)-len(org):] == org {
			out[i] = s[:len(s)-len(org)]
		}
	}
	return out
}
