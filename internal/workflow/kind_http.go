package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// httpKind calls an address through egress, as deliveries do.
type httpKind struct{ egress *egress.Client }

var httpMethods = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"}

func (*httpKind) Spec() *definition.Spec {
	return &definition.Spec{
		Name: "http", Help: "Calls an address and gives its status, headers and body. A status other than 2xx is an error.", Outside: true,
		Fields: []definition.Field{
			{Name: "method", Type: definition.Text, Help: "POST with a body, else GET, where absent.", Enum: httpMethods},
			{Name: "url", Type: definition.Text, Required: true, Help: "An absolute https:// URL that is reachable from the internet."},
			{Name: "headers", Type: definition.Object, Help: "Headers to send."},
			{Name: "body", Type: definition.Any, Help: "What is sent as JSON; a text is sent as it is where a Content-Type is among the headers."},
		},
		Secrets: true,
	}
}

// check looks up where a step's address leads.
func (k *httpKind) check(ctx context.Context, s *definition.Step, _ definition.Known) error {
	url, ok := s.With["url"].Text()
	if !ok {
		return nil
	}
	return k.egress.CheckURL(ctx, url)
}

func (k *httpKind) Run(ctx context.Context, c *Call) Outcome {
	req, err := httpRequest(c)
	if err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	res, err := k.egress.Do(ctx, req)
	if err != nil {
		return Outcome{Err: err, Permanent: hopeless(err)}
	}
	if len(res.Body) > maxOutput/2 {
		return refusal("the answer is larger than %d KiB", maxOutput>>11)
	}
	out := httpOutput(&res)
	if res.StatusCode/100 != 2 {
		out.Err = errors.New("the receiver answered " + strconv.Itoa(res.StatusCode))
		out.Permanent = !worthRepeating(res.StatusCode)
		out.RetryAfter = retryAfter(res.Header, c.Now)
	}
	return out
}

// hopeless tells whether an exchange fails the next time too.
func hopeless(err error) bool {
	var e *egress.Error
	return errors.As(err, &e) && (e.Kind == egress.KindRequest || e.Kind == egress.KindRefused)
}

func worthRepeating(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status/100 == 5
}

func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if s, err := strconv.Atoi(text); err == nil && s > 0 {
		return min(time.Duration(s)*time.Second, peal.MaxRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return min(at.Sub(now), peal.MaxRetryAfter)
	}
	return 0
}

func httpRequest(c *Call) (egress.Request, error) {
	r := egress.Request{MaxResponse: maxOutput/2 + 1}
	var err error
	if r.URL, err = c.text("url"); err != nil {
		return r, err
	}
	if r.Method, err = c.text("method"); err != nil {
		return r, err
	}
	r.Method = strings.ToUpper(r.Method)
	body, hasBody := c.With["body"]
	if r.Method == "" {
		r.Method = http.MethodGet
		if hasBody {
			r.Method = http.MethodPost
		}
	}
	headers, ok := c.With["headers"].(map[string]any)
	if c.With["headers"] != nil && !ok {
		return r, peal.Errorf(peal.CodeInvalid, "headers are not an object")
	}
	typed := false
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		value, ok := headers[name].(string)
		if n, isNumber := headers[name].(json.Number); isNumber {
			value, ok = n.String(), true
		}
		if !ok {
			return r, peal.Errorf(peal.CodeInvalid, "the header %s is not a text", peal.Clip(name, 64))
		}
		if strings.EqualFold(name, keyHeader) {
			continue // it is the step's
		}
		typed = typed || strings.EqualFold(name, "Content-Type")
		r.Header = append(r.Header, peal.Header{Name: name, Value: value})
	}
	r.Header = append(r.Header, peal.Header{Name: keyHeader, Value: c.Key})
	if !hasBody {
		return r, nil
	}
	if text, isText := body.(string); isText && typed {
		r.Body = []byte(text)
	} else if r.Body, err = definition.AppendJSON(nil, body); err != nil {
		return r, err
	}
	if !typed {
		r.Header = append(r.Header, peal.Header{Name: "Content-Type", Value: "application/json"})
	}
	return r, nil
}

// keyHeader lets receivers know a repeat.
const keyHeader = "Idempotency-Key"

func httpOutput(res *egress.Response) Outcome {
	headers := make(map[string]any, len(res.Header))
	for name, values := range res.Header {
		if !secret.IsSensitiveHeader(name) { // a session's cookie is not for whoever may read executions
			headers[strings.ToLower(name)] = strings.Join(values, ", ")
		}
	}
	var body any
	if v, err := definition.Decode(res.Body); err == nil {
		body = v
	} else if utf8.Valid(res.Body) {
		body = string(res.Body)
	} else {
		body = strings.ToValidUTF8(string(res.Body), "\uFFFD")
	}
	return output(map[string]any{"status": json.Number(strconv.Itoa(res.StatusCode)), "headers": headers, "body": body})
}
