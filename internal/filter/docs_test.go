package filter

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// TestDocumentation runs every filter of docs/filters.md over the event that the
// page shows, and holds the answers against the page's.
func TestDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../docs/filters.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := func(language string) (out []string) {
		for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
			out = append(out, m[1])
		}
		return out
	}
	var shown struct {
		ID, Type, Source, Subject string
		Severity                  peal.Severity
		Time                      time.Time
		Data                      json.RawMessage
	}
	if err := json.Unmarshal([]byte(strings.Join(blocks("json"), "")), &shown); err != nil {
		t.Fatal(err)
	}
	ev := &peal.Event{
		ClientID: shown.ID, Type: shown.Type, Source: shown.Source, Subject: shown.Subject,
		Severity: shown.Severity, Time: shown.Time, Data: shown.Data,
	}
	examples := 0
	for line := range strings.Lines(strings.Join(blocks("cel"), "")) {
		expr, want, ok := strings.Cut(strings.TrimSpace(line), "// ")
		if !ok {
			t.Errorf("no answer: %s", line)
			continue
		}
		examples++
		program, err := Compile(expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		got, err := program.MatchInput(NewInput(ev))
		switch reason, fails := strings.CutPrefix(want, "error: "); {
		case fails && (err == nil || !strings.Contains(err.Error(), reason)):
			t.Errorf("%s = %v, %v; the page says %s", expr, got, err, want)
		case !fails && (err != nil || (want == "true") != got):
			t.Errorf("%s = %v, %v; the page says %s", expr, got, err, want)
		}
	}
	if examples < 20 {
		t.Errorf("%d examples were found", examples)
	}
}
