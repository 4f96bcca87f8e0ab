package storetest_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store/storetest"
)

// gateway makes the usage of an AI gateway by the hour, the same for the same seed: people
// work in the day and rest at weekends, a few keys are used a lot and most a little.
type gateway struct {
	random  *rand.Rand
	start   time.Time
	keys    int
	records int // in an hour that is usual
	each    int // requests of a record
}

const (
	gatewayModels = 50
	tokenPrice    = 10_000 // units of 10^-9 dollars
)

// rhythm is how busy an hour is, 1 on average of a working day.
func rhythm(t time.Time) float64 {
	busy := []float64{.35, .3, .3, .3, .3, .4, .6, .8, 1.1, 1.4, 1.6, 1.6, 1.5, 1.6, 1.6, 1.5, 1.4, 1.3, 1.2, 1.1, 1, .9, .8, .6}[t.Hour()]
	if day := t.Weekday(); day == time.Saturday || day == time.Sunday {
		busy *= .6
	}
	return busy
}

// hour is what happens in an hour, scaled.
func (g *gateway) hour(h int, requests, price float64) []governance.Record {
	at := g.start.Add(time.Duration(h) * time.Hour)
	out := make([]governance.Record, int(rhythm(at)*float64(g.records)*(.95+.1*g.random.Float64())))
	for i := range out {
		key := g.random.IntN(g.keys)
		model := (key*7 + g.random.IntN(3)) % gatewayModels
		n := int64(float64(g.each+g.random.IntN(3)) * requests)
		out[i] = governance.Record{
			ID: fmt.Sprint(h, "/", i), Time: at.Add(time.Duration(g.random.IntN(3600)) * time.Second),
			Team: "team" + strconv.Itoa(key%8), Key: "key" + strconv.Itoa(key), Agent: "agent" + strconv.Itoa(key%100), User: strconv.Itoa(key % 300),
			Route: "chat", Model: "model" + strconv.Itoa(model), Requests: n, Tokens: n * 900,
			Cost: peal.Decimal(float64(n*900*tokenPrice) * price), Failed: g.random.IntN(50) == 0,
		}
	}
	return out
}

// month is 30 days of a gateway with planted incidents, by the hour, and what of them
// there is to tell.
func (g *gateway) month() (hours [][]governance.Record, want []string) {
	plant := map[int]func([]governance.Record) []governance.Record{}
	scaled := map[int][2]float64{}
	at := func(day, hour int) int { return 24*day + hour }
	add := func(h int, r governance.Record) {
		old := plant[h]
		plant[h] = func(records []governance.Record) []governance.Record {
			if old != nil {
				records = old(records)
			}
			r.ID, r.Time = fmt.Sprint(h, "+", len(records)), g.start.Add(time.Duration(h)*time.Hour+17*time.Minute)
			return append(records, r)
		}
	}
	// Dearer requests at noon: the hour costs too much, while neither their number nor
	// the price of each is out of bounds. Two hours are one episode, and the next day's
	// is another.
	for _, h := range []int{at(9, 11), at(9, 12), at(10, 11)} {
		scaled[h] = [2]float64{1.3, 2.5}
	}
	// In a quiet night models are six times as dear, and in another there are seven times
	// the requests, at a third of the price.
	scaled[at(14, 2)] = [2]float64{1, 6}
	scaled[at(17, 3)] = [2]float64{7, .3}
	// One agent spends 3 of the daily budget of 5.
	add(at(20, 13), governance.Record{Agent: "frank", Requests: 40, Cost: storetest.Amount("3")})
	// A key pays for failures; one comes back after ten days; one retries without end.
	for i, failed := range []bool{true, true, true, false} {
		add(at(22, 14), governance.Record{Key: "failing", Route: "chat" + strconv.Itoa(i), Model: "model1", Requests: 30, Cost: storetest.Amount("1"), Failed: failed})
	}
	add(at(8, 9), governance.Record{Key: "asleep", Model: "model2", Requests: 5, Cost: storetest.Amount("1")})
	add(at(24, 15), governance.Record{Key: "asleep", Model: "model2", Requests: 5, Cost: storetest.Amount("3.5")})
	for h := at(24, 0); h < at(26, 12); h++ {
		add(h, governance.Record{Key: "retrying", Model: "model3", Requests: 20, Cost: storetest.Amount("0.2")})
	}
	add(at(26, 12), governance.Record{Key: "retrying", Model: "model3", Requests: 2000, Cost: storetest.Amount("2.5")})

	for h := range 30 * 24 {
		by := scaled[h]
		if by[0] == 0 {
			by = [2]float64{1, 1}
		}
		records := g.hour(h, by[0], by[1])
		if f := plant[h]; f != nil {
			records = f(records)
		}
		hours = append(hours, records)
	}
	return hours, g.want(hours, at)
}

// want is computed from the records by another way than Peal's: in floating point, over
// all of the hours before.
func (g *gateway) want(hours [][]governance.Record, at func(day, hour int) int) []string {
	cost, requests := make([]float64, len(hours)), make([]float64, len(hours))
	for h, records := range hours {
		for _, r := range records {
			cost[h] += float64(r.Cost) / 1e9
			requests[h] += float64(r.Requests)
		}
	}
	sum := func(all []float64, h int) (s float64) {
		for i := h - 168; i < h; i++ {
			s += all[i]
		}
		return s
	}
	told := func(h int, kind, subject string, value, threshold float64) string {
		return fmt.Sprintf("%s %s %s %.4f/%.4f", g.start.Add(time.Duration(h+1)*time.Hour).Format("02T15"), kind, subject, value, threshold)
	}
	spike := func(h int) string { return told(h, "cost_anomaly.hourly_spike", "acme", cost[h], sum(cost, h)/168) }
	drift := at(14, 2)
	surge, normal := at(17, 3), 0.0
	for day := 1; day <= 7; day++ {
		normal += requests[surge-24*day] / 7
	}
	return []string{
		spike(at(9, 11)), spike(at(10, 11)),
		told(drift, "cost_anomaly.model_drift", "acme", cost[drift]/requests[drift], sum(cost, drift)/sum(requests, drift)),
		told(surge, "cost_anomaly.volume_surge", "acme", requests[surge], normal),
		told(at(20, 13), "cost_anomaly.runaway_agent", "frank", 3, 2.5),
		told(at(22, 14), "cost_leak.detected", "failing", 4, 0),
		told(at(24, 15), "cost_leak.detected", "asleep", 3.5, 0),
		told(at(26, 12), "cost_leak.detected", "retrying", 2.5, 0),
	}
}

// gatewayRules are rules that the gateway's usual hours never cross.
var gatewayRules = []peal.Rule{
	{Kind: peal.RuleAnomaly, Detection: peal.Detection{DailyBudget: storetest.Amount("5")}}, {Kind: peal.RuleCostLeak},
}

// incidents are the anomalies and leaks that were told.
func incidents(b *storetest.Books) []string {
	out := []string{}
	for _, r := range b.ToldEvents() {
		if !strings.HasPrefix(r.Type, "cost_") {
			continue
		}
		var d struct {
			Detected  time.Time `json:"detected_at"`
			Value     float64   `json:"current_value"`
			Threshold float64   `json:"threshold_value"`
			Amount    float64   `json:"amount"`
		}
		b.Decode(r.Data, &d)
		out = append(out, fmt.Sprintf("%s %s %.4f/%.4f", r.Type, r.Subject, d.Value+d.Amount, d.Threshold))
	}
	return out
}

// withoutTimes drops when they were told.
func withoutTimes(want []string) (out []string) {
	for _, s := range want {
		out = append(out, s[len("02T15 "):])
	}
	return out
}

func closer(b *storetest.Books) *governance.Closer {
	return &governance.Closer{
		Store: b.L, Orgs: func() []string { return []string{b.Org} }, Plan: func(string) *governance.Plan { return b.Plan }, Now: b.Now,
		Lateness: 5 * time.Minute,
	}
}

// TestGatewayMonth plants incidents in 30 days of a gateway: each is told once, with the
// right figures, when its hour is closed, and nothing else is.
func TestGatewayMonth(t *testing.T) {
	t.Parallel()
	f := storetest.New(t, sqlite)
	b := f.Books("", gatewayRules...)
	g := &gateway{random: rand.New(rand.NewPCG(6, 6)), start: f.Now().Truncate(24 * time.Hour), keys: 1000, records: 60, each: 10}
	hours, want := g.month()
	f.Pass(g.start.Sub(f.Now()))
	c := closer(b)
	told := []string{}
	for h, records := range hours {
		f.Pass(time.Hour)
		b.Use(records...)
		f.Pass(5*time.Minute - time.Microsecond)
		if h%23 == 0 { // it is not late yet
			f.Check(c.Round(f.Ctx))
			if all := incidents(b); len(all) != len(told) {
				t.Fatalf("told before the hour was closed: %v", all[len(told):])
			}
		}
		f.Pass(time.Microsecond)
		f.Check(c.Round(f.Ctx))
		for _, s := range incidents(b)[len(told):] {
			told = append(told, f.Now().Format("02T15")+" "+s)
		}
		f.Pass(-5 * time.Minute)
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	// A simulation over what is stored says the same, and more under a lower threshold.
	for i, rule := range gatewayRules {
		copy(rule.ID[:], fmt.Sprintf("%016d", i+1))
		simulate := func() (out []string) {
			s := &governance.Simulation{Store: f.L, Plan: f.Books("", rule).Plan, Rule: &rule, Since: g.start, Until: f.Now()}
			firings, err := s.Run(f.Ctx)
			f.Check(err)
			for _, x := range firings {
				value, _ := x.Value.Float64()
				threshold, _ := x.Threshold.Float64()
				out = append(out, fmt.Sprintf("%s %s %s %.4f/%.4f", x.Time.Format("02T15"), x.Type, x.Subject, value, threshold))
			}
			return out
		}
		of := want[:5]
		if rule.Kind == peal.RuleCostLeak {
			of = want[5:]
		}
		if diff := cmp.Diff(of, simulate()); diff != "" {
			t.Errorf("simulated (-want +got):\n%s", diff)
		}
		rule.HourlySpike, rule.MinCost = new(3*peal.DecimalOne/2), storetest.Amount("3")
		if rule.Kind == peal.RuleCostLeak {
			rule.HourlySpike = nil
			if got := simulate(); len(got) != 2 {
				t.Errorf("leaks of 3 and more: %v", got)
			}
		} else if got := simulate(); len(got) <= len(of) {
			t.Errorf("with a lower threshold: %v", got)
		}
	}
	if got := incidents(b); len(got) != len(want) {
		t.Errorf("a simulation told something: %v", got)
	}
}

// TestGatewayNodes reports a gateway's usage to three nodes in random order, of which the
// one that closes hours dies: the same is told, once.
func TestGatewayNodes(t *testing.T) {
	t.Parallel()
	url := forgetful(t)
	var nodes []*storetest.Books
	for range 3 {
		nodes = append(nodes, storetest.NewNode(t, url, 100*time.Millisecond).Books("", gatewayRules...))
	}
	g := &gateway{random: rand.New(rand.NewPCG(7, 7)), start: nodes[0].Now().Truncate(24 * time.Hour), keys: 200, records: 30, each: 20}
	hours, want := g.month()
	stream := slices.Concat(hours...)
	g.random.Shuffle(len(stream), func(i, j int) { stream[i], stream[j] = stream[j], stream[i] })
	var reporting sync.WaitGroup
	for i, node := range nodes {
		reporting.Go(func() {
			for batch := range slices.Chunk(stream[i*len(stream)/3:(i+1)*len(stream)/3], 500) {
				node.Use(batch...)
			}
		})
	}
	reporting.Wait()
	for _, n := range nodes {
		n.Pass(31 * 24 * time.Hour)
	}
	// The first closes some hours, and dies with the chore in hand.
	nodes[0].Check(closer(nodes[0]).Round(nodes[0].Ctx))
	few := closer(nodes[0])
	few.Now = func() time.Time { return g.start.Add(16 * 24 * time.Hour) }
	nodes[0].Check(few.Round(nodes[0].Ctx))
	if got := len(incidents(nodes[1])); got == 0 || got >= len(want) {
		t.Fatalf("told %d before one died", got)
	}
	nodes[0].Check(nodes[0].DB.Close())
	eventually(t, "another node closes the rest", func() bool {
		var closing sync.WaitGroup
		for _, n := range nodes[1:] {
			closing.Go(func() { n.Check(closer(n).Round(n.Ctx)) })
		}
		closing.Wait()
		marks := int64(0)
		for _, n := range nodes[1:] {
			m, _, err := n.L.ClaimHours(n.Ctx)
			n.Check(err)
			marks = max(marks, m[n.Org])
		}
		return marks >= nodes[1].Now().Add(-2*time.Hour).UnixMicro()
	})
	nodes[0].Open() // the fixture closes it
	got := incidents(nodes[1])
	if diff := cmp.Diff(withoutTimes(want), got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}
