package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

const about = "Peal takes events in, matches them to endpoints, and delivers each one signed, retried, recorded and replayable.\n\n" +
	"Send the key as `Authorization: Bearer KEY`. The server's admin key acts in any org, named by `X-Org-ID`; an org's key acts in its own. " +
	"Lists are paged: pass `next_cursor` as `cursor`. Every error is `application/problem+json` with a stable `type`."

// newHuma makes the API without huma's own documents and links.
func (a *api) newHuma() huma.API {
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	schemas.RegisterTypeAlias(reflect.TypeFor[huma.ErrorModel](), reflect.TypeFor[Problem]())
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}
	return humago.New(a.mux, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Peal", Version: "v1", Description: about,
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{
				Schemas: schemas,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"key": {Type: "http", Scheme: "bearer", Description: "The server's admin key, or an org's API key."},
				},
			},
			Servers:        a.servers(),
			OnAddOperation: []huma.AddOpFunc{tidy},
		},
		Formats:       map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{a.translate},
	})
}

// servers names the address that the operator gave.
func (a *api) servers() []*huma.Server {
	if a.PublicURL == "" {
		return nil
	}
	return []*huma.Server{{URL: strings.TrimSuffix(a.PublicURL, "/")}}
}

// unmarshal refuses what JSON parsers read differently from one another.
func unmarshal(data []byte, v any) error {
	doc, err := strictjson.Compact(make([]byte, 0, len(data)), data)
	if err != nil {
		return err
	}
	return json.Unmarshal(doc, v)
}

// tidy takes out the errors that huma assumes and the API does not answer.
func tidy(_ *huma.OpenAPI, op *huma.Operation) {
	for _, code := range []string{"422", "500"} {
		delete(op.Responses, code)
	}
}

// document is the OpenAPI document, indented; its bytes depend on nothing but the code.
func (a *api) document() ([]byte, error) {
	doc, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, doc, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// describePublish adds the hot route, which is a plain handler, to the document.
func (a *api) describePublish() {
	registry := a.huma.OpenAPI().Components.Schemas
	schema := func(t reflect.Type) *huma.Schema { return registry.Schema(t, true, "") }
	event, accepted := schema(reflect.TypeFor[EventPublish]()), schema(reflect.TypeFor[Accepted]())
	problem := map[string]*huma.MediaType{"application/problem+json": {Schema: schema(reflect.TypeFor[Problem]())}}
	op := &huma.Operation{
		OperationID: "publish-events", Method: http.MethodPost, Path: "/v1/events", Tags: []string{"Events"},
		Security: []map[string][]string{{"key": {}}},
		Summary:  "Publish one event or a batch",
		Description: describe("Answered after the events are durable. An array is a batch, all or nothing: at most 1,000 events, 16 times the "+
			"bytes that one event may have, and 20,000 deliveries. "+
			"CloudEvents 1.0 are taken in structured, binary and batch mode; of their extensions, severity, title and message are kept, "+
			"others and dataschema are not. Ids are unique in the org, whatever their source. A repeated Idempotency-Key or id answers the same again, "+
			"with duplicate:true, and sends nothing twice; with another body it is 422.", peal.Publisher),
		Parameters: []*huma.Param{{
			Name: "Idempotency-Key", In: "header", Description: "Names the request; kept for at least 24 hours.",
			Schema: &huma.Schema{Type: "string", MaxLength: new(256)},
		}},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {
				Schema:  &huma.Schema{OneOf: []*huma.Schema{event, {Type: "array", Items: event, MinItems: new(1), MaxItems: new(1000)}}},
				Example: map[string]any{"type": "budget.exceeded", "subject": "acme", "data": map[string]any{"daily_budget": 50, "daily_spent": 48.12}},
			},
			"application/cloudevents+json":       {Schema: &huma.Schema{Type: "object", Description: "A CloudEvent, structured."}},
			"application/cloudevents-batch+json": {Schema: &huma.Schema{Type: "array", Items: &huma.Schema{Type: "object"}}},
		}},
		Responses: map[string]*huma.Response{"202": {
			Description: "Accepted",
			Content: map[string]*huma.MediaType{"application/json": {
				Schema: &huma.Schema{OneOf: []*huma.Schema{accepted, schema(reflect.TypeFor[AcceptedBatch]())}},
			}},
		}},
	}
	for _, code := range []int{400, 401, 403, 404, 408, 413, 429, 503} {
		op.Responses[strconv.Itoa(code)] = &huma.Response{Description: http.StatusText(code), Content: problem}
	}
	a.huma.OpenAPI().AddOperation(op)
	// After tidy, which takes huma's own 422 out of every operation.
	op.Responses["422"] = &huma.Response{Description: "The key or id was used before, with another body", Content: problem}
}
