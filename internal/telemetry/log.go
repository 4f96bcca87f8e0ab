package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
)

// NewLogger makes a logger that writes lines of a format (text or json) from a level
// (debug, info, warn or error) on. Secrets are hidden twice: attributes whose names
// are sensitive, and in whole lines whatever looks like a secret.
func NewLogger(w io.Writer, format, level string, sensitive func(name string) bool) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("telemetry: %q is no log level", level)
	}
	o := &slog.HandlerOptions{Level: l, ReplaceAttr: redactAttrs(sensitive)}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(redactor{w}, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(redactor{w}, o)), nil
	}
	return nil, fmt.Errorf("telemetry: %q is no log format", format)
}

const redacted = "[redacted]"

// redactAttrs hides the values of attributes with sensitive names. Numbers under
// such names count or measure.
func redactAttrs(sensitive func(name string) bool) func([]string, slog.Attr) slog.Attr {
	return func(_ []string, a slog.Attr) slog.Attr {
		if k := a.Value.Kind(); (k == slog.KindString || k == slog.KindAny) && sensitive(a.Key) {
			return slog.String(a.Key, redacted)
		}
		return a
	}
}

// redactor hides secrets in the lines that pass through. A handler writes each line
// in one call.
type redactor struct{ w io.Writer }

// The secrets that are known by their looks: bearer tokens, signing secrets, API
// keys, and passwords in URLs. None of them holds a quote or a backslash, so that a
// line of JSON stays one.
var secretLooks = regexp.MustCompile(`(?i)(\bbearer\s+)[^\s"'\\,;]+|(\bwhsec_)[a-z0-9+/=_-]+|(\bpeal_)[a-z0-9_-]{20,}|(://[^\s"\\/@:]*:)[^\s"\\/@]+(@)`)

func (r redactor) Write(line []byte) (int, error) {
	out := secretLooks.ReplaceAll(line, []byte("$1$2$3$4"+redacted+"$5"))
	if _, err := r.w.Write(out); err != nil {
		return 0, err
	}
	return len(line), nil
}
