package settings_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/settings"
)

func slackDraft(org string) *peal.Endpoint {
	return &peal.Endpoint{Org: org, Kind: "slack", Private: peal.Private{Config: []byte(`{"token":"xoxb-plugh","channel":"C1"}`)}}
}

// Messages to people are retried, except in an org that speaks Nemo's format.
func TestWhenMessagesToPeopleAreRetried(t *testing.T) {
	n := newNode(t, newRows(t))
	for profile, want := range map[string]string{"nolxy": "standard", "curate-me": "standard", "nemo": "nemo"} {
		must[peal.Org](t)(n.CreateOrg(t.Context(), actor, peal.Org{ID: profile + "-org", Name: "n", Profile: profile}))
		ep, value := n.create(t, slackDraft(profile+"-org"))
		p, ok := n.Profiles.Get(ep.Profile)
		if ep.Profile != want || value != "" || !ok || (len(p.Policy.Schedule) == 0) != (want == "nemo") {
			t.Errorf("%s: profile %q, secret %q", profile, ep.Profile, value)
		}
	}
}

func TestAChannelsConfigIsSealed(t *testing.T) {
	rows := newRows(t)
	n := newNode(t, rows)
	ep, _ := n.create(t, slackDraft(peal.DefaultOrg))
	if got := string(n.stored(t, ep.ID).Private.Config); got != `{"token":"xoxb-plugh","channel":"C1"}` {
		t.Errorf("config %s", got)
	}
	changes, _, err := rows.Changes(t.Context(), 0)
	check(t, err)
	for _, r := range changes {
		if r.Kind == directory.KindEndpoint && strings.Contains(string(r.Doc)+string(r.Sealed), "plugh") {
			t.Errorf("the row is readable: %s", r.Doc)
		}
	}
	audit := must[[]settings.AuditEntry](t)(first(n.Audit(t.Context(), peal.DefaultOrg, peal.Page{})))
	for _, e := range audit {
		if strings.Contains(string(e.Detail), "plugh") {
			t.Errorf("the audit trail tells the token: %s", e.Detail)
		}
	}
}

func first[T any](v T, _ string, err error) (T, error) { return v, err }

func TestOnlyWebhooksHaveWhatWebhooksHave(t *testing.T) {
	n := newNode(t, newRows(t))
	for field, change := range map[string]func(*peal.Endpoint){
		"url":            func(ep *peal.Endpoint) { ep.URL = target },
		"headers":        func(ep *peal.Endpoint) { ep.Private.Headers = map[string]string{"X": "y"} },
		"secret":         func(ep *peal.Endpoint) { ep.Private.Secrets = []peal.SigningSecret{{Value: "s"}} },
		"config.channel": func(ep *peal.Endpoint) { ep.Private.Config = []byte(`{"token":"xoxb-plugh","channel":7}`) },
	} {
		ep := slackDraft(peal.DefaultOrg)
		change(ep)
		_, _, err := n.CreateEndpoint(t.Context(), actor, ep)
		var e *peal.Error
		if !errors.As(err, &e) || e.Field != field || strings.Contains(e.Message, "plugh") {
			t.Errorf("%s: %v", field, err)
		}
	}
}
