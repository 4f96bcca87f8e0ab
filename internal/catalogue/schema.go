package catalogue

import (
	"encoding/json"
	"strings"
)

// property is one member of an event type's data.
type property struct {
	name, kind, description string
	optional                bool
	// format is how people write the value; see appendFormat.
	format string
	// members are those of an object that are known.
	members []property
}

// of gives the members of an object.
func (p property) of(members ...property) property {
	p.members = members
	return p
}

// as gives the format in which people write the member.
func (p property) as(format string) property {
	p.format = format
	return p
}

// req is a member that is always there; kind is a JSON Schema type, with a format
// after a colon, or "id" for what may be a string or a number.
func req(name, kind, description string) property {
	return property{name: name, kind: kind, description: description}
}

// opt is a member that may be missing.
func opt(name, kind, description string) property {
	return property{name: name, kind: kind, description: description, optional: true}
}

type objectSchema struct {
	Schema     string       `json:"$schema"`
	Type       string       `json:"type"`
	Properties orderedProps `json:"properties"`
	Required   []string     `json:"required,omitempty"`
}

type propertySchema struct {
	Type        any    `json:"type"`
	Format      string `json:"format,omitempty"`
	Description string `json:"description"`

	Properties orderedProps `json:"properties,omitempty"`
}

// orderedProps keeps the order in which people wrote the properties.
type orderedProps []property

// MarshalJSON implements json.Marshaler.
func (o orderedProps) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, p := range o {
		if i > 0 {
			out = append(out, ',')
		}
		kind, format, _ := strings.Cut(p.kind, ":")
		s := propertySchema{Type: kind, Format: format, Description: p.description, Properties: p.members}
		if kind == "id" {
			s.Type = []string{"string", "integer"}
		}
		name, err := json.Marshal(p.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	return append(out, '}'), nil
}

// schema describes an object with these members and any others.
func schema(properties []property) json.RawMessage {
	s := objectSchema{Schema: "https://json-schema.org/draft/2020-12/schema", Type: "object", Properties: properties}
	for _, p := range properties {
		if !p.optional {
			s.Required = append(s.Required, p.name)
		}
	}
	out, err := json.Marshal(s)
	if err != nil {
		return json.RawMessage("true") // nothing in it can fail to marshal
	}
	return out
}
