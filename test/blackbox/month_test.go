package blackbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/peal-dev/peal/test/pgtest"
)

const (
	// streamHours is how long the stream is. It ends now, since nodes have no other clock,
	// and has a week before its incidents.
	streamHours = 9 * 24
	// openHours keeps hours open until all of the stream is reported.
	openHours = "240h"
	// lastKey is the one whose leak is told last.
	lastKey = "last"
	// markUser's requests are enough for a warning, which is told after all of the stream.
	markUser     = "mark"
	markRequests = 1000
)

// stream is a gateway's usage of nine days with incidents of all kinds that usage tells of,
// in the order of time; it is the same whenever it starts.
func stream(start time.Time) []object {
	random := rand.New(rand.NewPCG(9, 9))
	var records []object
	add := func(hour int, at time.Duration, fields ...any) {
		records = append(records, with(object{
			"id": fmt.Sprint("r", len(records)), "time": start.Add(time.Duration(hour)*time.Hour + at).Format(time.RFC3339),
		}, fields...))
	}
	price := map[int]float64{180: 4, 190: 7, 200: .3}
	volume := map[int]int{200: 7}
	for hour := range streamHours - 1 {
		for range 36 + random.IntN(5) {
			key := random.IntN(200)
			n := (10 + random.IntN(3)) * max(volume[hour], 1)
			cost := float64(n) * .01
			if p := price[hour]; p != 0 {
				cost *= p
			}
			add(hour, time.Duration(random.IntN(3600))*time.Second, "team", fmt.Sprint("team", key%8), "key", fmt.Sprint("key", key),
				"agent", fmt.Sprint("agent", key%20), "user", key%90, "route", []string{"chat", "embed", "image"}[key%3],
				"model", fmt.Sprint("model", key%50), "requests", n, "tokens", n*900, "cost", fmt.Sprintf("%.4f", cost), "status", 200)
		}
	}
	outage := func(hour int, at time.Duration, route string) {
		for _, s := range []int{0, 5, -6, 10, 15, 20, -25, 55, -60, -90, 95} {
			status := 503
			if s < 0 {
				s, status = -s, 200
			}
			add(hour, at+time.Duration(s)*time.Second, "route", route, "status", status)
		}
	}
	outage(50, 10*time.Minute, "embed")
	outage(50, 10*time.Minute, "image")
	outage(120, 59*time.Minute+10*time.Second, "embed")
	outage(170, 30*time.Minute, "image")
	for _, n := range []int{1000, 100, 300} {
		add(160, 5*time.Minute, "user", "heavy", "requests", n)
	}
	for range 5 {
		add(140, 6*time.Minute, "team", "research", "cost", "9.01")
	}
	add(195, 7*time.Minute, "agent", "frank", "requests", 40, "cost", "40")
	for _, status := range []int{500, 502, 503, 200} {
		add(185, 8*time.Minute, "key", "failing", "requests", 30, "cost", "1", "status", status)
	}
	add(5, 9*time.Minute, "key", "asleep", "cost", "1")
	add(201, 9*time.Minute, "key", "asleep", "cost", "3.5")
	for hour := 150; hour < 205; hour++ {
		add(hour, 10*time.Minute, "key", "retrying", "requests", 20, "cost", "0.2")
	}
	add(205, 10*time.Minute, "key", "retrying", "requests", 2000, "cost", "2.5")
	for minute := range 8 { // the last day, for older records are held against no minute's limit
		add(207, time.Duration(minute)*time.Minute, "key", "burst", "requests", 310)
	}
	add(207, 20*time.Minute, "key", "burst", "requests", 1, "tokens", 900_000)
	add(6, 9*time.Minute, "key", lastKey, "cost", "1")
	add(214, 9*time.Minute, "key", lastKey, "cost", "1.5") // the last that is told
	slices.SortStableFunc(records, func(a, b object) int { return strings.Compare(text(a, "time"), text(b, "time")) })
	return records
}

var streamRules = []object{
	{"kind": "budget", "scope": "org", "period": "daily", "limit": 150},
	{"kind": "budget", "scope": "org", "period": "monthly", "limit": 700},
	{"kind": "budget", "scope": "team", "ref": "research", "period": "monthly", "limit": 40, "name": "Research"},
	{"kind": "budget", "scope": "key", "period": "daily", "limit": 5},
	{"kind": "quota", "scope": "user", "limit": 1400, "thresholds": []int{70, 90}},
	{"kind": "balance", "threshold": 10},
	{"kind": "rate_limit", "scope": "key", "rpm": 300, "tpm": 500_000, "repeated": object{"hits": 5, "within": "5m"}},
	{"kind": "circuit", "failures": 5, "window": "1m", "cooldown": "30s"},
	{"kind": "anomaly", "daily_budget": 60},
	{"kind": "cost_leak"},
}

var streamTells = []string{
	"balance.low", "budget.exceeded", "budget.warning", "budget_hierarchy_alert", "circuit.closed", "circuit.open", "cost_anomaly.hourly_spike",
	"cost_anomaly.model_drift", "cost_anomaly.runaway_agent", "cost_anomaly.volume_surge", "cost_leak.detected", "guardrail.triggered",
	"quota.exceeded", "quota.warning", "rate_limit.repeated",
}

// asArrived are the members of data that say how much there was when a threshold was found
// crossed, or when or under which rule that was, and so depend on what had arrived.
var asArrived = []string{
	"daily_spent", "monthly_spent", "spent", "current_count", "currentUsage", "percentage", "current_balance", "timestamp", "detected_at", "anomaly_id",
}

// raised are an org's events as far as they do not depend on the order of arrival.
func raised(t *testing.T, c *caller) (out []string) {
	t.Helper()
	for _, listed := range c.List(t, "/v1/events?limit=200") {
		if text(listed, "subject") == markUser {
			continue
		}
		e := c.Call(t, 200, "GET", "/v1/events/"+text(listed, "id"), nil)
		data, ok := e["data"].(object)
		if !ok {
			t.Fatalf("an event without data: %v", e)
		}
		enough(t, text(e, "type"), data)
		for _, name := range asArrived {
			delete(data, name)
		}
		doc, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.ReplaceAll(fmt.Sprintf("%v %v %s", e["type"], e["subject"], doc), c.Org, "ORG"))
	}
	slices.Sort(out)
	return out
}

// enough holds the figures that depend on arrival to what was crossed.
func enough(t *testing.T, kind string, data object) {
	t.Helper()
	value := func(name string) float64 {
		n, _ := data[name].(json.Number)
		f, err := n.Float64()
		if err != nil {
			return 0
		}
		return f
	}
	percent := value("threshold_percent")
	for _, of := range [][2]string{{"daily_spent", "daily_budget"}, {"monthly_spent", "monthly_budget"}, {"spent", "budget"}} {
		if _, ok := data[of[0]]; ok && (value(of[0])*100 < value(of[1])*percent || percent == 0 && value(of[0]) <= value(of[1])) {
			t.Errorf("%s with %v", kind, data)
		}
	}
	if _, ok := data["current_count"]; ok && value("current_count") <= value("rpm_limit")+value("tpm_limit") {
		t.Errorf("%s with %v", kind, data)
	}
}

// prepare makes the stream's org, with its rules and credits.
func prepare(t *testing.T, s *server) *caller {
	t.Helper()
	c := newOrg(t, s, "profile", "curate-me")
	for _, rule := range streamRules {
		c.Call(t, 201, "POST", "/v1/rules", rule)
	}
	c.Call(t, 201, "POST", "/v1/credits", object{"amount": 500})
	return c
}

// A gateway's stream over three nodes in random order, of which some reports come twice and
// nodes are killed all the time, tells what it tells one node in the order of time: the same
// events, each once.
func TestNodesTellAStreamOnce(t *testing.T) {
	t.Parallel()
	database := pgtest.Schema(t)
	start := time.Now().UTC().Truncate(time.Hour).Add(-streamHours * time.Hour)
	records := stream(start)

	one := newServer(t, append([]string{"--usage-lateness", openHours}, loopback...)...)
	c := prepare(t, one)
	for batch := range slices.Chunk(records, 100) {
		c.Call(t, 202, "POST", "/v1/usage", batch)
	}
	one.Kill()
	one.flags = loopback
	one.Start(t)
	c.URL = one.URL
	want := ended(t, c)
	for _, kind := range streamTells {
		if !slices.ContainsFunc(want, func(e string) bool { return strings.HasPrefix(e, kind+" ") }) {
			t.Errorf("the stream tells no %s", kind)
		}
	}

	var nodes []*server
	for range 3 {
		nodes = append(nodes, newNode(t, database, "--usage-lateness", openHours))
	}
	c = prepare(t, nodes[0])
	for _, n := range nodes {
		to := *c
		to.URL = n.URL
		eventually(t, func() error { return knows(&to, len(streamRules)) })
	}
	kills := reportShuffled(t, nodes, c, records)
	for _, n := range nodes {
		n.Kill()
		n.flags = n.flags[2:]
		n.Start(t)
	}
	c.URL = nodes[1].URL
	// Whoever closes hours dies, too.
	nodes[0].Kill()
	got := ended(t, c)
	nodes[0].Start(t)
	for deadline := time.Now().Add(patience); len(got) < len(want) && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		got = raised(t, c) // another node may not have told yet what came before
	}
	if !slices.Equal(got, want) {
		t.Errorf("told otherwise:\n%s", difference(want, got))
	}
	t.Logf("%d events of %d records, with %d kills", len(want), len(records), kills+len(nodes)+1)
	sums := c.List(t, "/v1/usage/summary?since="+start.Format(time.RFC3339))
	requests := markRequests
	for _, r := range records {
		n, ok := r["requests"].(int)
		if !ok {
			n = 1
		}
		requests += n
	}
	if len(sums) != 1 || number(t, sums[0], "requests") != requests {
		t.Errorf("counted %v, want %d requests", sums, requests)
	}
}

// knows fails until a node has an org's rules at hand.
func knows(c *caller, rules int) error {
	a, err := c.Do("GET", "/v1/rules?limit=100", nil)
	if err != nil {
		return err
	}
	var page struct{ Data []any }
	if a.Status == 200 {
		err = json.Unmarshal(a.Body, &page)
	}
	if err == nil && len(page.Data) != rules {
		err = fmt.Errorf("answered %d %s", a.Status, clip(a.Body))
	}
	return err
}

// ended waits until the hours are closed and gives what was told.
func ended(t *testing.T, c *caller) []string {
	t.Helper()
	within(t, 2*patience, func() error {
		for _, e := range c.List(t, "/v1/events?type=cost_leak.detected") {
			if text(e, "subject") == lastKey {
				return nil
			}
		}
		return errors.New("the last is not told")
	})
	// What is raised together is published in any order, and before what is raised later.
	c.Call(t, 202, "POST", "/v1/usage", []object{{"user": markUser, "requests": markRequests}})
	within(t, patience, func() error {
		if len(c.List(t, "/v1/events?type=quota.warning&subject="+markUser)) == 0 {
			return errors.New("the mark is not told")
		}
		return nil
	})
	return raised(t, c)
}

// difference is what only one of two sorted lists has.
func difference(want, got []string) string {
	var lines []string
	for _, e := range want {
		if i := slices.Index(got, e); i >= 0 {
			got = slices.Delete(slices.Clone(got), i, i+1)
		} else {
			lines = append(lines, "- "+e)
		}
	}
	for _, e := range got {
		lines = append(lines, "+ "+e)
	}
	return strings.Join(lines, "\n")
}

// reportShuffled reports records in random order to nodes that are killed all the while, each
// until a node has answered, and some again.
func reportShuffled(t *testing.T, nodes []*server, c *caller, records []object) (kills int) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 9))
	records = slices.Clone(records)
	random.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	urls := make([]atomic.Value, len(nodes))
	for i, n := range nodes {
		urls[i].Store(n.URL)
	}
	batches := slices.Collect(slices.Chunk(records, 40))
	batches = append(batches, batches[:len(batches)/10]...)
	var next, again atomic.Int64
	var reporting sync.WaitGroup
	for worker := range 6 {
		reporting.Go(func() {
			for turn := worker; ; turn++ {
				i := int(next.Add(1)) - 1
				if i >= len(batches) {
					return
				}
				for tries := 0; ; tries, turn = tries+1, turn+1 {
					to := *c
					to.URL = urls[turn%len(urls)].Load().(string)
					a, err := to.Do("POST", "/v1/usage", batches[i])
					if err == nil && a.Status == 202 {
						break
					}
					again.Add(1)
					if tries == 1000 || err == nil && a.Status < 429 {
						t.Errorf("a report is not taken: %v %+v", err, a)
						return
					}
					time.Sleep(20 * time.Millisecond) // as a client does that means to try again
				}
			}
		})
	}
	// A node dies whenever another part of the stream is reported.
	const parts = 8
	for part := 1; part < parts && !t.Failed(); part++ {
		for int(next.Load()) < part*len(batches)/parts && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
		n := random.IntN(len(nodes))
		nodes[n].Kill()
		nodes[n].Start(t)
		urls[n].Store(nodes[n].URL)
		kills++
	}
	reporting.Wait()
	t.Logf("%d reports, %d of them tried again", len(batches), again.Load())
	return kills
}
