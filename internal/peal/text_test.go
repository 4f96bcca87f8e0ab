package peal

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestClipKeepsRunesWhole(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "abc…"},
		{"aé", 2, "a…"},
		{"😀", 3, "…"},
		{"\x80\x80", 1, "…"},
	} {
		if got := Clip(c.text, c.n); got != c.want {
			t.Errorf("Clip(%q, %d) = %q, want %q", c.text, c.n, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text, n := rapid.String().Draw(t, "text"), rapid.IntRange(0, 40).Draw(t, "n")
		got := Clip(text, n)
		kept, cut := strings.CutSuffix(got, "…")
		if got != text && (!cut || len(kept) > n || len(kept) <= n-utf8.UTFMax || !strings.HasPrefix(text, kept) || !utf8.ValidString(got)) {
			t.Fatalf("Clip(%q, %d) = %q", text, n, got)
		}
	})
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "order 1": true, "é😀": true, "\uFFFD": true,
		"a\nb": false, "\x00": false, "\x7f": false, "a\xff": false, "\xed\xa0\x80": false,
	} {
		if Printable(text) != want {
			t.Errorf("Printable(%q) = %v", text, !want)
		}
	}
}
