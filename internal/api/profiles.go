package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
)

// Profile is a wire format with its delivery policy.
type Profile struct {
	Name           string      `json:"name" example:"standard"`
	Description    string      `json:"description"`
	Headers        []string    `json:"headers" nullable:"false" doc:"What it sends beside the endpoint's own headers."`
	Schedule       []string    `json:"schedule" nullable:"false" example:"5s,5m0s" doc:"The wait before each retry."`
	Jitter         float64     `json:"jitter" example:"0.1" doc:"Waits are spread by this share, either way."`
	Timeout        string      `json:"timeout" example:"15s" doc:"Of one attempt."`
	Exhausted      peal.Status `json:"exhausted" enum:"dead,dropped" doc:"What a delivery is when no retries are left."`
	DedupWindow    string      `json:"dedup_window" example:"1m0s" doc:"In which only the first event of a type is delivered; 0s for none."`
	SecretRequired bool        `json:"secret_required" doc:"Whether endpoints without a secret get one."`
}

func showProfile(p *profile.Profile) Profile {
	out := Profile{
		Name: p.Name, Description: p.Description, Headers: append([]string{}, p.Headers...), Schedule: make([]string, len(p.Policy.Schedule)),
		Jitter: p.Policy.Jitter, Timeout: p.Policy.Timeout.String(), Exhausted: p.Policy.Exhausted,
		DedupWindow: p.DedupWindow.String(), SecretRequired: p.SecretRequired,
	}
	for i, wait := range p.Policy.Schedule {
		out.Schedule[i] = wait.String()
	}
	return out
}

func (a *api) profileRoutes() {
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-profiles", Method: http.MethodGet, Path: "/v1/profiles", Tags: []string{"Profiles"},
		Summary: "List profiles", Description: "The built-in ones and those that the operator defined.",
	}, func(_ context.Context, _ auth.Identity, in *PageQuery) (*body[List[Profile]], error) {
		return cut("profiles", a.Profiles.All(), func(p *profile.Profile) string { return p.Name }, in.page(), showProfile)
	})
}
