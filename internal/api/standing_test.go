package api

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/peal"
)

func TestDiscards(t *testing.T) {
	s := newServer(t)
	s.newEndpoint(adminKey, "")
	_, delivery := s.published(adminKey)
	for _, wrong := range []string{
		`{}`, `{"deliveries":[]}`, `{"deliveries":["x"]}`, `{"deliveries":["` + delivery + `"],"filter":{}}`, `{"filter":{"endpoint":"x"}}`, `{"filter":{"status":"dead"}}`,
	} {
		s.call(adminKey, "POST", "/v1/discards", wrong).problem(400, peal.CodeInvalid)
	}
	for _, nothing := range []string{`{"deliveries":["` + delivery + `"]}`, `{"filter":{}}`} { // it is not dead
		if got := s.call(adminKey, "POST", "/v1/discards", nothing).want(200); got["deliveries"] != 0.0 || got["finished"] != true {
			t.Errorf("%s: %v", nothing, got)
		}
	}
	s.call(s.key("default", peal.Publisher), "POST", "/v1/discards", `{"filter":{}}`).problem(403, peal.CodeForbidden)
}

// behind is a store whose only dead letter that fits lies behind many that do not.
type behind struct {
	DeadLetters
	steps int
}

func (b *behind) DiscardDead(context.Context, peal.DeliveryFilter, peal.DeliveryID) (n int, last peal.DeliveryID, err error) {
	if b.steps--; b.steps > 0 {
		return 0, peal.DeliveryID{1}, nil
	}
	return 1, last, nil
}

// A call that is made again begins anew, so each must come to what it is to discard.
func TestDiscardsComeToTheEnd(t *testing.T) {
	a := &api{Config: Config{DeadLetters: &behind{steps: 1000}}}
	if got, err := a.discard(t.Context(), peal.DeliveryFilter{}, nil); got != (Discarded{1, true}) || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestBudgetsAndAlerts(t *testing.T) {
	s := newServer(t)
	key := s.key("acme", peal.Admin)
	s.call(key, "POST", "/v1/rules", `{"kind":"budget","scope":"team","period":"daily","limit":"50","name":"teams"}`).want(201)
	s.call(key, "POST", "/v1/rules", `{"kind":"budget","scope":"org","period":"monthly","limit":"1000"}`).want(201)
	s.call(key, "POST", "/v1/usage", `[{"team":"research","cost":"40"},{"team":"sales","cost":"1"}]`).want(202)
	s.call(key, "POST", "/v1/reservations", `{"model":"m","team":"research","estimated_cost":"5"}`).want(200)
	var got []map[string]any
	for _, row := range s.call(key, "GET", "/v1/budgets", "").want(200)["data"].([]any) {
		b := row.(map[string]any)
		if b["period_start"] == "" || b["period_end"].(string) <= b["period_start"].(string) {
			t.Errorf("its period: %v", b)
		}
		for _, varies := range []string{"rule", "period_start", "period_end"} {
			delete(b, varies)
		}
		got = append(got, b)
	}
	percents := []any{50.0, 75.0, 90.0}
	want := []map[string]any{
		{"name": "teams", "scope": "team", "ref": "research", "period": "daily", "limit": "50.00", "spent": "40.00", "reserved": "5.00", "thresholds": percents},
		{"name": "teams", "scope": "team", "ref": "sales", "period": "daily", "limit": "50.00", "spent": "1.00", "reserved": "0.00", "thresholds": percents},
		{"name": "", "scope": "org", "ref": "", "period": "monthly", "limit": "1000.00", "spent": "41.00", "reserved": "5.00", "thresholds": percents},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("budgets (-want +got):\n%s", diff)
	}
	alerts := s.call(key, "GET", "/v1/alerts", "").want(200)["data"].([]any)
	if len(alerts) != 1 {
		t.Fatalf("alerts: %v", alerts)
	}
	if a := alerts[0].(map[string]any); a["kind"] != "budget" || a["name"] != "teams" || a["subject"] != "research" || a["threshold"] != "75" || a["since"] == "" {
		t.Errorf("alert: %v", a)
	}
	if rows := s.call(adminKey, "GET", "/v1/alerts", "").want(200)["data"].([]any); len(rows) != 0 {
		t.Errorf("another org's: %v", rows)
	}
}

func TestSearchOfEvents(t *testing.T) {
	s := newServer(t)
	s.call(adminKey, "POST", "/v1/events", `[{"type":"a","data":{"model":"GPT-4"}},{"type":"b","data":{}},{"type":"gpt-4","data":{}}]`).want(202)
	got := s.call(adminKey, "GET", "/v1/events?text=gpt-4&limit=1", "").want(200)
	if rows := got["data"].([]any); len(rows) != 1 || rows[0].(map[string]any)["type"] != "gpt-4" || got["next_cursor"] == nil || got["searched_back_to"] == nil {
		t.Fatalf("found %v", got)
	}
	got = s.call(adminKey, "GET", "/v1/events?text=gpt-4&cursor="+got["next_cursor"].(string), "").want(200)
	if rows := got["data"].([]any); len(rows) != 1 || rows[0].(map[string]any)["type"] != "a" || got["next_cursor"] != nil || got["searched_back_to"] != nil {
		t.Errorf("found %v", got)
	}
	if got = s.call(adminKey, "GET", "/v1/events", "").want(200); len(got["data"].([]any)) != 3 || got["searched_back_to"] != nil {
		t.Errorf("without a text: %v", got)
	}
}
