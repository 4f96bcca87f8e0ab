package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client calls one server. The zero value of every field but BaseURL is usable;
// set the fields before the first call. It is safe for concurrent use.
type Client struct {
	// BaseURL is the server's root, such as https://peal.example.com.
	BaseURL string
	// Key is the admin key or an org's API key.
	Key string
	// Org is the org that the admin key acts in; empty is the default org. An org's
	// own key needs none.
	Org string
	// HTTPClient sends the requests; nil is http.DefaultClient.
	HTTPClient *http.Client
}

const (
	maxTries      = 4
	firstWait     = 250 * time.Millisecond
	longestWait   = 30 * time.Second
	maxAnswerSize = 64 << 20
)

// call is one request of the API.
type call struct {
	method, path string
	query        url.Values
	header       http.Header
	body         any
	// repeatable calls may be made again after 429 and 503.
	repeatable bool
}

// do makes the call and decodes the answer into out, which may be nil, *[]byte for
// the raw body, or what encoding/json fills.
func (c *Client) do(ctx context.Context, r call, out any) error {
	var body []byte
	if r.body != nil {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false) // data goes as it is
		if err := enc.Encode(r.body); err != nil {
			return fmt.Errorf("peal: encode request: %w", err)
		}
		body = b.Bytes()
	}
	wait := firstWait
	for try := 1; ; try++ {
		answer, err := c.once(ctx, r, body)
		if err == nil {
			return decode(answer, out)
		}
		p, ok := errors.AsType[*Problem](err)
		if !ok || !r.repeatable || try == maxTries || !p.temporary() {
			return err
		}
		if err := sleep(ctx, min(cmp.Or(p.RetryAfter, wait), longestWait)); err != nil {
			return errors.Join(p, err)
		}
		wait *= 2
	}
}

// once sends the request and returns the body of a 2xx answer.
func (c *Client) once(ctx context.Context, r call, body []byte) ([]byte, error) {
	target := strings.TrimRight(c.BaseURL, "/") + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("peal: %w", err)
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	if c.Org != "" {
		req.Header.Set("X-Org-ID", c.Org)
	}
	resp, err := cmp.Or(c.HTTPClient, http.DefaultClient).Do(req)
	if err != nil {
		return nil, fmt.Errorf("peal: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerSize))
	if err != nil {
		return nil, fmt.Errorf("peal: read answer: %w", err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, problemOf(resp, answer)
	}
	return answer, nil
}

func decode(answer []byte, out any) error {
	switch out := out.(type) {
	case nil:
		return nil
	case *[]byte:
		*out = answer
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("peal: the answer is not what this client expects: %w", err)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.do(ctx, call{method: http.MethodGet, path: path, query: query, repeatable: true}, out)
}

func (c *Client) post(ctx context.Context, path string, body, out any) error {
	return c.do(ctx, call{method: http.MethodPost, path: path, body: body}, out)
}

func (c *Client) patch(ctx context.Context, path string, body, out any) error {
	return c.do(ctx, call{method: http.MethodPatch, path: path, body: body}, out)
}

func (c *Client) delete(ctx context.Context, path string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: path, repeatable: true}, nil)
}

// join builds a path from segments, escaping each.
func join(segments ...string) string {
	var b strings.Builder
	b.WriteString("/v1")
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}

// values builds a query from pairs, leaving out empty values.
func values(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

func pageSize(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
