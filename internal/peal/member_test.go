package peal_test

import (
	"testing"

	"github.com/peal-dev/peal/internal/peal"
)

func TestFoldEmail(t *testing.T) {
	for in, want := range map[string]string{
		"Grace.Hopper@Example.COM": "grace.hopper@example.com",
		"\u212aim@example.com":     "\u212aim@example.com", // a Kelvin sign is no k
		"J\u00dcRGEN@example.com":  "j\u00dcrgen@example.com",
		"":                         "",
	} {
		if got := peal.FoldEmail(in); got != want {
			t.Errorf("%q is folded to %q, want %q", in, got, want)
		}
	}
}
