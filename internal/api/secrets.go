package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// Secret is a text that workflows name. Its value is never answered.
type Secret struct {
	Name      string    `json:"name" example:"STATUS_TOKEN"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// SecretBody is a secret's value.
type SecretBody struct {
	Value string `json:"value" example:"3f1c9a7b5e" doc:"8 bytes to 8 KiB."`
}

// SecretPath names a secret.
type SecretPath struct {
	Name string `path:"name" example:"STATUS_TOKEN" doc:"1 to 64 of A-Z a-z 0-9 _, not beginning with a digit."`
}

func showSecret(s *peal.Secret) Secret { return Secret{s.Name, s.CreatedAt, s.UpdatedAt} }

func (a *api) secretRoutes() {
	tags := []string{"Secrets"}
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-secrets", Method: http.MethodGet, Path: "/v1/secrets", Tags: tags,
		Summary: "List secrets", Description: "Their names: nobody can read a value.",
	}, func(_ context.Context, who auth.Identity, in *PageQuery) (*body[List[Secret]], error) {
		return listObjects(a, directory.Secrets, who, in, showSecret)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "put-secret", Method: http.MethodPut, Path: "/v1/secrets/{name}", Tags: tags, Errors: []int{http.StatusConflict},
		Summary:     "Make a secret, or change its value",
		Description: "`http` steps of workflows name it as `{{ secrets.NAME }}`. It is sealed at rest and hidden in what is kept of executions.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		SecretPath
		Body SecretBody
	},
	) (*body[Secret], error) {
		s, err := a.Settings.PutSecret(ctx, who.Actor, who.Org, in.Name, in.Body.Value)
		return answerShown(s, err, showSecret)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "delete-secret", Method: http.MethodDelete, Path: "/v1/secrets/{name}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a secret", Description: "Steps that name it fail from then on.",
	}, func(ctx context.Context, who auth.Identity, in *SecretPath) (*none, error) {
		return nil, a.Settings.DeleteSecret(ctx, who.Actor, who.Org, in.Name)
	})
}
