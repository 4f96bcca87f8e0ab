package catalogue

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/peal"
)

func TestDetails(t *testing.T) {
	at := time.Date(2026, 5, 4, 14, 23, 0, 0, time.UTC)
	for _, tc := range []struct {
		eventType, data string
		want            []Detail
	}{
		{"x", `{}`, nil},
		{"x", `not JSON`, nil},
		{"x", `{"a":null,"b":"","c":" \n","d":[],"e":{},"f":[null],"g":"` + "\u200b" + `"}`, nil},
		{"x", `{"total":129.90,"tokensUsed":12345,"ok":false,"keyId":7,"took_ms":1500,"share_pct":5.25,"cost_usd":3.5,"when":"2026-05-04T16:00:00+02:00"}`, []Detail{
			{Key: "total", Label: "Total", Text: "129.90"},
			{Key: "tokensUsed", Label: "Tokens used", Text: "12,345"},
			{Key: "ok", Label: "Ok", Text: "no"},
			{Key: "keyId", Label: "Key ID", Text: "7"},
			{Key: "took_ms", Label: "Took", Text: "2s"},
			{Key: "share_pct", Label: "Share", Text: "5.2%"},
			{Key: "cost_usd", Label: "Cost", Text: "$3.50"},
			{Key: "when", Label: "When", Text: "2026-05-04 14:00:00 UTC"},
		}},
		{"x", `{"customer":{"name":"Ada","address":{"city":"Paris"}},"details":{"pii_types":["email","ssn"]},"log":"a\r\nb"}`, []Detail{
			{Key: "customer.name", Label: "Customer name", Text: "Ada"},
			{Key: "customer.address", Label: "Customer address", Text: "{\n  \"city\": \"Paris\"\n}", Long: true},
			{Key: "details.pii_types", Label: "PII types", Text: "email, ssn"},
			{Key: "log", Label: "Log", Text: "a\nb", Long: true},
		}},
		{"budget.threshold", `{"period":"monthly","spent":1234.5,"budget":2000,"threshold":80}`, []Detail{
			{Key: "period", Label: "Period", Text: "monthly"},
			{Key: "spent", Label: "Spent", Text: "$1,234.50"},
			{Key: "budget", Label: "Budget", Text: "$2,000"},
			{Key: "threshold", Label: "Threshold", Text: "80%"},
		}},
		// What the event says itself is not said again.
		{"cost_anomaly.hourly_spike", `{"current_value":45.20,"message":"it spiked","severity":"critical","detected_at":"2026-05-04T14:23:00Z"}`, []Detail{
			{Key: "current_value", Label: "Current value", Text: "$45.20"},
		}},
		{"cost_anomaly.runaway_agent", `{"details":{"hour":"2026-05-04T14:00:00Z","agent":"frank","daily_budget":1250.5,"runner":3}}`, []Detail{
			{Key: "details.hour", Label: "Hour", Text: "2026-05-04 14:00:00 UTC"},
			{Key: "details.agent", Label: "Agent", Text: "frank"},
			{Key: "details.daily_budget", Label: "Daily budget", Text: "$1,250.50"},
			{Key: "details.runner", Label: "Runner", Text: "3"},
		}},
	} {
		ev := &peal.Event{Type: tc.eventType, Data: []byte(tc.data), Time: at}
		ev.Title, ev.Message, ev.Severity = Describe(ev)
		if diff := cmp.Diff(tc.want, Details(ev)); diff != "" {
			t.Errorf("%s %s\n%s", tc.eventType, tc.data, diff)
		}
	}
}

func TestDetailsAreBounded(t *testing.T) {
	data := `{"long":"` + strings.Repeat("é", maxDetail) + `"`
	for range maxDetails + 9 {
		data += `,"k":1`
	}
	got := Details(&peal.Event{Type: "x", Data: []byte(data + "}")})
	if len(got) != maxDetails+1 || got[maxDetails].Text != "10 more" || len(got[0].Text) > maxDetail+len("…") || !got[0].Long {
		t.Errorf("%d details, the last %+v", len(got), got[len(got)-1])
	}
}
