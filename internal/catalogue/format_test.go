package catalogue

import (
	"testing"

	"github.com/peal-dev/peal/internal/peal"
)

func TestAppendFormat(t *testing.T) {
	for _, c := range []struct{ format, value, want string }{
		{"", "gpt-4.1", "gpt-4.1"},
		{"usd", "10", "$10"},
		{"usd", "50.00", "$50"},
		{"usd", "4.27", "$4.27"},
		{"usd", "48.1234", "$48.12"},
		{"usd", "12345.5", "$12,345.50"},
		{"usd", "1000000", "$1,000,000"},
		{"usd", "0", "$0"},
		{"usd", "0.0042", "$0.0042"},
		{"usd", "0.00001", "$0.000010"},
		{"usd", "1e-300", "$0.00000000"},
		{"usd", "-3.5", "-$3.50"},
		{"usd", "a lot", "a lot"},
		{"usd", "NaN", "NaN"},
		{"usd", "1e99", "1e99"},
		{"count", "90000", "90,000"},
		{"count", "999", "999"},
		{"count", "-1234", "-1,234"},
		{"count", "2.50", "2.5"},
		{"percent", "90", "90%"},
		{"percent", "90.54", "90.5%"},
		{"times", "3.01", "3x"},
		{"times", "8.4", "8.4x"},
		{"seconds", "300", "5m"},
		{"seconds", "3600", "1h"},
		{"seconds", "5400", "1h30m"},
		{"seconds", "75.4", "1m15s"},
		{"seconds", "1e14", ""},
		{"ms", "45000", "45s"},
		{"ms", "850", "850ms"},
		{"words", "pii_detected", "pii detected"},
		{"words", "MEDIUM", "medium"},
		{"Words", "daily_budget", "Daily budget"},
		{"unheard-of", "7", "7"},
	} {
		if got := string(appendFormat(nil, c.format, c.value)); got != c.want {
			t.Errorf("%s of %q = %q, want %q", c.format, c.value, got, c.want)
		}
	}
}

func TestTemplate(t *testing.T) {
	ev := &peal.Event{Org: "acme", Data: []byte(`{"a":"A","n":1200,"empty":"","dot":"done.","escaped":"\u00e9\"x"}`)}
	for in, want := range map[string]string{
		"":                        "",
		"plain":                   "plain",
		"{a} and {n:count}":       "A and 1,200",
		"x[ {a}|y] z":             "x A z",
		"x[ {gone}| y] z":         "x y z",
		"x[ {gone}] z":            "x z",
		"[{empty}|none]":          "none",
		"[{a}{gone}|{n}]":         "1200",
		"{event.org}":             "acme",
		"[{event.subject}|-]":     "-",
		"{escaped}":               `é"x`,
		"cut [off":                "cut ",
		"cut {off":                "cut ",
		"[one][two]":              "onetwo",
		"no value here: {gone} !": "",
		"ends [{dot}|x]. Next.":   "ends done. Next.",
	} {
		tmpl := parse(in)
		if got := tmpl.render(readFields(ev, tmpl.keys(nil))); got != want {
			t.Errorf("%q renders %q, want %q", in, got, want)
		}
	}
}
