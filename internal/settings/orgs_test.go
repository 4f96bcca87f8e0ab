package settings_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
	"github.com/peal-dev/peal/internal/settings"
)

func TestOrgs(t *testing.T) {
	n := newNode(t, newRows(t))
	ctx := t.Context()
	made := must[peal.Org](t)(n.CreateOrg(ctx, actor, peal.Org{ID: "acme", Name: "Acme", Plan: "pro", Profile: "nembl"}))
	_, err := n.CreateOrg(ctx, actor, peal.Org{ID: "acme", Name: "Other"})
	wantCode(t, err, peal.CodeConflict)
	nameless := must[peal.Org](t)(n.CreateOrg(ctx, actor, peal.Org{Name: "x"}))
	if !strings.HasPrefix(nameless.ID, "org_") {
		t.Errorf("an org without an id is called %q", nameless.ID)
	}
	for name, bad := range map[string]peal.Org{
		"id":      {ID: "Acme!", Name: "x"},
		"name":    {Name: ""},
		"profile": {Name: "x", Profile: "nope"},
		"plan":    {Name: "x", Plan: "a\x00b"},
	} {
		if _, err := n.CreateOrg(ctx, actor, bad); peal.CodeOf(err) != peal.CodeInvalid || !strings.Contains(err.Error(), "("+name+")") {
			t.Errorf("%s: %v", name, err)
		}
	}

	got := must[peal.Org](t)(n.UpdateOrg(ctx, actor, "acme", func(o *peal.Org) error {
		o.ID, o.Plan, o.Profile = "other", "free", ""
		return nil
	}))
	want := made
	want.Plan, want.Profile, want.UpdatedAt = "free", "", got.UpdatedAt
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if held, _ := n.dir.Org("acme"); held != got {
		t.Errorf("the directory holds %+v", held)
	}
	_, err = n.UpdateOrg(ctx, actor, "nobody", func(*peal.Org) error { return nil })
	wantCode(t, err, peal.CodeNotFound)

	audit, _, err := n.Audit(ctx, "acme", peal.Page{})
	check(t, err)
	if len(audit) != 2 || string(audit[0].Detail) != `{"fields":["profile","plan"]}` || audit[1].Action != "org.created" {
		t.Errorf("audit %+v", audit)
	}
}

func TestDeleteOrgTakesAllAlong(t *testing.T) {
	n := newNode(t, newRows(t))
	ctx := t.Context()
	wantCode(t, n.DeleteOrg(ctx, actor, peal.DefaultOrg), peal.CodeConflict)
	wantCode(t, n.DeleteOrg(ctx, actor, "nobody"), peal.CodeNotFound)
	must[peal.Org](t)(n.CreateOrg(ctx, actor, peal.Org{ID: "acme", Name: "Acme"}))
	d := draft("")
	d.Org = "acme"
	ep, _ := n.create(t, d)
	kept, _ := n.create(t, draft(""))
	_, plain, err := n.CreateKey(ctx, actor, "acme", "k", peal.Admin)
	check(t, err)
	must[*peal.EventType](t)(n.PutEventType(ctx, actor, peal.EventType{Org: "acme", Name: "x.y"}))

	version := n.dir.Version()
	check(t, n.DeleteOrg(ctx, actor, "acme"))
	if n.dir.Version() != version+1 {
		t.Error("a small org is not deleted in one write")
	}
	_, hasOrg := n.dir.Org("acme")
	_, hasEndpoint := n.dir.Endpoint(ep.ID)
	_, hasKey := n.dir.KeyByHash(secret.HashKey(plain))
	_, hasType := directory.EventTypes.Get(n.dir, "acme", "x.y")
	if hasOrg || hasEndpoint || hasKey || hasType {
		t.Errorf("left: org %v, endpoint %v, key %v, type %v", hasOrg, hasEndpoint, hasKey, hasType)
	}
	if _, ok := n.dir.Endpoint(kept.ID); !ok {
		t.Error("another org's endpoint is gone")
	}
	// What the org did is kept, so that nobody else may have its id.
	_, err = n.CreateOrg(ctx, actor, peal.Org{ID: "acme", Name: "Acme again"})
	wantCode(t, err, peal.CodeConflict)
	if !strings.Contains(err.Error(), "used before") {
		t.Errorf("the reason is not told: %v", err)
	}
}

func TestDeleteLargeOrg(t *testing.T) {
	n := newNode(t, newRows(t))
	must[peal.Org](t)(n.CreateOrg(t.Context(), actor, peal.Org{ID: "acme", Name: "Acme"}))
	var w settings.Write
	const many = 2*peal.MaxPageSize + 1
	for i := range many {
		id := peal.EndpointID{1, byte(i >> 8), byte(i)}
		doc := fmt.Appendf(nil, `{"id":%q,"org":"acme","kind":"webhook","profile":"standard","status":"active"}`, id)
		w.Rows = append(w.Rows, settings.Put{Row: directory.Row{Kind: directory.KindEndpoint, Org: "acme", ID: id.String(), Doc: doc}})
	}
	must[int64](t)(n.rows.Write(t.Context(), w))
	check(t, n.dir.Refresh(t.Context()))
	check(t, n.DeleteOrg(t.Context(), actor, "acme"))
	fresh := directory.New(n.rows, n.Ring, slog.New(slog.DiscardHandler))
	check(t, fresh.Refresh(t.Context()))
	if left, _, err := fresh.Endpoints("acme", peal.Page{}); err != nil || len(left) != 0 {
		t.Errorf("%d endpoints are left (%v)", len(left), err)
	}
	if _, ok := fresh.Org("acme"); ok {
		t.Error("the org is left")
	}
}

func TestStartOfTwoNodes(t *testing.T) {
	rows := newRows(t)
	nodes := []*node{newNode(t, rows), newNode(t, rows)}
	made := make([]string, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() {
			if err := n.EnsureDefaults(t.Context()); err != nil {
				t.Error(err)
			}
			var err error
			if made[i], err = n.EnsureAdminKey(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	plain := made[0] + made[1]
	if made[0] != "" && made[1] != "" || !strings.HasPrefix(plain, "peal_") {
		t.Fatalf("admin keys %q, want one", made)
	}
	for _, n := range nodes {
		check(t, n.dir.Refresh(t.Context()))
		k, ok := n.dir.KeyByHash(secret.HashKey(plain))
		if !ok || k.Org != "" || k.Role != peal.Admin {
			t.Errorf("the admin key is held as %+v", k)
		}
		if again, err := n.EnsureAdminKey(t.Context()); err != nil || again != "" {
			t.Errorf("a second admin key %q (%v)", again, err)
		}
	}
}

func TestKeys(t *testing.T) {
	n := newNode(t, newRows(t))
	ctx, org := t.Context(), peal.DefaultOrg
	k, plain, err := n.CreateKey(ctx, actor, org, "ci", peal.Publisher)
	check(t, err)
	if held, ok := n.dir.KeyByHash(secret.HashKey(plain)); !ok || cmp.Diff(k, held) != "" {
		t.Errorf("the key is held as %+v", held)
	}
	if len(k.Hint) != 9 || !strings.HasPrefix(plain, k.Hint) || !strings.HasPrefix(plain, "peal_") {
		t.Errorf("key %q, hint %q", plain, k.Hint)
	}
	rotated, newPlain, err := n.RotateKey(ctx, actor, org, k.ID)
	check(t, err)
	if rotated.ID != k.ID || rotated.Role != k.Role || rotated.Name != k.Name || newPlain == plain {
		t.Errorf("rotated to %+v", rotated)
	}
	if _, ok := n.dir.KeyByHash(secret.HashKey(plain)); ok {
		t.Error("the old key still works")
	}
	if _, ok := n.dir.KeyByHash(secret.HashKey(newPlain)); !ok {
		t.Error("the new key does not work")
	}
	must[peal.Org](t)(n.CreateOrg(ctx, actor, peal.Org{ID: "acme", Name: "Acme"}))
	_, _, err = n.RotateKey(ctx, actor, "acme", k.ID)
	wantCode(t, err, peal.CodeNotFound)
	wantCode(t, n.DeleteKey(ctx, actor, "acme", k.ID, ""), peal.CodeNotFound)
	check(t, n.DeleteKey(ctx, actor, org, k.ID, ""))
	if _, ok := n.dir.KeyByHash(secret.HashKey(newPlain)); ok {
		t.Error("a deleted key works")
	}
	_, _, err = n.CreateKey(ctx, actor, org, "x", "owner")
	wantCode(t, err, peal.CodeInvalid)
	_, _, err = n.CreateKey(ctx, actor, "nobody", "x", peal.Viewer)
	wantCode(t, err, peal.CodeNotFound)
	_, _, err = n.CreateKey(ctx, actor, "", "x", peal.Admin)
	wantCode(t, err, peal.CodeNotFound)
}

func TestEventTypes(t *testing.T) {
	n := newNode(t, newRows(t))
	ctx, org := t.Context(), peal.DefaultOrg
	put := func(example string) (*peal.EventType, error) {
		return n.PutEventType(ctx, actor, peal.EventType{
			Org: org, Name: "order.placed", Schema: []byte(`{"required":["id"],"properties":{"id":{"type":"integer"}}}`), Example: []byte(example),
		})
	}
	first := must[*peal.EventType](t)(put(`{"id":1}`))
	check(t, n.dir.CheckData(org, "order.placed", []byte(`{"id":123456789012345678901234567890}`)))
	wantCode(t, n.dir.CheckData(org, "order.placed", []byte(`{"id":"1"}`)), peal.CodeInvalid)

	second := must[*peal.EventType](t)(put(`{"id":2}`))
	if !second.CreatedAt.Equal(first.CreatedAt) {
		t.Error("replacing a type changed when it was made")
	}
	_, err := put(`{}`)
	wantCode(t, err, peal.CodeInvalid)
	_, err = n.PutEventType(ctx, actor, peal.EventType{Org: org, Name: "x", Schema: []byte(`{"$ref":"https://example.com/"}`)})
	wantCode(t, err, peal.CodeInvalid)
	_, err = n.PutEventType(ctx, actor, peal.EventType{Org: org, Name: "no spaces"})
	wantCode(t, err, peal.CodeInvalid)
	check(t, n.DeleteEventType(ctx, actor, org, "order.placed"))
	wantCode(t, n.DeleteEventType(ctx, actor, org, "order.placed"), peal.CodeNotFound)
}

// The operator's own admin key takes the place of the one that was made, for good.
func TestAdminKeyIsRetired(t *testing.T) {
	n := newNode(t, newRows(t))
	ctx := t.Context()
	check(t, n.RetireAdminKey(ctx)) // there is none
	first, err := n.EnsureAdminKey(ctx)
	check(t, err)
	check(t, n.RetireAdminKey(ctx))
	if _, ok := n.dir.KeyByHash(secret.HashKey(first)); ok {
		t.Error("the key still works")
	}
	trail, _, err := n.Audit(ctx, "", peal.Page{Limit: 1})
	check(t, err)
	if len(trail) != 1 || trail[0].Action != "key.deleted" || trail[0].Actor != settings.SystemActor {
		t.Errorf("audit %+v", trail)
	}
	if second, err := n.EnsureAdminKey(ctx); err != nil || second == "" || second == first {
		t.Errorf("the next key is %q (%v)", second, err)
	}
}

// What is no change of the configuration stands in the audit trail all the same.
func TestRecord(t *testing.T) {
	n := newNode(t, newRows(t))
	version := n.dir.Version()
	check(t, n.Record(t.Context(), peal.DefaultOrg, actor, "delivery.retry", "dlv_1", map[string]int{"a": 1}))
	check(t, n.dir.Refresh(t.Context()))
	trail, _, err := n.Audit(t.Context(), peal.DefaultOrg, peal.Page{Limit: 1})
	check(t, err)
	if len(trail) != 1 || trail[0].Action != "delivery.retry" || trail[0].Actor != actor || trail[0].Object != "dlv_1" || string(trail[0].Detail) != `{"a":1}` {
		t.Errorf("audit %+v", trail)
	}
	if n.dir.Version() != version {
		t.Error("the configuration moved")
	}
}
