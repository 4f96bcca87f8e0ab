package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/inbound/scheme"
	"github.com/peal-dev/peal/internal/peal"
)

// Scheme is a way in which a hook's requests prove where they come from.
type Scheme struct {
	Name     string        `json:"name" example:"github"`
	Provider string        `json:"provider" example:"GitHub"`
	Fields   []SchemeField `json:"fields" nullable:"false" doc:"What a hook's verification may say beside the scheme."`
}

// SchemeField is a member of a hook's verification.
type SchemeField struct {
	Name     string   `json:"name" example:"secret"`
	Type     string   `json:"type" example:"string"`
	Required bool     `json:"required"`
	Secret   bool     `json:"secret" doc:"Sealed at rest and never shown."`
	Help     string   `json:"help"`
	Enum     []string `json:"enum,omitempty" nullable:"false"`
	Default  string   `json:"default,omitempty"`
}

func showScheme(s *scheme.Scheme) Scheme {
	out := Scheme{Name: s.Name, Provider: s.Provider, Fields: make([]SchemeField, len(s.Fields))}
	for i, f := range s.Fields {
		out.Fields[i] = SchemeField{f.Name, string(f.Type), f.Required, f.Secret, f.Help, f.Enum, f.Default}
	}
	return out
}

func (a *api) schemeRoutes() {
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-schemes", Method: http.MethodGet, Path: "/v1/schemes", Tags: []string{"Hooks"}, Summary: "List the schemes of hooks",
	}, func(context.Context, auth.Identity, *struct{}) (*body[List[Scheme]], error) {
		return listOf(a.Settings.Schemes.Schemes(), "", showScheme), nil
	})
}
