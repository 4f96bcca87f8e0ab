package client

import (
	"context"
	"iter"
	"net/url"
)

// page is one answer of a list.
type page[T any] struct {
	Data       []T    `json:"data"`
	NextCursor string `json:"next_cursor"` // null after the last page
}

// list walks all pages of a list. It asks for the next page when the loop reaches
// it, stops with the first error, and can be ranged over again from the start.
func list[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		q := url.Values{}
		for name, v := range query {
			q[name] = v
		}
		for {
			var p page[T]
			if err := c.get(ctx, path, q, &p); err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range p.Data {
				if !yield(item, nil) {
					return
				}
			}
			if p.NextCursor == "" {
				return
			}
			q.Set("cursor", p.NextCursor)
		}
	}
}
