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

func TestReadable(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                  "plain",
		"a\r\nb\rc\u2028d":       "a\nb\nc\nd",
		"\x00\x1b[31m\x7f\u0085": "  [31m \n",
		"a\u202eb\u2066c\u2069":  "abc",
		"bad \xff":               "bad \uFFFD",
		"مرحبا 👩\u200d👧 e\u0301": "مرحبا 👩\u200d👧 e\u0301",
	} {
		if got := Readable(in); got != want {
			t.Errorf("%q reads %q, want %q", in, got, want)
		}
	}
	if got := ReadableLine(" a\r\n\tb "); got != "a b" {
		t.Errorf("on one line: %q", got)
	}
	for s, want := range map[string]bool{"": false, " \n": false, "\u200b\ufeff": false, "\u0301": false, "x": true, "👩": true, "—": true} {
		if Visible(s) != want {
			t.Errorf("%q is visible: %v", s, !want)
		}
	}
}

func FuzzReadable(f *testing.F) {
	f.Add("a\r\n\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := Readable(s)
		if !utf8.ValidString(got) || Readable(got) != got || strings.ContainsAny(got, "\r\x00\u202e\u2066") {
			t.Errorf("%q reads %q", s, got)
		}
		if line := ReadableLine(s); strings.Contains(line, "\n") || !Printable(line) {
			t.Errorf("%q on one line is %q", s, line)
		}
	})
}
