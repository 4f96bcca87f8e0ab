package definition

// Schema is the JSON Schema (draft 2020-12) of definitions whose steps are of these
// kinds, for editors.
func Schema(kinds []*Spec) map[string]any {
	var names []string
	var rules []any
	for _, k := range kinds {
		names = append(names, k.Name)
		with := map[string]any{}
		required := []string{}
		for _, f := range k.Fields {
			with[f.Name] = f.schema()
			if f.Required {
				required = append(required, f.Name)
			}
		}
		then := map[string]any{"properties": map[string]any{"with": map[string]any{
			"type": "object", "description": k.Help, "properties": with, "required": required, "additionalProperties": false,
		}}}
		if len(required) > 0 {
			then["required"] = []string{"with"}
		}
		rules = append(rules, map[string]any{
			"if":   map[string]any{"properties": map[string]any{"uses": map[string]any{"const": k.Name}}},
			"then": then,
		})
	}
	duration := map[string]any{"type": "string", "pattern": "^([0-9.]+(ms|s|m|h))+$", "examples": []string{"30s"}}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Peal workflow",
		"type": "object", "required": []string{"steps"}, "additionalProperties": false,
		"properties": map[string]any{
			"name":        map[string]any{"type": "string"},
			"description": map[string]any{"type": "string"},
			"steps":       map[string]any{"$ref": "#/$defs/steps"},
		},
		"$defs": map[string]any{
			"steps": map[string]any{"type": "array", "minItems": 1, "maxItems": MaxSteps, "items": map[string]any{"$ref": "#/$defs/step"}},
			"step": map[string]any{
				"type": "object", "required": []string{"id", "uses"}, "additionalProperties": false, "allOf": rules,
				"properties": map[string]any{
					"id":      map[string]any{"type": "string", "pattern": stepID.String()},
					"uses":    map[string]any{"enum": names},
					"with":    map[string]any{"type": "object"},
					"if":      map[string]any{"type": []string{"string", "boolean"}, "description": "A CEL expression over webhook, steps, execution and workflow."},
					"timeout": duration,
					"on_error": map[string]any{
						"enum": []string{"fail", "continue"}, "default": "fail",
					},
					"retry": map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{
						"attempts": map[string]any{"type": "integer", "minimum": 1, "maximum": MaxAttempts, "description": "How often it is tried in all."},
						"backoff":  duration,
					}},
				},
			},
		},
	}
}

func (f *Field) schema() map[string]any {
	s := map[string]any{"description": f.Help}
	switch f.Type {
	case Text, Duration, Time:
		s["type"] = "string"
	case Bool:
		s["type"] = []string{"boolean", "string"}
	case Object:
		// A template may stand for it.
		s["type"] = []string{"object", "string"}
	case Branches:
		s["type"] = []string{"array", "object"}
		s["items"] = map[string]any{"anyOf": []any{map[string]any{"$ref": "#/$defs/steps"}, map[string]any{"$ref": "#/$defs/step"}}}
	}
	if len(f.Enum) > 0 {
		s["examples"] = f.Enum
	}
	return s
}
