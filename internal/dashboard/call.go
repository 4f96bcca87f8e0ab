package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/peal-dev/peal/internal/auth"
)

// problem is what the API answers to a request that failed.
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Field  string `json:"field"`
	Errors []struct {
		Field  string `json:"field"`
		Detail string `json:"detail"`
	} `json:"errors"`
}

func (p *problem) Error() string { return p.Detail }

// answer holds what a handler writes; it is never sent anywhere.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// caller makes requests of the API in process, as one person.
type caller struct {
	api  http.Handler
	ctx  context.Context
	who  auth.Identity
	host string
}

// get reads a document into out.
func (c *caller) get(path string, query url.Values, out any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.do(http.MethodGet, path, nil, out)
}

// do makes a request. The body is marshalled unless it is nil; the answer is read into
// out, which may be nil, or *[]byte for the bytes. A failure is a *problem.
func (c *caller) do(method, path string, body, out any) error {
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return fmt.Errorf("dashboard: %w", err)
		}
	}
	return c.doRaw(method, path, "application/json", raw, out)
}

// doRaw is do for a body that is not to be marshalled.
func (c *caller) doRaw(method, path, contentType string, raw []byte, out any) error {
	r, err := http.NewRequestWithContext(auth.WithIdentity(c.ctx, c.who), method, path, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("dashboard: %w", err)
	}
	r.Host = c.host
	r.RequestURI = path
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Accept", "application/json")
	a := &answer{header: http.Header{}}
	c.api.ServeHTTP(a, r)
	a.WriteHeader(http.StatusOK)
	if a.status < 200 || a.status > 299 {
		p := &problem{Status: a.status, Title: http.StatusText(a.status)}
		if json.Unmarshal(a.body.Bytes(), p) != nil || p.Detail == "" {
			p.Detail = p.Title
		}
		return p
	}
	switch out := out.(type) {
	case nil:
		return nil
	case *[]byte:
		*out = a.body.Bytes()
		return nil
	default:
		if err := json.Unmarshal(a.body.Bytes(), out); err != nil {
			return fmt.Errorf("dashboard: %s %s: %w", method, path, err)
		}
		return nil
	}
}

// list is a page of the API's lists.
type list[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"next_cursor"`
}

// Next is the cursor of the next page, empty on the last.
func (l list[T]) Next() string {
	if l.NextCursor == nil {
		return ""
	}
	return *l.NextCursor
}
