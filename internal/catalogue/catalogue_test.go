package catalogue

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file, or writes it there with -update.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is out of date; run go test with -update (-want +got):\n%s", path, diff)
	}
}

func compact(t *testing.T, data string) []byte {
	t.Helper()
	out, err := strictjson.Compact(nil, []byte(data))
	if err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return out
}

// exampleOf is an event of the type that was sent with its data alone.
func exampleOf(typ *Type) *peal.Event {
	return &peal.Event{Org: "acme-inc", Type: typ.Name, Subject: subjectOf(typ), Data: typ.Example}
}

func subjectOf(typ *Type) string {
	if typ.Source == "nolxy" {
		return "42"
	}
	return ""
}

func TestDocumentedTypes(t *testing.T) {
	want := strings.Fields(`
		balance.low budget.threshold rate_limit.repeated guardrail.blocked cost_leak.detected
		admin.key.created admin.key.rotated admin.key.deleted admin.member.added
		budget.exceeded budget.warning guardrail.triggered approval.requested agent.failed
		cost_anomaly.hourly_spike cost_anomaly.runaway_agent cost_anomaly.model_drift cost_anomaly.volume_surge
		budget_hierarchy_alert
		request.created request.accepted request.completed request.cancelled
		workflow.started workflow.completed workflow.failed
		task.assigned task.completed sla.warning sla.breached
		quota.warning quota.exceeded circuit.open circuit.closed api_key.created api_key.revoked
		endpoint.disabled delivery.dead approval.decided peal.test`)
	var got []string
	for _, typ := range All() {
		got = append(got, typ.Name)
		if found, ok := Lookup(typ.Name); !ok || found.Name != typ.Name {
			t.Errorf("Lookup(%q) = %v, %v", typ.Name, found, ok)
		}
		if err := peal.CheckType(typ.Name); err != nil {
			t.Errorf("%s: %v", typ.Name, err)
		}
		if s, err := peal.ParseSeverity(string(typ.Severity)); err != nil || s == "" {
			t.Errorf("%s: severity %q", typ.Name, typ.Severity)
		}
		if !strings.HasSuffix(typ.Description, ".") {
			t.Errorf("%s: description %q is no sentence", typ.Name, typ.Description)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, ok := Lookup("invoice.paid"); ok {
		t.Error("Lookup found a type that is not in the catalogue")
	}
}

// The payloads that the documents print, with their spelling of numbers.
var printed = map[string][]string{
	"balance.low": {`{
		"org_id": "f47ac10b-58cc-4372-a567-0e02b2c3d479", "current_balance": 4.27, "threshold": 10,
		"action": "Top up credits to avoid service interruption"}`},
	"budget.exceeded": {`{
		"blocked_by": "daily_budget", "daily_spent": 48.1234, "daily_budget": 50.00, "model": "claude-sonnet-4-20250514",
		"estimated_cost": 3.2100, "timestamp": "2026-05-04T14:23:00Z"}`},
	"guardrail.triggered": {
		`{
		"guardrail": "pii_detected", "reason": "Request body contains email addresses and SSNs", "model": "gpt-4.1",
		"details": {"pii_types": ["email", "ssn"], "field": "messages[0].content"}, "timestamp": "2026-05-04T14:25:12Z"}`,
		`{
		"guardrail": "rate_limit", "current_count": 61, "rpm_limit": 60, "model": "claude-sonnet-4-20250514",
		"timestamp": "2026-05-04T14:26:00Z"}`,
	},
	"approval.requested": {`{
		"request_id": "req_abc123def456", "model": "claude-opus-4-20250514", "estimated_cost": 12.5000, "hitl_threshold": 10.00,
		"approval_id": "apr_xyz789", "timestamp": "2026-05-04T14:30:00Z"}`},
	"agent.failed": {`{
		"runner_id": "byovm_c8a4acd75ea7", "runner_name": "frank", "session_id": "sess_abc123",
		"error": "Container OOMKilled after exceeding 2GB memory limit", "timestamp": "2026-05-04T15:00:00Z"}`},
	"cost_anomaly.hourly_spike": {`{
		"anomaly_id": "anom_abc123", "anomaly_type": "hourly_spike", "severity": "high", "current_value": 45.20,
		"threshold_value": 15.00, "multiplier": 3.01,
		"message": "Current hour cost ($45.20) exceeds 3x the 7-day hourly average ($15.00)",
		"details": {}, "detected_at": "2026-05-04T15:05:00Z"}`},
	"request.created": {`{
		"id": "req_abc123", "serviceId": "svc_xyz789", "title": "New laptop request", "status": "PENDING",
		"priority": "MEDIUM", "createdBy": "user_def456"}`},
	"quota.warning": {`{"currentUsage": 90000, "limit": 100000, "percentage": 90}`},
}

func TestExamplesFitSchemas(t *testing.T) {
	for _, typ := range All() {
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(typ.Schema))
		if err != nil {
			t.Fatalf("%s: %v", typ.Name, err)
		}
		if err := c.AddResource("schema.json", doc); err != nil {
			t.Fatalf("%s: %v", typ.Name, err)
		}
		s, err := c.Compile("schema.json")
		if err != nil {
			t.Fatalf("%s: %v", typ.Name, err)
		}
		for _, example := range append([]string{string(typ.Example)}, printed[typ.Name]...) {
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(example))
			if err != nil {
				t.Fatalf("%s: %v", typ.Name, err)
			}
			if err := s.Validate(v); err != nil {
				t.Errorf("%s: %v", typ.Name, err)
			}
		}
		if err := s.Validate(map[string]any{}); err == nil {
			t.Errorf("%s: the schema requires nothing", typ.Name)
		}
		// Every member of the example is described.
		err = strictjson.Fields(typ.Example, func(key string, _ []byte) error {
			for _, p := range typ.properties {
				if p.name == key {
					return nil
				}
			}
			return fmt.Errorf("%s is not described", key)
		})
		if err != nil {
			t.Errorf("%s: %v", typ.Name, err)
		}
		// Every value that the templates ask for is described, too.
		for _, key := range typ.needs {
			if !strings.Contains(string(typ.Schema), `"`+key+`":{`) {
				t.Errorf("%s: a template reads %s, which is not described", typ.Name, key)
			}
		}
	}
}

func TestExamplesAreTheDocuments(t *testing.T) {
	for name, examples := range printed {
		typ, ok := Lookup(name)
		if !ok {
			t.Fatalf("%s is not in the catalogue", name)
		}
		if diff := cmp.Diff(string(compact(t, examples[0])), string(typ.Example)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, typ := range All() {
		if diff := cmp.Diff(string(compact(t, string(typ.Example))), string(typ.Example)); diff != "" {
			t.Errorf("%s: the example is not compact: %s", typ.Name, diff)
		}
	}
}

func TestDescribeGolden(t *testing.T) {
	var out strings.Builder
	write := func(what string, ev *peal.Event) {
		title, message, severity := Describe(ev)
		for _, s := range []string{title, message} {
			if strings.ContainsAny(s, "{}[]|<>\n") || strings.Contains(s, "  ") || strings.TrimSpace(s) != s || s == "" {
				t.Errorf("%s: %q has leftovers", what, s)
			}
		}
		fmt.Fprintf(&out, "%s\n  %s  %s\n  %s\n", what, severity, title, message)
	}
	for i := range All() {
		typ := &All()[i]
		write(typ.Name, exampleOf(typ))
		for _, data := range printed[typ.Name][min(1, len(printed[typ.Name])):] {
			write(typ.Name+" as printed", &peal.Event{Org: "acme-inc", Type: typ.Name, Data: compact(t, data)})
		}
		write(typ.Name+" without data", &peal.Event{Type: typ.Name, Data: []byte(`{}`)})
		write(typ.Name+" with nulls", &peal.Event{Type: typ.Name, Data: nulls(t, typ)})
	}
	golden(t, "testdata/describe.golden", []byte(out.String()))
}

// nulls is the type's example with null for every value.
func nulls(t *testing.T, typ *Type) []byte {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(typ.Example, &m); err != nil {
		t.Fatal(err)
	}
	for k := range m {
		m[k] = json.RawMessage("null")
	}
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDescribeKeepsWhatWasSent(t *testing.T) {
	typ, _ := Lookup("balance.low")
	ev := exampleOf(typ)
	ev.Title, ev.Severity = "Mine", peal.Info
	title, message, severity := Describe(ev)
	if title != "Mine" || severity != peal.Info || message != "Org acme-inc is below $10 in credits." {
		t.Errorf("Describe = %q, %q, %s", title, message, severity)
	}
	ev.Message = "Also mine"
	if _, message, _ = Describe(ev); message != "Also mine" {
		t.Errorf("message = %q", message)
	}
}

func TestDescribeSeverity(t *testing.T) {
	for _, c := range []struct {
		typ, data string
		want      peal.Severity
	}{
		{"budget.threshold", `{"threshold":80}`, peal.Warning},
		{"budget.threshold", `{"threshold":100}`, peal.Critical},
		{"budget.threshold", `{"threshold":"120"}`, peal.Critical},
		{"budget_hierarchy_alert", `{"threshold_percent":100}`, peal.Critical},
		{"budget_hierarchy_alert", `{}`, peal.Warning},
		{"cost_anomaly.hourly_spike", `{"severity":"CRITICAL"}`, peal.Critical},
		{"cost_anomaly.hourly_spike", `{"severity":"dreadful"}`, peal.High},
		{"cost_anomaly.hourly_spike", `{}`, peal.High},
		{"invoice.paid", `{}`, peal.Info},
	} {
		if _, _, got := Describe(&peal.Event{Type: c.typ, Data: []byte(c.data)}); got != c.want {
			t.Errorf("%s %s is %s, want %s", c.typ, c.data, got, c.want)
		}
	}
}

func TestDescribeHostileValues(t *testing.T) {
	typ, _ := Lookup("agent.failed")
	data, err := json.Marshal(map[string]any{
		"runner_name": map[string]any{"a": "b"},
		"runner_id":   []int{1},
		"error":       "line one\nline two\u2028" + strings.Repeat("é", 1000),
		"session_id":  "{error}[a|b]",
	})
	if err != nil {
		t.Fatal(err)
	}
	title, message, _ := typ.Describe(&peal.Event{Type: typ.Name, Data: data})
	if title != "Agent failed" {
		t.Errorf("title = %q", title)
	}
	if !strings.HasPrefix(message, "line one line two é") || !strings.Contains(message, "…") || len(message) > 400 {
		t.Errorf("message = %q", message)
	}
	if !strings.HasSuffix(message, "(session {error}[a|b]).") {
		t.Errorf("a value was read as a template: %q", message)
	}
}

func TestFallback(t *testing.T) {
	for _, c := range []struct{ typ, subject, title, message string }{
		{"invoice.paid", "", "Invoice paid", "Invoice paid."},
		{"invoice.paid", "inv_1", "Invoice paid", "Invoice paid: inv_1."},
		{"com.acme/order_shipped:v2", "", "Com acme order shipped v2", "Com acme order shipped v2."},
		{"Ping", "", "Ping", "Ping."},
		{"...", "", "Event", "Event."},
		{"4xx", "a\nb", "4xx", "4xx: a b."},
	} {
		title, message, severity := Fallback(&peal.Event{Type: c.typ, Subject: c.subject})
		if title != c.title || message != c.message || severity != peal.Info {
			t.Errorf("Fallback(%s) = %q, %q, %s", c.typ, title, message, severity)
		}
	}
}

func FuzzDescribe(f *testing.F) {
	for _, typ := range All() {
		f.Add(typ.Name, string(typ.Example))
	}
	f.Fuzz(func(t *testing.T, name, data string) {
		body, err := strictjson.Compact(nil, []byte(data))
		if err != nil {
			return
		}
		title, message, severity := Describe(&peal.Event{Type: name, Data: body})
		if title == "" || message == "" || severity == "" {
			t.Errorf("%s %s: %q, %q, %q", name, body, title, message, severity)
		}
	})
}

func BenchmarkDescribe(b *testing.B) {
	for _, name := range []string{"budget.exceeded", "quota.exceeded", "peal.test", "invoice.paid"} {
		b.Run(name, func(b *testing.B) {
			ev := &peal.Event{Org: "acme", Type: name, Data: []byte(`{}`)}
			if typ, ok := Lookup(name); ok {
				ev = exampleOf(typ)
			}
			b.ReportAllocs()
			for b.Loop() {
				Describe(ev)
			}
		})
	}
}
