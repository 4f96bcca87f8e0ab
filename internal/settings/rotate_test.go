package settings_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
	"github.com/peal-dev/peal/internal/settings"
)

func TestRotationOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newRows(t))
		ctx := t.Context()
		ep, first := n.create(t, draft(""))
		live := func(want ...string) {
			t.Helper()
			if got := n.stored(t, ep.ID).LiveSecrets(time.Now()); !slices.Equal(got, want) {
				t.Errorf("live secrets %q, want %q", got, want)
			}
		}
		rotate := func(value string, overlap time.Duration) string {
			t.Helper()
			got, made, err := n.RotateSecret(ctx, actor, ep.Org, ep.ID, value, overlap)
			check(t, err)
			if len(got.Private.Secrets) == 0 || got.Private.Secrets[0].Value != made {
				t.Errorf("the new secret is not the first")
			}
			return made
		}
		live(first)
		second := rotate("", settings.DefaultOverlap)
		live(second, first)
		time.Sleep(23 * time.Hour)
		third := rotate("", time.Hour+time.Minute)
		live(third, second, first)
		time.Sleep(time.Hour)
		live(third, second)
		time.Sleep(time.Minute)
		live(third)

		fourth := rotate("whsec_"+"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 0)
		live(fourth)
		if got := n.stored(t, ep.ID).Private.Secrets; len(got) != 1 {
			t.Errorf("%d secrets are kept, want the expired ones pruned", len(got))
		}
		for range 10 {
			rotate("", settings.MaxOverlap)
		}
		if got := n.stored(t, ep.ID).LiveSecrets(time.Now()); len(got) != 5 {
			t.Errorf("%d secrets are valid at once, want 5", len(got))
		}

		for name, tc := range map[string]struct {
			value   string
			overlap time.Duration
		}{
			"not the profile's": {"plain", 0},
			"the current one":   {n.stored(t, ep.ID).Private.Secrets[0].Value, 0},
			"too long":          {"", settings.MaxOverlap + 1},
			"backwards":         {"", -1},
		} {
			if _, _, err := n.RotateSecret(ctx, actor, ep.Org, ep.ID, tc.value, tc.overlap); peal.CodeOf(err) != peal.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// A secret that comes back as the newest is not kept as an old one, too.
func TestRotateBackAndForth(t *testing.T) {
	n := newNode(t, newRows(t))
	ep, first := n.create(t, draft("curate-me"))
	for _, value := range []string{"second", first} {
		if _, _, err := n.RotateSecret(t.Context(), actor, ep.Org, ep.ID, value, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if got := n.stored(t, ep.ID).LiveSecrets(time.Now()); !slices.Equal(got, []string{first, "second"}) {
		t.Errorf("live secrets %q", got)
	}
}

// An endpoint that starts unsigned is signed from its first rotation on.
func TestRotateUnsigned(t *testing.T) {
	n := newNode(t, newRows(t))
	ep, _ := n.create(t, draft("nemo"))
	_, made, err := n.RotateSecret(t.Context(), actor, ep.Org, ep.ID, "", settings.DefaultOverlap)
	check(t, err)
	if got := n.stored(t, ep.ID).LiveSecrets(time.Now()); made == "" || !slices.Equal(got, []string{made}) {
		t.Errorf("live secrets %q, returned %q", got, made)
	}
}

// Another profile may not be able to sign with what is left of a rotation.
func TestAnotherProfileDropsSecretsThatDoNotFit(t *testing.T) {
	n := newNode(t, newRows(t))
	d := draft("nemo")
	d.Private.Secrets = []peal.SigningSecret{{Value: "any text"}}
	ep, _ := n.create(t, d)
	_, second, err := n.RotateSecret(t.Context(), actor, ep.Org, ep.ID, "", time.Hour)
	check(t, err)
	_, third, err := n.RotateSecret(t.Context(), actor, ep.Org, ep.ID, "", time.Hour)
	check(t, err)
	_, err = n.UpdateEndpoint(t.Context(), actor, ep.Org, ep.ID, func(e *peal.Endpoint) error { e.Profile = "standard"; return nil })
	check(t, err)
	stored := n.stored(t, ep.ID)
	if got := stored.LiveSecrets(time.Now()); !slices.Equal(got, []string{third, second}) {
		t.Errorf("live secrets %q, want the two that fit", got)
	}
	p, _ := n.Profiles.Get(stored.Profile)
	in := profile.Signing{Event: &peal.Event{}, Secrets: stored.LiveSecrets(time.Now()), Now: time.Now()}
	if _, err := p.Sign(nil, in); err != nil {
		t.Error(err)
	}
}
