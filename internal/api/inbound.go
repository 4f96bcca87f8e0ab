package api

import (
	"maps"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/inbound"
	"github.com/peal-dev/peal/internal/peal"
)

// inboundPath begins the addresses of hooks.
const inboundPath = "/v1/webhooks/inbound/"

// Received is the answer to a request that started an execution.
type Received struct {
	Status      string `json:"status" example:"accepted"`
	WebhookID   string `json:"webhookId" example:"whk_01h455vb4pex5vsknk084sn02q"`
	ExecutionID string `json:"executionId" example:"exec_01h455vb4pex5vsknk084sn02q"`
}

func (a *api) inboundRoute() {
	a.mux.HandleFunc("POST "+inboundPath+"{id}", a.receive)
	a.mux.HandleFunc("OPTIONS "+inboundPath+"{id}", a.handshake)
	a.describeInbound()
}

// receive takes a request in for a hook. As publish, it is a hot route and does without
// huma. The address and the signature are the credential.
func (a *api) receive(w http.ResponseWriter, r *http.Request) {
	h, err := a.Inbound.Find(r.PathValue("id"))
	if err == nil {
		err = a.Inbound.Admit(h)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	body := intakeBody{intake: &a.intake}
	defer body.release()
	limit := int64(a.MaxInboundBytes)
	tooLarge := peal.Errorf(peal.CodeTooLarge, "the body is larger than %d bytes", limit)
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close")
		a.fail(w, r, tooLarge)
		return
	}
	if err := body.read(http.MaxBytesReader(w, r.Body, limit), r.ContentLength); err != nil {
		a.fail(w, r, bodyError(err, tooLarge))
		return
	}
	answer, err := a.Inbound.Receive(r.Context(), h, &inbound.Request{
		Method: r.Method, URL: a.baseURL(r.Host, r.TLS != nil) + r.URL.RequestURI(), Query: r.URL.Query(), Header: r.Header, Body: body.raw,
	})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if answer.ContentType != "" {
		w.Header().Set("Content-Type", answer.ContentType)
	}
	w.WriteHeader(answer.Status)
	// The sender may be gone; what it sent is accepted all the same.
	_, _ = w.Write(answer.Body)
}

// handshake answers senders of CloudEvents, which ask before they send.
func (a *api) handshake(w http.ResponseWriter, r *http.Request) {
	h, err := a.Inbound.Find(r.PathValue("id"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	granted, ok := h.Handshake(r.Header)
	if !ok {
		a.noRoute(w, r)
		return
	}
	maps.Copy(w.Header(), granted)
	w.WriteHeader(http.StatusOK)
}

// baseURL is how the server is reached from outside: as the operator says, or else as
// the client did.
func (a *api) baseURL(host string, tls bool) string {
	if a.PublicURL != "" {
		return a.servers()[0].URL
	}
	if tls {
		return "https://" + host
	}
	return "http://" + host
}

func (a *api) describeInbound() {
	registry := a.huma.OpenAPI().Components.Schemas
	schema := func(t reflect.Type) *huma.Schema { return registry.Schema(t, true, "") }
	problem := map[string]*huma.MediaType{"application/problem+json": {Schema: schema(reflect.TypeFor[Problem]())}}
	op := &huma.Operation{
		OperationID: "receive", Method: http.MethodPost, Path: inboundPath + "{id}", Tags: []string{"Hooks"},
		Security: []map[string][]string{},
		Summary:  "Call a hook",
		Description: "The address that other systems send to. It needs no key: the request is verified by the hook's scheme, which with peal is the header " +
			"`x-webhook-signature: sha256=` and the HMAC-SHA256 of the body in hex. Answered once the execution is durable. " +
			"A sender's own id of the delivery that comes again gets the same execution.",
		Parameters: []*huma.Param{{
			Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: "string"}, Example: "whk_01h455vb4pex5vsknk084sn02q",
		}},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {
				Schema:  &huma.Schema{Description: "Any JSON."},
				Example: map[string]any{"event": "deployment.completed", "environment": "production", "version": "v2.1.0", "status": "success"},
			},
			"application/x-www-form-urlencoded": {Schema: &huma.Schema{Type: "object", Description: "From senders that post forms; workflows see an object."}},
		}},
		Responses: map[string]*huma.Response{"202": {
			Description: "Accepted",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: schema(reflect.TypeFor[Received]())}},
		}},
	}
	for _, code := range []int{400, 401, 404, 405, 408, 413, 429, 503} {
		op.Responses[strconv.Itoa(code)] = &huma.Response{Description: http.StatusText(code), Content: problem}
	}
	a.huma.OpenAPI().AddOperation(op)
}
