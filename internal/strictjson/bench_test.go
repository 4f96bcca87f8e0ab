package strictjson_test

import (
	"testing"

	"github.com/peal-dev/peal/internal/strictjson"
)

// oneKiB is an event as gateways send it: twenty members, strings, numbers, nesting.
var oneKiB = []byte(`{"type":"guardrail.triggered","source":"gateway.example.com","time":"2026-05-04T14:25:12Z","subject":"user_4821",` +
	`"severity":"high","title":"A guardrail blocked a request","message":"The request body holds e-mail addresses and was stopped before it reached the model.",` +
	`"data":{"guardrail":"pii_detected","reason":"Request body contains email addresses and SSNs","model":"gpt-4.1","request_id":"req_abc123def456",` +
	`"estimated_cost":3.2100,"daily_spent":48.1234,"daily_budget":50.00,"current_count":61,"rpm_limit":60,"streaming":false,"parent":null,` +
	`"details":{"pii_types":["email","ssn","phone"],"field":"messages[0].content","spans":[[0,12],[44,61],[102,140]],"confidence":[0.93,0.88,0.71]},` +
	`"labels":{"team":"payments","environment":"production","region":"eu-central-1","cost_center":"cc-1138","owner":"platform@example.com"},` +
	`"note":"The quick brown fox jumps over the lazy dog, again and again, until the paragraph is long enough to fill one kibibyte of text for this measurement."}}`)

func BenchmarkCompact(b *testing.B) {
	dst := make([]byte, 0, 2048)
	b.SetBytes(int64(len(oneKiB)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := strictjson.Compact(dst, oneKiB); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendPython(b *testing.B) {
	dst := make([]byte, 0, 4096)
	b.SetBytes(int64(len(oneKiB)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := strictjson.AppendPython(dst, oneKiB); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFields(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := strictjson.Fields(oneKiB, func(string, []byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
