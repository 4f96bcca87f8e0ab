package dashboard

import (
	"net/http"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// memberships are those of the person who signed in at the provider.
func (d *Dashboard) memberships(r *http.Request) []auth.Identity {
	s, ok := d.session(r)
	if !ok || s.Email == "" {
		return nil
	}
	return d.Auth.Memberships(s.Email)
}

// orgRoutes let those choose an org who may be in several. A session never changes its org
// by itself, also where the person left it: a form that was opened in one org must not be
// done in another.
func (d *Dashboard) orgRoutes() {
	d.mux.HandleFunc("GET /dashboard/orgs", func(w http.ResponseWriter, r *http.Request) {
		orgs := d.memberships(r)
		if len(orgs) == 0 {
			http.Redirect(w, r, "/dashboard/sign-in", http.StatusSeeOther)
			return
		}
		v := &visit{Dashboard: d, w: w, r: r, base: "/dashboard"}
		if err := v.render(http.StatusOK, "orgs", "Choose an org", struct {
			Next string
			Orgs []auth.Identity
		}{next(r), orgs}); err != nil {
			d.fail(v, err)
		}
	})
	d.mux.HandleFunc("POST /dashboard/org", func(w http.ResponseWriter, r *http.Request) {
		if err := d.switchOrg(r, r.PostFormValue("org")); err != nil {
			d.fail(&visit{Dashboard: d, w: w, r: r, base: "/dashboard"}, err)
			return
		}
		http.Redirect(w, r, next(r), http.StatusSeeOther)
	})
}

// switchOrg makes an org the session's, where the person may be in it.
func (d *Dashboard) switchOrg(r *http.Request, org string) error {
	s, ok := d.session(r)
	if !ok {
		return peal.NotFound("org")
	}
	if s.Email != "" {
		if _, err := d.Auth.Member(s.Email, org); err != nil {
			return err
		}
	} else {
		who, err := d.identity(r)
		if err == nil && !who.Admin {
			err = peal.NotFound("org")
		}
		if err == nil && org != "" {
			_, err = d.Auth.InOrg(who, org)
		}
		if err != nil {
			return err
		}
	}
	s.Org = org
	return d.setSession(r, s)
}
