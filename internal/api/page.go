package api

import (
	"encoding/json"
	"reflect"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// List is one page of a list.
type List[T any] struct {
	Data       []T     `json:"data" nullable:"false"`
	NextCursor *string `json:"next_cursor" doc:"The cursor of the next page, null on the last."`
}

// PageQuery asks for a page.
type PageQuery struct {
	Cursor string `query:"cursor" doc:"next_cursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" default:"50" doc:"Rows on a page, at most 500."`
}

func (q PageQuery) page() peal.Page { return peal.Page{Cursor: q.Cursor, Limit: q.Limit}.Clamp() }

// listOf makes a page of answers from rows.
func listOf[R, T any](rows []R, next string, show func(R) T) *body[List[T]] {
	out := List[T]{Data: make([]T, len(rows))}
	for i, row := range rows {
		out.Data[i] = show(row)
	}
	if next != "" {
		out.NextCursor = &next
	}
	return &body[List[T]]{out}
}

// listObjects answers with a page of the org's objects of a kind.
func listObjects[R, T any](a *api, kind directory.Objects[R], who auth.Identity, in *PageQuery, show func(*R) T) (*body[List[T]], error) {
	rows, next, err := kind.List(a.Directory, who.Org, in.page())
	if err != nil {
		return nil, err
	}
	return listOf(rows, next, show), nil
}

// getObject answers with one of them.
func getObject[R, T any](a *api, kind directory.Objects[R], who auth.Identity, id string, show func(*R) T) (*body[T], error) {
	row, ok := kind.Get(a.Directory, who.Org, id)
	if !ok {
		return nil, peal.NotFound(kind.Kind)
	}
	return &body[T]{show(row)}, nil
}

// answerShown is answer for what has to be shown first.
func answerShown[R, T any](row *R, err error, show func(*R) T) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{show(row)}, nil
}

// cut answers with a page of rows that are held in memory, by their names.
func cut[R, T any](list string, rows []R, name func(R) string, p peal.Page, show func(R) T) (*body[List[T]], error) {
	after, err := p.After(list, 0)
	if err != nil {
		return nil, err
	}
	rows = slices.SortedFunc(slices.Values(rows), func(a, b R) int { return strings.Compare(name(a), name(b)) })
	if after != nil {
		rows = rows[sort.Search(len(rows), func(i int) bool { return name(rows[i]) > string(after) }):]
	}
	if len(rows) <= p.Limit {
		return listOf(rows, "", show), nil
	}
	rows = rows[:p.Limit]
	return listOf(rows, peal.Cursor(list, []byte(name(rows[p.Limit-1]))), show), nil
}

// moment is null where the time is not set.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// milliseconds rounds up, so that nothing takes no time.
func milliseconds(d time.Duration) int64 { return (d + time.Millisecond - 1).Milliseconds() }

// Change is a member of a PATCH: absent leaves things as they are, null resets them.
type Change[T any] struct {
	Set   bool
	Value T
}

// UnmarshalJSON is called for null as well.
func (c *Change[T]) UnmarshalJSON(b []byte) error {
	c.Set = true
	return json.Unmarshal(b, &c.Value)
}

// Schema is T's, or null.
func (Change[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), false, "")
	s.Nullable = true
	return &s
}

func (c Change[T]) apply(dst *T) {
	if c.Set {
		*dst = c.Value
	}
}
