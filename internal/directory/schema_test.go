package directory_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

func compile(t *testing.T, schema string) *directory.Schema {
	t.Helper()
	s, err := directory.CompileSchema(json.RawMessage(schema))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchemaNamesThePlace(t *testing.T) {
	order := compile(t, `{
		"type": "object",
		"required": ["id"],
		"properties": {
			"id": {"type": "integer", "minimum": 3},
			"state": {"enum": ["open", "closed", {"other": 1}]},
			"kind": {"const": 1},
			"lines": {"type": "array", "items": {"properties": {"price": {"type": "number", "multipleOf": 0.01}}}},
			"sku": {"pattern": "^[A-Z]{3}$"},
			"either": {"anyOf": [{"type": "string"}, {"type": "null"}]}
		}
	}`)
	for _, tc := range []struct{ data, field string }{
		{`{"id": 3}`, ""},
		{`{"id": 123456789012345678901234567890}`, ""},
		{`{"id": 3.0, "kind": 1.0, "state": {"other": 1}}`, ""},
		{`{"id": 3, "lines": [{"price": 0.29}, {"price": 1e2}], "sku": "ABC", "either": null}`, ""},
		{`{}`, "data"},
		{`{"id": 2}`, "data.id"},
		{`{"id": 3, "state": "ajar"}`, "data.state"},
		{`{"id": 3, "kind": 2}`, "data.kind"},
		{`{"id": 3, "lines": [{"price": 0.29}, {"price": 0.295}]}`, "data.lines[1].price"},
		{`{"id": 3, "sku": "abc"}`, "data.sku"},
		{`{"id": 3, "either": 5}`, "data.either"},
		{`{"id": 2, "kind": 2, "sku": "abc"}`, "data.id"}, // the first place, every time
		{`{"id": 1e-999999999}`, "data"},
		{`{"id": ` + strings.Repeat("9", 6000) + `}`, "data"},
	} {
		err := order.Check("data", []byte(tc.data))
		if tc.field == "" {
			if err != nil {
				t.Errorf("%s: %v", tc.data, err)
			}
			continue
		}
		var bad *peal.Error
		if !errors.As(err, &bad) || bad.Code != peal.CodeInvalid || bad.Field != tc.field || bad.Message == "" {
			t.Errorf("%.80s: got %v, want it refused at %s", tc.data, err, tc.field)
		}
	}
}

func TestSchemaRefused(t *testing.T) {
	for name, schema := range map[string]string{
		"remote":            `{"$ref": "https://example.com/schema.json"}`,
		"file":              `{"$ref": "file:///etc/passwd"}`,
		"remote metaschema": `{"$schema": "https://example.com/meta"}`,
		"dangling":          `{"$ref": "#/$defs/nothing"}`,
		"not a schema":      `{"type": "objekt"}`,
		"a list":            `[]`,
		"not JSON":          `{"type":`,
		"bad pattern":       `{"pattern": "("}`,
		"huge pattern":      `{"pattern": "((a{30}){30}b{200})"}`,
		"too large":         `{"description": "` + strings.Repeat("x", directory.MaxSchemaSize) + `"}`,
		"too many parts":    `{"allOf": [` + strings.Repeat(`{},`, 5000) + `{}]}`,
		"too deep":          strings.Repeat(`{"not":`, 200) + "true" + strings.Repeat("}", 200),
	} {
		if s, err := directory.CompileSchema(json.RawMessage(schema)); s != nil || peal.CodeOf(err) != peal.CodeInvalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, schema := range []string{"", "null", "true", `{"$ref": "https://json-schema.org/draft/2020-12/schema"}`, `{"$schema": "http://json-schema.org/draft-07/schema#"}`} {
		s, err := directory.CompileSchema(json.RawMessage(schema))
		if err != nil {
			t.Errorf("%q: %v", schema, err)
		} else if err := s.Check("data", []byte(`{"type":"string"}`)); err != nil {
			t.Errorf("%q: %v", schema, err)
		}
	}
}

// A short schema may ask for more work than there is time.
func TestSchemaStepsAreBounded(t *testing.T) {
	numbers := make([]string, 5000)
	for i := range numbers {
		numbers[i] = fmt.Sprint(i)
	}
	twice := `{"properties":{"n":{"$ref":"#/$defs/n"}}}`
	nested := strings.Repeat(`{"n":`, 100) + "1" + strings.Repeat("}", 100)
	for name, tc := range map[string]struct{ schema, data string }{
		"branches":         {`{"$ref":"#/$defs/n","$defs":{"n":{"allOf":[` + twice + `,` + twice + `]}}}`, nested},
		"negated branches": {`{"$ref":"#/$defs/n","$defs":{"n":{"not":{"anyOf":[` + twice + `,` + twice + `]}}}}`, nested},
		"many values":      {`{"items":{"enum":[` + strings.Join(numbers, ",") + `]}}`, "[" + strings.Repeat("-1,", 50_000) + "-1]"},
		"long text":        {`{"pattern":"(x{1,300})+y"}`, `"` + strings.Repeat("x", 250_000) + `"`},
	} {
		s := compile(t, tc.schema)
		if err := s.Check("data", []byte(tc.data)); err == nil || !strings.Contains(err.Error(), "too many steps") {
			t.Errorf("%s: got %v", name, err)
		}
		// Each validation has its own budget.
		if err := s.Check("data", []byte(`{"n":[0]}`)); err != nil && strings.Contains(err.Error(), "too many steps") {
			t.Errorf("%s: a small document: %v", name, err)
		}
	}
}

func FuzzSchema(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"minimum":1,"enum":[1,"x",[2]]}},"if":{"required":["a"]},"then":{"uniqueItems":true}}`, `{"a":[1,2e300,"x"]}`)
	f.Add(`{"$schema":"http://json-schema.org/draft-04/schema#","id":"x","format":"email"}`, `"a"`)
	f.Fuzz(func(t *testing.T, schema, data string) {
		s, err := directory.CompileSchema(json.RawMessage(schema))
		if err != nil {
			if peal.CodeOf(err) != peal.CodeInvalid {
				t.Fatalf("schema: %v", err)
			}
			return
		}
		if err := s.Check("data", []byte(data)); err != nil && peal.CodeOf(err) != peal.CodeInvalid {
			t.Fatalf("data: %v", err)
		}
	})
}
