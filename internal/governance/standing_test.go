package governance

import (
	"context"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// toldBooks are books in which alerts are told.
type toldBooks struct {
	Books
	told []Told
}

func (b toldBooks) Told(context.Context, string, []int64, int) ([]Told, error) { return b.told, nil }

// What was told of a minute does not hold for a day because the day began with it.
func TestAlertsOfTheFirstMinute(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	day := now.Truncate(24 * time.Hour).UnixMicro()
	var rules []*peal.Rule
	for i, kind := range []peal.RuleKind{peal.RuleRateLimit, peal.RuleModels, peal.RuleBudget} {
		rules = append(rules, &peal.Rule{ID: peal.RuleID{byte(i + 1)}, Kind: kind, Scope: peal.ScopeOrg, Period: peal.Daily, Limit: peal.DecimalOne})
	}
	told := func(rule int, threshold string) Told {
		return Told{AlertID{"acme", rules[rule].ID.String(), "", threshold, day}, now}
	}
	e := New(Config{
		Directory: directory.New(nil, nil, nil), Now: func() time.Time { return now },
		Books: toldBooks{told: []Told{told(0, "rpm"), told(0, "repeated"), told(1, "model_blocked o3"), told(2, "50@1")}},
	})
	e.version = e.Directory.Version()
	e.plans["acme"] = NewPlan(peal.Org{ID: "acme"}, peal.DefaultGovernance("acme"), rules, false)
	alerts, err := e.Alerts(t.Context(), "acme")
	if err != nil || len(alerts) != 1 || alerts[0].Rule.Kind != peal.RuleBudget {
		t.Errorf("open: %+v, %v", alerts, err)
	}
}
