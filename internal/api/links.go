package api

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// Limits of links.
const (
	signInLifetime = 10 * time.Minute
	portalLifetime = 24 * time.Hour
	maxLifetime    = 30 * 24 * time.Hour
	maxOrigins     = 20
)

// SignInLink asks for a link that signs in to the dashboard.
type SignInLink struct {
	ExpiresIn string    `json:"expires_in,omitempty" example:"10m" doc:"10m where absent, 720h at most. It can be opened once."`
	Role      peal.Role `json:"role,omitempty" enum:"viewer,publisher,admin" doc:"What the person may do; your own role where absent."`
}

// PortalLink asks for a link into the customers' portal of the org.
type PortalLink struct {
	ExpiresIn string   `json:"expires_in,omitempty" example:"24h" doc:"24h where absent, 720h at most. Until then it can be opened any number of times."`
	Features  []string `json:"features,omitempty" nullable:"true" enum:"endpoints,secrets,deliveries,retry" doc:"What the portal offers; all where absent."`
	Name      string   `json:"name,omitempty" maxLength:"100" example:"Acme" doc:"Shown at the top; the org's name where absent."`
	Logo      string   `json:"logo,omitempty" maxLength:"65536" doc:"An image as a data: URL (PNG, JPEG, WebP or GIF)."`
	Color     string   `json:"color,omitempty" example:"#0a7d5a" doc:"Of buttons and links, as #rrggbb."`
	Origins   []string `json:"origins,omitempty" nullable:"true" maxItems:"20" example:"https://app.example.com" doc:"Sites that may show the portal in a frame."`
}

// Link is a link that signs in.
type Link struct {
	URL       string    `json:"url" example:"https://peal.example.com/dashboard/link/lnk_…"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (a *api) linkRoutes() {
	register(a, peal.Admin, huma.Operation{
		OperationID: "create-sign-in-link", Method: http.MethodPost, Path: "/v1/sign-in-links", Tags: []string{"Links"}, DefaultStatus: http.StatusCreated,
		Summary: "Create a link that signs in to the dashboard", Description: "Whoever opens it first is signed in to this org. The session ends after twelve hours.",
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body SignInLink }) (*body[Link], error) {
		lifetime, err := lifetime(in.Body.ExpiresIn, signInLifetime)
		if err != nil {
			return nil, err
		}
		who.Role = cmp.Or(in.Body.Role, who.Role)
		who.Admin = who.Admin && who.Role == peal.Admin
		return a.link(ctx, auth.Grant{Identity: who}, lifetime)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "create-portal-link", Method: http.MethodPost, Path: "/v1/portal-links", Tags: []string{"Links"}, DefaultStatus: http.StatusCreated,
		Summary: "Create a link into the customers' portal", Description: "Your own customer sees and manages the endpoints, deliveries and secrets of this org, and nothing else.",
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body PortalLink }) (*body[Link], error) {
		lifetime, err := lifetime(in.Body.ExpiresIn, portalLifetime)
		if err != nil {
			return nil, err
		}
		portal, err := portalOf(&in.Body)
		if err != nil {
			return nil, err
		}
		if portal.Name == "" {
			org, _ := a.Directory.Org(who.Org)
			portal.Name = org.Name
		}
		who.Admin = false
		return a.link(ctx, auth.Grant{Identity: who, Portal: portal}, lifetime)
	})
}

func (a *api) link(ctx context.Context, g auth.Grant, lifetime time.Duration) (*body[Link], error) {
	token, expires, err := a.Links.Issue(ctx, g, lifetime)
	if err != nil {
		return nil, err
	}
	path := "/dashboard/link/"
	if g.Portal != nil {
		path = "/portal/"
	}
	return &body[Link]{Link{URL: a.base(ctx) + path + token, ExpiresAt: expires}}, nil
}

func lifetime(text string, otherwise time.Duration) (time.Duration, error) {
	if text == "" {
		return otherwise, nil
	}
	d, err := duration("expires_in", text)
	if err == nil && (d < time.Second || d > maxLifetime) {
		err = peal.Invalid("expires_in", "expires_in is between 1s and %s", peal.Duration(maxLifetime))
	}
	return d, err
}

var (
	hexColor  = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	dataImage = regexp.MustCompile(`^data:image/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+=*$`)
)

func portalOf(in *PortalLink) (*auth.Portal, error) {
	p := &auth.Portal{Features: in.Features, Name: in.Name, Logo: in.Logo, Color: in.Color, Origins: in.Origins}
	if p.Features == nil {
		p.Features = auth.Features
	}
	for _, f := range p.Features {
		if !slices.Contains(auth.Features, f) {
			return nil, peal.Invalid("features", "features are %s", strings.Join(auth.Features, ", "))
		}
	}
	if p.Color != "" && !hexColor.MatchString(p.Color) {
		return nil, peal.Invalid("color", "color is written #rrggbb")
	}
	if p.Logo != "" && !dataImage.MatchString(p.Logo) {
		return nil, peal.Invalid("logo", "logo is a data: URL of a PNG, JPEG, WebP or GIF image in base64")
	}
	if len(p.Origins) > maxOrigins {
		return nil, peal.Invalid("origins", "at most %d origins", maxOrigins)
	}
	for _, o := range p.Origins {
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || o != u.Scheme+"://"+u.Host || strings.ContainsAny(u.Host, ";,'\"") { // which end what a policy says
			return nil, peal.Invalid("origins", "an origin is a scheme and a host, such as https://app.example.com")
		}
	}
	return p, nil
}
