package inbound

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
	"github.com/peal-dev/peal/internal/strictjson"
)

// maxRefusedBody is how much is kept of a body that was refused, in bytes.
const maxRefusedBody = 8 << 10

// input is what workflows see of a request, as JSON: {"webhook":{body,headers,…}}. What is
// secret is hidden from them, since it is kept and shown.
func (h *Hook) input(r *Request, body []byte, now time.Time) []byte {
	b := make([]byte, 0, len(body)+1024)
	b = append(b, `{"webhook":{"body":`...)
	b = append(b, body...)
	b = append(b, `,"headers":`...)
	b = h.appendPairs(b, r.Header, strings.ToLower)
	b = append(b, `,"method":`...)
	b = strictjson.AppendString(b, r.Method)
	b = append(b, `,"query":`...)
	b = h.appendPairs(b, r.Query, func(s string) string { return s })
	b = append(b, `,"receivedAt":"`...)
	b = now.UTC().AppendFormat(b, time.RFC3339)
	b = append(b, `"}`...)
	if h.Offering != "" && !h.Workflow.IsZero() {
		// The execution opens the request before its first step.
		b = append(strictjson.AppendString(append(b, `,"offering":`...), h.Offering), '}')
		return b
	}
	return append(b, '}')
}

// appendPairs writes headers or a query, sorted; several values are joined.
func (h *Hook) appendPairs(b []byte, pairs map[string][]string, spell func(string) string) []byte {
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(pairs)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(strictjson.AppendString(b, spell(name)), ':')
		value := strings.Join(pairs[name], ", ")
		if secret.IsSensitiveHeader(name) || h.isCredential(name) {
			value = secret.Redacted
		}
		b = strictjson.AppendString(b, value)
	}
	return append(b, '}')
}

// isCredential tells whether the hook's secret itself stands in a header.
func (h *Hook) isCredential(name string) bool {
	return h.scheme.Name == "api_key" && strings.EqualFold(h.Verification.Settings["header"], name)
}

// refused keeps a request that was not taken, for people to see why.
func (s *Service) refused(h *Hook, r *Request, now time.Time, err error) {
	if !s.limits.mayKeep(h.ID, now) {
		return
	}
	body, bad := strictjson.Compact(nil, r.Body[:min(len(r.Body), maxRefusedBody)])
	if bad != nil {
		body = strictjson.AppendString(nil, string(r.Body[:min(len(r.Body), maxRefusedBody)]))
	}
	verdict, code := "refused", 500
	var known *peal.Error
	if errors.As(err, &known) {
		verdict = known.Message
		switch known.Code {
		case peal.CodeUnauthorized:
			code = 401
		case peal.CodeInvalid:
			code = 400
		case peal.CodeConflict:
			code = 409
		}
	}
	s.Refusals.Refused(h.Org, peal.Received{
		ID: peal.NewExecutionID(now), Hook: h.ID, At: now, Verdict: verdict, StatusCode: code, Request: h.input(r, body, now),
	})
}
