package channel

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
)

// wordFields are the fields of every channel that tells people.
var wordFields = []Field{
	{Name: "title", Type: String, Help: "A template for the title in place of the event's, such as Production: {{ event.title }}."},
	{Name: "message", Type: String, Help: "A template for the message, such as {{ event.data.spent | usd }} spent by {{ event.subject }}."},
}

// Check reports, as a *peal.Error, why an endpoint cannot be sent to: first what its
// channel's fields say, then what the channel itself does.
func Check(ctx context.Context, c Channel, ep *peal.Endpoint) error {
	if _, ok := c.(Renderer); ok {
		if err := checkConfig(c.Fields(), ep.Private.Config); err != nil {
			return err
		}
	}
	return c.Check(ctx, ep)
}

// checkConfig holds a configuration against the fields that describe it.
func checkConfig(fields []Field, config json.RawMessage) error {
	values := map[string]json.RawMessage{}
	if len(config) > 0 && json.Unmarshal(config, &values) != nil {
		return peal.Invalid("config", "config must be an object")
	}
	for _, f := range fields {
		value, ok := values[f.Name]
		if delete(values, f.Name); !ok {
			if f.Required {
				return peal.Invalid("config."+f.Name, "%s is required: %s", f.Name, f.Help)
			}
			continue
		}
		if err := f.check(value); err != nil {
			return err
		}
	}
	for name := range values {
		return peal.Invalid("config."+name, "there is no %s here", peal.Clip(name, clipLen))
	}
	return nil
}

// check reports why a value cannot be the field's.
func (f *Field) check(value json.RawMessage) error {
	name := "config." + f.Name
	into := map[FieldType]any{String: new(string), Integer: new(int64), Strings: new([]string), Map: new(map[string]string)}[f.Type]
	if json.Unmarshal(value, into) != nil {
		return peal.Invalid(name, "%s must be %s", name, f.Type.words())
	}
	s, ok := into.(*string)
	switch {
	case f.Required && (string(value) == `""` || string(value) == "[]"):
		return peal.Invalid(name, "%s must not be empty", name)
	case ok && len(f.Enum) > 0 && !slices.Contains(f.Enum, *s):
		return peal.Invalid(name, "%s must be one of %s", name, strings.Join(f.Enum, ", "))
	case ok && (f.Name == "title" || f.Name == "message"):
		_, err := parseTemplate(name, *s)
		return err
	}
	return nil
}

func (t FieldType) words() string {
	switch t {
	case Integer:
		return "an integer"
	case Strings:
		return "an array of strings"
	case Map:
		return "an object of strings"
	}
	return "a string"
}

// configOf reads an endpoint's configuration, with the fields' defaults where it says
// nothing. T's members have the fields' names.
func configOf[T any](c Channel, ep *peal.Endpoint) (T, error) {
	var cfg T
	values := map[string]json.RawMessage{}
	if len(ep.Private.Config) > 0 {
		if err := json.Unmarshal(ep.Private.Config, &values); err != nil {
			return cfg, errConfig
		}
	}
	for _, f := range c.Fields() {
		if _, ok := values[f.Name]; !ok && f.Default != "" {
			value, err := json.Marshal(f.Default)
			if f.Type == Integer {
				value = []byte(f.Default)
			}
			if err != nil {
				return cfg, errConfig
			}
			values[f.Name] = value
		}
	}
	doc, err := json.Marshal(values)
	if err != nil || json.Unmarshal(doc, &cfg) != nil {
		return cfg, errConfig
	}
	return cfg, nil
}

// errConfig never shows what the configuration holds.
var errConfig = peal.Invalid("config", "the endpoint's configuration cannot be read")

// Shown is an endpoint's configuration as it may be shown: of what is secret it tells
// that it is there, and of a secret URL the host. A webhook's signing secret has calls
// of its own.
func Shown(c Channel, ep *peal.Endpoint) map[string]any {
	values := map[string]any{}
	if _, ok := c.(Renderer); !ok {
		if ep.URL != "" {
			values["url"] = ep.URL
		}
		if len(ep.Private.Headers) > 0 {
			values["headers"] = hidden(ep.Private.Headers)
		}
		return values
	}
	own := map[string]any{}
	// What cannot be read cannot be shown, and fails when it is sent to.
	_ = json.Unmarshal(ep.Private.Config, &own)
	for _, f := range c.Fields() {
		value, ok := own[f.Name]
		if !ok {
			continue
		}
		if f.Secret {
			value = f.hide(value)
		}
		values[f.Name] = value
	}
	return values
}

func (f *Field) hide(value any) any {
	if s, ok := value.(string); ok && f.Name == "url" {
		if u, err := url.Parse(s); err == nil && u.Host != "" {
			return u.Scheme + "://" + u.Host + "/" + secret.Redacted
		}
	}
	return secret.Redacted
}

func hidden(headers map[string]string) map[string]any {
	out := make(map[string]any, len(headers))
	for name := range headers {
		out[name] = secret.Redacted
	}
	return out
}
