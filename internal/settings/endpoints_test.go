package settings_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/peal"
)

func TestEndpointIsSealedAndReadBack(t *testing.T) {
	n := newNode(t, newRows(t))
	d := draft("nemo")
	d.Private.Secrets = []peal.SigningSecret{{Value: "correct horse"}}
	d.Private.Headers = map[string]string{"X-Team": "battery staple"}
	ep, value := n.create(t, d)
	if value != "correct horse" {
		t.Errorf("the secret is returned as %q", value)
	}
	if diff := cmp.Diff(ep, n.stored(t, ep.ID)); diff != "" {
		t.Errorf("stored (-returned +stored):\n%s", diff)
	}
	followed, _ := n.dir.Endpoint(ep.ID)
	if diff := cmp.Diff(ep, followed); diff != "" {
		t.Errorf("the directory did not follow:\n%s", diff)
	}

	rows, _, err := n.rows.Changes(t.Context(), 0)
	check(t, err)
	audit, _, err := n.Audit(t.Context(), peal.DefaultOrg, peal.Page{})
	check(t, err)
	for _, hidden := range []string{"correct horse", "battery staple"} {
		for _, r := range rows {
			if bytes.Contains(r.Doc, []byte(hidden)) || bytes.Contains(r.Sealed, []byte(hidden)) {
				t.Errorf("%q stands readable in the row of %s", hidden, r.ID)
			}
		}
		if b, err := json.Marshal(audit); err != nil || bytes.Contains(b, []byte(hidden)) {
			t.Errorf("%q stands in the audit trail (%v)", hidden, err)
		}
	}
}

func TestDefaultsOfAnEndpoint(t *testing.T) {
	n := newNode(t, newRows(t))
	must[peal.Org](t)(n.CreateOrg(t.Context(), actor, peal.Org{ID: "nolxy-org", Name: "n", Profile: "nolxy"}))
	for _, tc := range []struct {
		name, org, profile string
		want               string
		signed             bool
	}{
		{"neither says", peal.DefaultOrg, "", "standard", true},
		{"the org's", "nolxy-org", "", "nolxy", true},
		{"its own", "nolxy-org", "curate-me", "curate-me", true},
		{"nemo may be unsigned", peal.DefaultOrg, "nemo", "nemo", false},
	} {
		d := draft(tc.profile)
		d.Org = tc.org
		ep, value := n.create(t, d)
		if ep.Profile != tc.want || ep.Status != peal.Active {
			t.Errorf("%s: profile %q, status %q", tc.name, ep.Profile, ep.Status)
		}
		if (value != "") != tc.signed || tc.signed && ep.Private.Secrets[0].Value != value {
			t.Errorf("%s: secret %q, want one: %v", tc.name, value, tc.signed)
		}
		if d.Profile != tc.profile || !d.ID.IsZero() {
			t.Errorf("%s: the draft was changed", tc.name)
		}
	}
}

func TestEndpointIsChecked(t *testing.T) {
	n := newNode(t, newRows(t))
	ep, _ := n.create(t, draft(""))
	for name, tc := range map[string]struct {
		mutate func(*peal.Endpoint)
		field  string
	}{
		"profile":       {func(e *peal.Endpoint) { e.Profile = "nope" }, "profile"},
		"url":           {func(e *peal.Endpoint) { e.URL = "https://10.0.0.1/" }, "url"},
		"scheme":        {func(e *peal.Endpoint) { e.URL = "http://127.0.0.1/" }, "url"},
		"name":          {func(e *peal.Endpoint) { e.Name = strings.Repeat("x", 257) }, "name"},
		"control name":  {func(e *peal.Endpoint) { e.Name = "a\nb" }, "name"},
		"pattern":       {func(e *peal.Endpoint) { e.Events = []peal.Pattern{"a*"} }, "events"},
		"patterns":      {func(e *peal.Endpoint) { e.Events = make([]peal.Pattern, 101) }, "events"},
		"filter":        {func(e *peal.Endpoint) { e.Filter = "event.data.total >" }, "filter"},
		"secret":        {func(e *peal.Endpoint) { e.Private.Secrets = []peal.SigningSecret{{Value: "short"}} }, "secret"},
		"no secret":     {func(e *peal.Endpoint) { e.Private.Secrets = nil; e.Profile = "nolxy" }, "secret"},
		"header":        {func(e *peal.Endpoint) { e.Private.Headers = map[string]string{"webhook-id": "x"} }, "headers"},
		"rate":          {func(e *peal.Endpoint) { e.RateLimit = -1 }, "rate_limit"},
		"rate NaN":      {func(e *peal.Endpoint) { e.RateLimit = math.NaN() }, "rate_limit"},
		"max_in_flight": {func(e *peal.Endpoint) { e.MaxInFlight = peal.MaxConcurrent + 1 }, "max_in_flight"},
		"retry":         {func(e *peal.Endpoint) { e.Retry = &peal.RetryOverride{Timeout: 1} }, "retry.timeout"},
		"status":        {func(e *peal.Endpoint) { e.Status = "asleep" }, "status"},
	} {
		refused := func(how string, err error) {
			var bad *peal.Error
			if !errors.As(err, &bad) || bad.Code != peal.CodeInvalid || bad.Field != tc.field {
				t.Errorf("%s at %s: got %v, want %s to be invalid", name, how, err, tc.field)
			}
		}
		_, err := n.UpdateEndpoint(t.Context(), actor, ep.Org, ep.ID, func(e *peal.Endpoint) error {
			tc.mutate(e)
			return nil
		})
		refused("update", err)
		if name == "no secret" {
			continue // a new endpoint is given one
		}
		d := draft("")
		tc.mutate(d)
		_, _, err = n.CreateEndpoint(t.Context(), actor, d)
		refused("create", err)
		refused("check", n.CheckEndpoint(t.Context(), d))
	}
	d := draft("")
	d.Kind = "pigeon"
	_, _, err := n.CreateEndpoint(t.Context(), actor, d)
	wantCode(t, err, peal.CodeInvalid)
	if diff := cmp.Diff(ep, n.stored(t, ep.ID)); diff != "" {
		t.Errorf("a refused change was written:\n%s", diff)
	}
}

func TestPlans(t *testing.T) {
	n := newNode(t, newRows(t))
	for plan, ok := range map[string]bool{"": true, "free": false, "pro": true, "trial": false} {
		o := must[peal.Org](t)(n.CreateOrg(t.Context(), actor, peal.Org{Name: "o", Plan: plan}))
		d := draft("")
		d.Org = o.ID
		_, _, err := n.CreateEndpoint(t.Context(), actor, d)
		if ok {
			check(t, err)
			continue
		}
		wantCode(t, err, peal.CodePlan)
	}
}

func TestUpdateKeepsWhatIsFixed(t *testing.T) {
	n := newNode(t, newRows(t))
	ep, _ := n.create(t, draft(""))
	other := must[peal.Org](t)(n.CreateOrg(t.Context(), actor, peal.Org{Name: "other"}))
	got, err := n.UpdateEndpoint(t.Context(), actor, ep.Org, ep.ID, func(e *peal.Endpoint) error {
		e.Org, e.Kind, e.ID, e.CreatedAt = other.ID, "slack", peal.EndpointID{}, e.CreatedAt.AddDate(1, 0, 0)
		e.Name, e.Events[0], e.Filter = "new", "invoice.*", "event.data.total > 1.0"
		return nil
	})
	check(t, err)
	want := *ep
	want.Name, want.Events, want.Filter, want.UpdatedAt = "new", []peal.Pattern{"invoice.*"}, "event.data.total > 1.0", got.UpdatedAt
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(got, n.stored(t, ep.ID)); diff != "" {
		t.Errorf("stored:\n%s", diff)
	}
	audit, _, err := n.Audit(t.Context(), ep.Org, peal.Page{Limit: 1})
	check(t, err)
	if len(audit) != 1 || audit[0].Action != "endpoint.updated" || audit[0].Actor != actor || string(audit[0].Detail) != `{"fields":["name","events","filter"]}` {
		t.Errorf("audit %+v", audit)
	}

	version := n.dir.Version()
	must[*peal.Endpoint](t)(n.UpdateEndpoint(t.Context(), actor, ep.Org, ep.ID, func(*peal.Endpoint) error { return nil }))
	if n.dir.Version() != version {
		t.Error("a change of nothing was written")
	}
	_, err = n.UpdateEndpoint(t.Context(), actor, other.ID, ep.ID, func(*peal.Endpoint) error { return nil })
	wantCode(t, err, peal.CodeNotFound)
	wantCode(t, n.DeleteEndpoint(t.Context(), actor, other.ID, ep.ID), peal.CodeNotFound)
	check(t, n.DeleteEndpoint(t.Context(), actor, ep.Org, ep.ID))
	wantCode(t, n.DeleteEndpoint(t.Context(), actor, ep.Org, ep.ID), peal.CodeNotFound)
}

// What can no longer be reached does not stand in the way of a change that is not
// about it.
func TestUpdateChecksWhatChanged(t *testing.T) {
	rows := newRows(t)
	ep, _ := newNode(t, rows).create(t, draft(""))
	strict := nodeWith(t, rows, 3) // may not reach loopback
	rename := func(e *peal.Endpoint) error { e.Name = "new"; return nil }
	must[*peal.Endpoint](t)(strict.UpdateEndpoint(t.Context(), actor, ep.Org, ep.ID, rename))
	_, err := strict.UpdateEndpoint(t.Context(), actor, ep.Org, ep.ID, func(e *peal.Endpoint) error {
		e.URL += "/elsewhere"
		return nil
	})
	wantCode(t, err, peal.CodeInvalid)
}

// With the wrong sealing key an endpoint can be deleted, but not be written back
// without its secrets.
func TestUnreadableEndpointIsNotOverwritten(t *testing.T) {
	rows := newRows(t)
	n := newNode(t, rows)
	ep, _ := n.create(t, draft(""))
	stranger := nodeWith(t, rows, 4)
	_, err := stranger.UpdateEndpoint(t.Context(), actor, ep.Org, ep.ID, func(e *peal.Endpoint) error { e.Name = "new"; return nil })
	wantCode(t, err, peal.CodeConflict)
	_, err = stranger.Resume(t.Context(), actor, ep.Org, ep.ID)
	wantCode(t, err, peal.CodeConflict)
	if diff := cmp.Diff(ep, n.stored(t, ep.ID)); diff != "" {
		t.Error(diff)
	}
	check(t, stranger.DeleteEndpoint(t.Context(), actor, ep.Org, ep.ID))
}

// Two nodes change one endpoint at once: no change is lost.
func TestConcurrentUpdatesAddUp(t *testing.T) {
	rows := newRows(t)
	nodes := []*node{newNode(t, rows), newNode(t, rows)}
	ep, _ := nodes[0].create(t, draft(""))
	check(t, nodes[1].dir.Refresh(t.Context()))
	const each = 10
	var wg sync.WaitGroup
	for _, n := range nodes {
		wg.Go(func() {
			for range each {
				err := update(t.Context(), n, ep.ID)
				for peal.CodeOf(err) == peal.CodeConflict { // the other won too often
					err = update(t.Context(), n, ep.ID)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := nodes[0].stored(t, ep.ID).MaxInFlight; got != 2*each {
		t.Errorf("%d of %d changes are left", got, 2*each)
	}
}

func update(ctx context.Context, n *node, id peal.EndpointID) error {
	_, err := n.UpdateEndpoint(ctx, actor, peal.DefaultOrg, id, func(e *peal.Endpoint) error {
		e.MaxInFlight++
		return nil
	})
	return err
}

func TestStatus(t *testing.T) {
	rows := newRows(t)
	n := newNode(t, rows)
	d := draft("")
	d.Name, d.URL = "billing", target+"?token=hidden"
	ep, _ := n.create(t, d)
	ctx, org := t.Context(), ep.Org
	status := func(want peal.EndpointStatus, reason string) {
		t.Helper()
		if got := n.stored(t, ep.ID); got.Status != want || got.StatusReason != reason {
			t.Errorf("status %s (%q), want %s (%q)", got.Status, got.StatusReason, want, reason)
		}
	}
	must[*peal.Endpoint](t)(n.Pause(ctx, actor, org, ep.ID))
	status(peal.Paused, "")
	version := n.dir.Version()
	must[*peal.Endpoint](t)(n.Pause(ctx, actor, org, ep.ID))
	if n.dir.Version() != version {
		t.Error("pausing twice was written twice")
	}
	must[*peal.Endpoint](t)(n.Resume(ctx, actor, org, ep.ID))
	status(peal.Active, "")

	check(t, n.Disable(ctx, ep.ID, "the receiver answered 410"))
	check(t, n.Disable(ctx, ep.ID, "and again"))
	status(peal.Disabled, "the receiver answered 410")
	want := []peal.Raised{{
		Org: org, Type: peal.TypeEndpointDisabled, Subject: ep.ID.String(), Severity: peal.High, Exclude: ep.ID,
		Data: json.RawMessage(`{"endpoint_id":"` + ep.ID.String() + `","endpoint_name":"billing","url":"https://127.0.0.1","reason":"the receiver answered 410"}`),
	}}
	raised, err := rows.queue.Raised(ctx, 10)
	check(t, err)
	for i := range raised {
		raised[i].Seq = 0
	}
	if diff := cmp.Diff(want, raised); diff != "" {
		t.Errorf("raised:\n%s", diff)
	}
	_, err = n.Pause(ctx, actor, org, ep.ID)
	wantCode(t, err, peal.CodeConflict)
	must[*peal.Endpoint](t)(n.Resume(ctx, actor, org, ep.ID))
	status(peal.Active, "")

	missing := peal.NewEndpointID(ep.CreatedAt)
	wantCode(t, n.Disable(ctx, missing, "x"), peal.CodeNotFound)
	_, err = n.Resume(ctx, actor, org, missing)
	wantCode(t, err, peal.CodeNotFound)
}

// What failed before an endpoint was made active again must not count against it.
func TestActiveSince(t *testing.T) {
	n := newNode(t, newRows(t))
	ctx := t.Context()
	ep, _ := n.create(t, draft(""))
	if !ep.ActiveSince.Equal(ep.CreatedAt) {
		t.Errorf("made at %s, active since %s", ep.CreatedAt, ep.ActiveSince)
	}
	first := ep.ActiveSince
	ep = must[*peal.Endpoint](t)(n.UpdateEndpoint(ctx, actor, ep.Org, ep.ID, func(e *peal.Endpoint) error {
		e.Name, e.ActiveSince = "new", first.AddDate(1, 0, 0)
		return nil
	}))
	check(t, n.Disable(ctx, ep.ID, "it failed for long"))
	if got := n.stored(t, ep.ID).ActiveSince; !got.Equal(first) {
		t.Errorf("active since %s, want %s: nothing made it active again", got, first)
	}
	ep = must[*peal.Endpoint](t)(n.Resume(ctx, actor, ep.Org, ep.ID))
	if got := n.stored(t, ep.ID).ActiveSince; !got.After(first) || !got.Equal(ep.UpdatedAt) {
		t.Errorf("resumed at %s, active since %s", ep.UpdatedAt, got)
	}
	second := ep.ActiveSince
	must[*peal.Endpoint](t)(n.Pause(ctx, actor, ep.Org, ep.ID))
	must[*peal.Endpoint](t)(n.UpdateEndpoint(ctx, actor, ep.Org, ep.ID, func(e *peal.Endpoint) error { e.Status = peal.Active; return nil }))
	if got := n.stored(t, ep.ID).ActiveSince; !got.After(second) {
		t.Errorf("active since %s, want later than %s", got, second)
	}
	quiet := draft("")
	quiet.Status = peal.Paused
	if made, _ := n.create(t, quiet); !made.ActiveSince.IsZero() {
		t.Errorf("made paused, active since %s", made.ActiveSince)
	}
}
