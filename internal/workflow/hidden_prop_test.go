package workflow

import (
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
	"github.com/peal-dev/peal/internal/workflow/definition"
)

// Whatever a step gives that has a secret in it, what is kept has not, and is still JSON.
func TestCleanLeavesNoSecret(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[A-Za-z0-9"\\/%&+ ü<\n]{8,16}`).Draw(t, "secret")
		another := value + rapid.StringMatching(`[a-z0-9]{1,4}`).Draw(t, "longer")
		r := &run{Engine: &Engine{Config: Config{Secrets: func(_, name string) (string, bool) {
			return map[string]string{"A": value, "B": another}[name], true
		}}}, Claimed: &Claimed{Execution: &peal.Execution{}}}
		r.def = &definition.Definition{Steps: []*definition.Step{{Secrets: []definition.SecretUse{{Name: "A"}, {Name: "B"}}}}}
		h := r.hide()

		around := rapid.StringMatching(`[a-z"\\ü ]{0,6}`)
		text := around.Draw(t, "before") + rapid.SampledFrom(append(spellings(value), another, strings.ToLower(value))).Draw(t, "spelled") + around.Draw(t, "behind")
		doc, err := definition.AppendJSON(nil, map[string]any{text: []any{text, json.Number("1.50"), nil, true, map[string]any{"a": text}}})
		if err != nil {
			t.Fatal(err)
		}
		out := h.clean(Outcome{Output: doc, Err: errors.New("failed: " + text)})
		kept, err := definition.Decode(out.Output)
		if err != nil {
			t.Fatalf("%s is no JSON: %v", out.Output, err)
		}
		var look func(v any)
		look = func(v any) {
			switch v := v.(type) {
			case string:
				if strings.Contains(v, value) || strings.Contains(v, strings.ToLower(value)) {
					t.Fatalf("%q is kept in %q", value, v)
				}
			case []any:
				for _, item := range v {
					look(item)
				}
			case map[string]any:
				for name, member := range v {
					look(name)
					look(member)
				}
			}
		}
		look(kept)
		look(out.Err.Error())
	})
}

// A definition that names a secret often takes no more memory than one that names it once.
func TestHidingTakesLittle(t *testing.T) {
	value := strings.Repeat("\x01", 8<<10)
	r := &run{Engine: &Engine{Config: Config{Secrets: func(string, string) (string, bool) { return value, true }}}, Claimed: &Claimed{Execution: &peal.Execution{}}}
	r.def = &definition.Definition{Steps: []*definition.Step{{Secrets: make([]definition.SecretUse, 8000)}}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	h := r.hide()
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 2<<20 {
		t.Errorf("it took %d bytes", took)
	}
	if err := h.error(errors.New(value)); err.Error() != secret.Redacted {
		t.Errorf("the error says %q", err)
	}
}
