package dashboard

import (
	"net/http"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// The portal's token stands in the address of each of its pages: it works in frames, where
// browsers keep no cookies, and what carries no cookie cannot be forged across sites.

func (d *Dashboard) portalRoutes() {
	a := area{d, "/portal/{token}"}
	d.mux.HandleFunc("GET /portal/{token}", func(w http.ResponseWriter, r *http.Request) {
		to := "/endpoints"
		if _, p, err := d.portalOf(r); err == nil && !p.Has(auth.FeatureEndpoints) {
			to = "/deliveries"
		}
		http.Redirect(w, r, "/portal/"+r.PathValue("token")+to, http.StatusSeeOther)
	})
	d.endpointRoutes(a)
	d.deliveryRoutes(a)
}

// portalOf gives what the token in the address grants.
func (d *Dashboard) portalOf(r *http.Request) (auth.Identity, *auth.Portal, error) {
	g, err := d.Links.Portal(r.Context(), r.PathValue("token"))
	if err == nil {
		_, err = d.Auth.OrgOf(g.Identity)
	}
	if peal.CodeOf(err) == peal.CodeNotFound {
		err = peal.Errorf(peal.CodeNotFound, "This link has expired, or was never given out. Ask for a new one where you got it.")
	}
	if err != nil {
		return auth.Identity{}, nil, err
	}
	return g.Identity, g.Portal, nil
}
