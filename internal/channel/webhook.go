package channel

import (
	"context"
	"slices"
	"strings"

	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
)

// webhook posts what the profile made, as it is, to the endpoint's URL.
type webhook struct {
	egress *egress.Client
}

func (*webhook) Kind() string { return "webhook" }

func (*webhook) Fields() []Field {
	return []Field{
		{Name: "url", Type: String, Required: true, Help: "Where to post to: an absolute https:// URL that is reachable from the internet."},
		{Name: "secret", Type: String, Secret: true, Help: "The signing secret; one is made where the format needs it and none is given."},
		{Name: "headers", Type: Map, Secret: true, Help: "Headers to add to every request, such as Authorization."},
	}
}

// maxHeaders is how many headers an endpoint may add.
const maxHeaders = 32

func (w *webhook) Check(ctx context.Context, ep *peal.Endpoint) error {
	if len(ep.Private.Headers) > maxHeaders {
		return peal.Invalid("headers", "at most %d headers", maxHeaders)
	}
	for name, value := range ep.Private.Headers {
		if err := egress.CheckHeader(name, value); err != nil {
			return err
		}
		// Those of users' own formats are kept safe in Send.
		if peal.BuiltinHeader(strings.ToLower(name)) {
			return peal.Invalid("headers", "header %s is part of the delivery's format and cannot be chosen", name)
		}
	}
	return w.egress.CheckURL(ctx, ep.URL)
}

func (w *webhook) Send(ctx context.Context, ep *peal.Endpoint, req Request) Result {
	return result(w.egress.Do(ctx, egress.Request{
		URL:         ep.URL,
		Header:      withHeaders(req.Headers, ep.Private.Headers),
		Body:        req.Body,
		MaxResponse: peal.MaxResponseBody,
	}))
}

// withHeaders adds an endpoint's own headers to those of the delivery, which win.
func withHeaders(headers []peal.Header, own map[string]string) []peal.Header {
	if len(own) == 0 {
		return headers
	}
	all := slices.Grow(slices.Clip(headers), len(own))
	for name, value := range own {
		if !slices.ContainsFunc(headers, func(h peal.Header) bool { return strings.EqualFold(h.Name, name) }) {
			all = append(all, peal.Header{Name: name, Value: value})
		}
	}
	return all
}
