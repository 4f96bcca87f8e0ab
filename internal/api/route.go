package api

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// humaContext is embedded under this name, since exchange has a method Context.
type humaContext huma.Context

// exchange is a request on its way through huma, once its sender is known.
type exchange struct {
	humaContext
	who auth.Identity
	// status replaces the one that huma chose for an error of its own.
	status int
}

type (
	identityKey struct{}
	hostKey     struct{}
)

func (x *exchange) Context() context.Context {
	ctx := context.WithValue(x.humaContext.Context(), hostKey{}, x.Host())
	return context.WithValue(ctx, identityKey{}, x.who)
}

// base is how clients reach the server: by its public URL, else as this one did.
func (a *api) base(ctx context.Context) string {
	host, _ := ctx.Value(hostKey{}).(string)
	return a.baseURL(host, false)
}

func (x *exchange) SetStatus(code int) {
	if x.status != 0 {
		code = x.status
	}
	x.humaContext.SetStatus(code)
}

// Unwrap lets huma find the adapter's own context.
func (x *exchange) Unwrap() huma.Context { return x.humaContext }

// handler answers one operation for a sender who has the operation's role.
type handler[I, O any] func(ctx context.Context, who auth.Identity, in *I) (*O, error)

// none is the output of operations that answer 204.
type none struct{}

// body is the output of operations that answer a document.
type body[T any] struct{ Body T }

func answer[T any](v T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{v}, nil
}

// bodyLimit bounds the bodies of all requests but those that publish events.
const bodyLimit = 256 << 10

// register adds an operation that needs a role. Authentication comes before the
// body is read.
func register[I, O any](a *api, need peal.Role, op huma.Operation, h handler[I, O]) {
	op.MaxBodyBytes = bodyLimit
	op.Security = []map[string][]string{{"key": {}}}
	op.Description = describe(op.Description, need)
	op.Errors = append(errorsOf(&op), op.Errors...)
	op.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		who, err := a.authorize(r, need)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		if err := checkQuery(ctx.Operation(), r.URL.Query()); err != nil {
			a.fail(w, r, err)
			return
		}
		next(&exchange{humaContext: ctx, who: who})
	}}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, ctx.Value(identityKey{}).(auth.Identity), in)
		if err != nil {
			return nil, problemOf(ctx, a.Log, err)
		}
		return out, nil
	})
}

// checkQuery refuses parameters that the operation does not have: a misspelt one would
// answer more than was asked for. The other surfaces ignore them, as their originals do.
func checkQuery(op *huma.Operation, query url.Values) error {
	if len(query) == 0 || !strings.HasPrefix(op.Path, "/v1/") {
		return nil
	}
	var known []string
	for _, p := range op.Parameters {
		if p.In == "query" {
			known = append(known, p.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		switch {
		case slices.Contains(known, name):
		case len(known) == 0:
			return peal.Invalid(name, "unknown parameter %q; there are none here", peal.Clip(name, clipLen))
		default:
			return peal.Invalid(name, "unknown parameter %q; there are %s", peal.Clip(name, clipLen), strings.Join(known, ", "))
		}
	}
	return nil
}

// clipLen is how much of a name that a client made up is repeated.
const clipLen = 64

// errorsOf are the failures that every operation of its kind may answer.
func errorsOf(op *huma.Operation) []int {
	codes := []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}
	if op.Method != http.MethodGet && op.Method != http.MethodDelete {
		codes = append(codes, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	return append(codes, http.StatusServiceUnavailable)
}

func describe(text string, need peal.Role) string {
	if text != "" {
		text += " "
	}
	return text + "Needs the role " + string(need) + "."
}

func (a *api) authorize(r *http.Request, need peal.Role) (auth.Identity, error) {
	who, err := a.Auth.Authenticate(r)
	if err != nil {
		return who, err
	}
	return who, who.Require(need)
}
