package workflow

import (
	"strings"
	"testing"

	"github.com/peal-dev/peal/internal/peal"
)

// Definitions are remembered, and forgotten before they take much memory.
func TestDefinitionsAreRememberedWithinBounds(t *testing.T) {
	e := New(Config{Kinds: All(Deps{})})
	short := &Claimed{Execution: &peal.Execution{Version: 1}, Definition: "name: Test\nsteps:\n  - {id: a, uses: publish, with: {type: x}}\n"}
	first, err := e.definition(short)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := e.definition(short); err != nil || again != first {
		t.Errorf("the definition was read again (%v)", err)
	}
	long := short.Definition + "# " + strings.Repeat("x", 100<<10)
	for i := range 100 {
		if _, err := e.definition(&Claimed{Execution: &peal.Execution{Version: 2 + i}, Definition: long}); err != nil {
			t.Fatal(err)
		}
		if n := len(e.definitions.known); n*len(long) > maxTexts+len(long) {
			t.Fatalf("%d definitions are remembered", n)
		}
	}
}
