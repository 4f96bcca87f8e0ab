package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// Key is an API key, without what it is.
type Key struct {
	ID        peal.KeyID `json:"id" example:"key_01h455vb4pex5vsknk084sn02q"`
	Name      string     `json:"name" example:"ci"`
	Role      peal.Role  `json:"role" enum:"viewer,publisher,admin"`
	Hint      string     `json:"hint" doc:"The start of the key, to tell keys apart."`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
}

// KeyWithSecret is an API key when it is made, the one time that it is shown.
type KeyWithSecret struct {
	Key
	Plaintext string `json:"key" doc:"The key itself. It is not shown again."`
}

// KeyCreate makes an API key.
type KeyCreate struct {
	Name string    `json:"name" example:"ci"`
	Role peal.Role `json:"role" enum:"viewer,publisher,admin" doc:"viewer reads, publisher also posts events, admin does the rest."`
}

// KeyPath names an API key.
type KeyPath struct {
	ID string `path:"id" example:"key_01h455vb4pex5vsknk084sn02q"`
}

func showKey(k peal.Key) Key {
	return Key{k.ID, k.Name, k.Role, k.Hint, k.CreatedAt.UTC(), k.UpdatedAt.UTC()}
}

func (a *api) keyRoutes() {
	register(a, peal.Admin, huma.Operation{
		OperationID: "create-key", Method: http.MethodPost, Path: "/v1/keys", Tags: []string{"Keys"}, DefaultStatus: http.StatusCreated,
		Summary: "Create an API key", Description: "The answer holds the key, once.",
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body KeyCreate }) (*body[KeyWithSecret], error) {
		k, plain, err := a.Settings.CreateKey(ctx, who.Actor, who.Org, in.Body.Name, in.Body.Role)
		return answer(KeyWithSecret{showKey(k), plain}, err)
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-keys", Method: http.MethodGet, Path: "/v1/keys", Tags: []string{"Keys"}, Summary: "List API keys",
	}, func(_ context.Context, who auth.Identity, in *PageQuery) (*body[List[Key]], error) {
		keys, next, err := a.Directory.Keys(who.Org, in.page())
		if err != nil {
			return nil, err
		}
		return listOf(keys, next, showKey), nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-key", Method: http.MethodGet, Path: "/v1/keys/{id}", Tags: []string{"Keys"}, Summary: "Get an API key",
		Description: "The key itself is never shown again.",
	}, func(_ context.Context, who auth.Identity, in *KeyPath) (*body[Key], error) {
		id, err := pathID(peal.ParseKeyID, in.ID, "key")
		if err != nil {
			return nil, err
		}
		k, ok := a.Directory.Key(who.Org, id)
		if !ok {
			return nil, peal.NotFound("key")
		}
		return &body[Key]{showKey(k)}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "rotate-key", Method: http.MethodPost, Path: "/v1/keys/{id}/rotate", Tags: []string{"Keys"},
		Summary: "Replace an API key", Description: "The old one stops working at once; the answer holds the new one, once.",
	}, func(ctx context.Context, who auth.Identity, in *KeyPath) (*body[KeyWithSecret], error) {
		id, err := pathID(peal.ParseKeyID, in.ID, "key")
		if err != nil {
			return nil, err
		}
		k, plain, err := a.Settings.RotateKey(ctx, who.Actor, who.Org, id)
		return answer(KeyWithSecret{showKey(k), plain}, err)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "delete-key", Method: http.MethodDelete, Path: "/v1/keys/{id}", Tags: []string{"Keys"}, DefaultStatus: http.StatusNoContent,
		Summary: "Delete an API key",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		KeyPath
		Reason string `query:"reason" enum:"manual,abuse" default:"manual" doc:"Why; told where the org's profile has an event for it."`
	},
	) (*none, error) {
		id, err := pathID(peal.ParseKeyID, in.ID, "key")
		if err != nil {
			return nil, err
		}
		return nil, a.Settings.DeleteKey(ctx, who.Actor, who.Org, id, in.Reason)
	})
}

// pathID reads an identifier in a path: one that cannot exist is not found.
func pathID[ID any](parse func(string) (ID, error), s, what string) (ID, error) {
	id, err := parse(s)
	if err != nil {
		return id, peal.NotFound(what)
	}
	return id, nil
}
