package queue

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/peal"
)

func TestHasText(t *testing.T) {
	ev := &peal.Event{
		Type: "order.Paid", Subject: "Ada", Title: "Überfällig", Message: "line one\nline two",
		Data: []byte(`{"note":"caf\u00e9 \ud83d\ude00 \"quoted\" a\/b","total":12.50,"bad":"\u12"}`),
	}
	for text, want := range map[string]bool{
		"order.paid": true, "ADA": true, "überfällig": true, "ÜBER": true, "two": true, "12.50": true, "CAFÉ": true, "😀": true,
		`"quoted"`: true, "a/b": true, `\u00e9`: true, `"total":12.50`: true, "12.5000": false, "nobody": false, "caf e": false,
	} {
		if got := hasText(ev, strings.ToLower(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// Whatever a string is made of is found as it was written by its author, however JSON escapes it.
func TestUnescaped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		doc, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(unescaped(doc)); got != `"`+strings.ToValidUTF8(text, "\ufffd")+`"` {
			t.Errorf("%q of %s", got, doc)
		}
	})
	for _, broken := range []string{`\`, `\u`, `\u00`, `\ud800`, `\ud800\u0041`, `\x`, `a\`} {
		_ = unescaped([]byte(broken)) // must end without a panic
	}
}
