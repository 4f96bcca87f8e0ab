package workflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
	"github.com/peal-dev/peal/internal/strictjson"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// hidden are the secrets that a definition names. They appear in nothing that is kept of
// its executions.
type hidden struct {
	values map[string]any // by name
	texts  *strings.Replacer
}

// hide reads the secrets that the steps name, nil where they name none. One that is not
// there is an error of the step that needs it.
func (r *run) hide() *hidden {
	var h *hidden
	var found []string
	for _, s := range definition.All(r.def.Steps) {
		for _, use := range s.Secrets {
			if h == nil {
				h = &hidden{values: map[string]any{}}
			}
			if _, known := h.values[use.Name]; known {
				continue
			}
			if value, ok := r.Secrets(r.Execution.Org, use.Name); ok {
				h.values[use.Name] = value
				found = append(found, spellings(value)...)
			}
		}
	}
	if h == nil {
		return nil
	}
	// The first that fits is taken: a text before its beginning.
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(found))
	for _, text := range found {
		pairs = append(pairs, text, secret.Redacted)
	}
	h.texts = strings.NewReplacer(pairs...)
	return h
}

// spellings are a value as it is and as URLs, hosts, JSON and errors have it.
func spellings(value string) []string {
	quoted := fmt.Sprintf("%q", value)
	asJSON := string(strictjson.AppendString(nil, value))
	all := []string{
		value, url.QueryEscape(value), url.PathEscape(value), quoted[1 : len(quoted)-1], asJSON[1 : len(asJSON)-1],
		(&url.URL{Path: value}).EscapedPath(), egress.Escape(value), strings.ToLower(value),
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// scope lets templates see the secrets: as they are, or as people may see them.
func (h *hidden) scope(scope definition.Scope, plain bool) definition.Scope {
	if h == nil {
		return scope
	}
	out, values := maps.Clone(scope), h.values
	if !plain {
		values = make(map[string]any, len(h.values))
		for name := range h.values {
			values[name] = secret.Redacted
		}
	}
	out[definition.SecretsRoot] = values
	return out
}

// clean takes the secrets out of what came of a step.
func (h *hidden) clean(out Outcome) Outcome {
	if h == nil {
		return out
	}
	out.Err = h.error(out.Err)
	if len(out.Output) > 0 {
		v, err := definition.Decode(out.Output)
		if err == nil {
			out.Output, err = definition.AppendJSON(nil, h.value(v))
		}
		if err != nil {
			return Outcome{Err: errors.New("the output cannot be kept without the secrets in it"), Permanent: true}
		}
	}
	return out
}

// error is an error without secrets.
func (h *hidden) error(err error) error {
	if h == nil || err == nil {
		return err
	}
	text := err.Error()
	if known, ok := errors.AsType[*peal.Error](err); ok {
		text = known.Message
	}
	return errors.New(h.texts.Replace(text))
}

func (h *hidden) value(v any) any {
	switch v := v.(type) {
	case string:
		return h.texts.Replace(v)
	case json.Number:
		if clean := h.texts.Replace(v.String()); clean != v.String() {
			return clean
		}
	case []any:
		for i := range v {
			v[i] = h.value(v[i])
		}
	case map[string]any:
		clean := make(map[string]any, len(v))
		for name, member := range v {
			clean[h.texts.Replace(name)] = h.value(member)
		}
		return clean
	}
	return v
}
