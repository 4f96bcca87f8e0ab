package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/peal"
)

// ProblemType is the start of every problem's type; the code follows.
const ProblemType = "urn:peal:problem:"

// Problem is the answer to every request that failed, as RFC 9457 has it.
type Problem struct {
	Type   string         `json:"type" example:"urn:peal:problem:not_found" doc:"Names the kind of problem; it never changes."`
	Title  string         `json:"title" example:"Not Found" doc:"The same for every problem of this type."`
	Status int            `json:"status" example:"404" doc:"The HTTP status."`
	Detail string         `json:"detail" example:"endpoint not found" doc:"What went wrong this time, for people."`
	Code   peal.Code      `json:"code" example:"not_found" doc:"The last part of type."`
	Field  string         `json:"field,omitempty" example:"retry.schedule[2]" doc:"The field that is wrong, where it is one."`
	Errors []ProblemField `json:"errors,omitempty" nullable:"false" doc:"All that is wrong, where it is more than one field."`

	headers http.Header
}

// ProblemField is one of several fields that are wrong.
type ProblemField struct {
	Field  string `json:"field" example:"url"`
	Detail string `json:"detail" example:"expected string"`
}

// Error makes a Problem an error that handlers can return.
func (p *Problem) Error() string { return p.Detail }

// GetStatus tells huma the status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders tells huma the headers.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType replaces the one that huma negotiated.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// status decides the HTTP status of a code; nothing else does.
func status(code peal.Code) int {
	switch code {
	case peal.CodeInvalid, peal.CodeInvalidCursor:
		return http.StatusBadRequest
	case peal.CodeUnauthorized:
		return http.StatusUnauthorized
	case peal.CodePlan:
		return http.StatusPaymentRequired
	case peal.CodeForbidden:
		return http.StatusForbidden
	case peal.CodeNotFound:
		return http.StatusNotFound
	case codeMethod:
		return http.StatusMethodNotAllowed
	case codeTimeout:
		return http.StatusRequestTimeout
	case peal.CodeConflict:
		return http.StatusConflict
	case peal.CodeGone:
		return http.StatusGone
	case peal.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case peal.CodeUnsupported:
		return http.StatusUnsupportedMediaType
	case peal.CodeUnprocessable:
		return http.StatusUnprocessableEntity
	case peal.CodeTooManyRequests:
		return http.StatusTooManyRequests
	case peal.CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// The codes that only HTTP knows.
const (
	codeMethod  peal.Code = "method_not_allowed"
	codeTimeout peal.Code = "timeout"
)

func newProblem(code peal.Code, detail string) *Problem {
	n := status(code)
	if n == http.StatusInternalServerError {
		code = peal.CodeInternal
	}
	return &Problem{Type: ProblemType + string(code), Title: http.StatusText(n), Status: n, Detail: detail, Code: code}
}

// problemOf makes the answer for an error. What it does not show, it logs.
func problemOf(ctx context.Context, log *slog.Logger, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var e *peal.Error
	if !errors.As(err, &e) {
		e = peal.Wrap(peal.CodeInternal, err, "something went wrong on the server")
	}
	p = newProblem(e.Code, e.Message)
	p.Field = e.Field
	if p.Status >= http.StatusInternalServerError && ctx.Err() == nil {
		log.ErrorContext(ctx, "request failed", "code", string(p.Code), "error", err)
	}
	p.headers = http.Header{}
	if e.RetryAfter > 0 {
		p.headers.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	if e.Code == peal.CodeUnauthorized {
		p.headers.Set("WWW-Authenticate", "Bearer")
	}
	return p
}

// fail writes the answer for an error of a plain handler.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(r.Context(), a.Log, err)
	h := w.Header()
	for name, values := range p.headers {
		h[name] = values
	}
	h.Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	// The client may be gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(p)
}

// translate turns huma's own errors into Problems. They hold what the client sent,
// secrets included, which is left out.
func (a *api) translate(ctx huma.Context, _ string, v any) (any, error) {
	e, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := newProblem(humaCode(e.Status), e.Detail)
	for _, d := range e.Errors {
		field := strings.TrimPrefix(d.Location, "body")
		for _, loc := range []string{".", "query.", "path.", "header."} {
			field = strings.TrimPrefix(field, loc)
		}
		p.Errors = append(p.Errors, a.explained(ctx.Operation(), field, d.Message))
	}
	if len(p.Errors) > 0 {
		p.Field, p.Detail = p.Errors[0].Field, p.Errors[0].Detail
	}
	if len(p.Errors) == 1 {
		p.Errors = nil
	}
	if x, ok := ctx.(*exchange); ok {
		x.status = p.Status
	}
	return p, nil
}

// humaCode names what huma found wrong before a handler ran. It answers 422 for
// fields of the wrong type and 500 for a body that it cannot read.
func humaCode(status int) peal.Code {
	switch status {
	case http.StatusRequestTimeout:
		return codeTimeout
	case http.StatusRequestEntityTooLarge:
		return peal.CodeTooLarge
	case http.StatusUnsupportedMediaType:
		return peal.CodeUnsupported
	}
	return peal.CodeInvalid
}
