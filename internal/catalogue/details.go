package catalogue

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

// Detail is one member of an event's data as people read it.
type Detail struct {
	// Key is the member's name; that of a member of an object is after a dot.
	Key string
	// Label is the name in words: daily_budget reads "Daily budget".
	Label string
	// Text is visible and readable (peal.Readable); only that of a long one has
	// several lines.
	Text string
	// Long tells that the text wants a block of its own: it is more than a line, or
	// JSON.
	Long bool
}

// Limits of what is told of an event's data; the rest is on the event's page.
const (
	maxDetails   = 50
	maxDetail    = 8 << 10
	longFrom     = 160 // bytes of a text
	maxLabel     = 80
	maxListItems = 20
)

// Details gives the members of an event's data in their order, those of objects
// beside the others. What has no value, or repeats the event's own words, is left out.
func Details(ev *peal.Event) []Detail {
	d := details{event: ev}
	if t, ok := Lookup(ev.Type); ok {
		d.properties = t.properties
	}
	// Data that cannot be read have nothing to tell.
	_ = strictjson.Fields(ev.Data, func(key string, value []byte) error {
		if len(value) == 0 || value[0] != '{' {
			d.add(key, key, value)
			return nil
		}
		return strictjson.Fields(value, func(inner string, value []byte) error {
			d.add(key+"."+inner, innerName(key, inner), value)
			return nil
		})
	})
	if d.left > 0 {
		d.list = append(d.list, Detail{Key: "", Label: "Not shown", Text: strconv.Itoa(d.left) + " more"})
	}
	return d.list
}

type details struct {
	event      *peal.Event
	properties []property
	list       []Detail
	left       int
}

func (d *details) add(key, name string, value []byte) {
	text, long := d.tell(key, name, value)
	if !peal.Visible(text) || d.repeats(key, text) {
		return
	}
	if len(d.list) == maxDetails {
		d.left++
		return
	}
	long = long || len(text) > longFrom || strings.Contains(text, "\n")
	d.list = append(d.list, Detail{Key: key, Label: label(withoutUnit(name, text)), Text: peal.Clip(text, maxDetail), Long: long})
}

// repeats tells whether the event says the same in its own title, message or
// severity already.
func (d *details) repeats(key, text string) bool {
	switch key {
	case "title", "message", "error", "reason":
		same := func(words string) bool {
			return strings.TrimRight(text, ".") == strings.TrimRight(peal.Readable(words), ".")
		}
		return same(d.event.Title) || same(d.event.Message)
	case "severity":
		return strings.EqualFold(text, string(d.event.Severity))
	case "timestamp", "detected_at":
		return text == Time(d.event.Time)
	}
	return false
}

// tell writes one value for people; "" where there is nothing to tell.
func (d *details) tell(key, name string, value []byte) (text string, long bool) {
	switch value[0] {
	case '"':
		s, _ := strictjson.String(value)
		return d.format(key, name, strings.TrimSpace(peal.Readable(s)), true), false
	case '[':
		if s, ok := list(value); ok {
			return s, false
		}
		return indented(value), true
	case '{':
		return indented(value), len(value) > 2
	case 'n':
		return "", false
	case 't':
		return "yes", false
	case 'f':
		return "no", false
	}
	return d.format(key, name, string(value), false), false
}

// format writes a single value in the format that the catalogue has for it, or else in
// the one that its name and form tell.
func (d *details) format(key, name, value string, isText bool) string {
	if p, ok := find(d.properties, key); ok {
		switch {
		case p.format == "Words":
			return label(strings.ToLower(value))
		case p.format != "":
			return Format(p.format, value)
		case p.kind == "string:date-time":
			return Format("time", value)
		case p.kind == "integer" || p.kind == "number":
			return Format("count", value)
		default:
			return value
		}
	}
	if isText {
		return Format("time", value)
	}
	return Format(guess(name), value)
}

// find is the member of a key; that of a member of an object is after a dot.
func find(properties []property, key string) (property, bool) {
	for _, p := range properties {
		if p.name == key {
			return p, true
		}
		if inner, ok := strings.CutPrefix(key, p.name+"."); ok {
			return find(p.members, inner)
		}
	}
	return property{}, false
}

// guess tells from a name how people write such numbers. Where a name tells nothing,
// the number stays as it was sent.
func guess(name string) string {
	words := strings.Fields(strings.ToLower(spaced(name)))
	if len(words) == 0 {
		return ""
	}
	if format := unitFormats[words[len(words)-1]]; format != "" {
		return format
	}
	for _, w := range words {
		switch w {
		case "count", "tokens", "requests", "hits", "attempts", "events", "users", "bytes", "rows":
			return "count"
		}
	}
	return ""
}

// unitFormats are the units that a name may end with.
var unitFormats = map[string]string{
	"usd": "usd", "dollars": "usd", "percent": "percent", "percentage": "percent", "pct": "percent",
	"seconds": "seconds", "secs": "seconds", "ms": "ms", "millis": "ms", "milliseconds": "ms",
}

// withoutUnit is a name without the unit that a text brings along: "Window" for
// window_seconds, which reads 5m.
func withoutUnit(name, text string) string {
	words := strings.Fields(spaced(name))
	last := len(words) - 1
	if last < 1 || text[len(text)-1] >= '0' && text[len(text)-1] <= '9' && text[0] != '$' || unitFormats[strings.ToLower(words[last])] == "" {
		return name
	}
	return strings.Join(words[:last], " ")
}

// Format writes a value in one of the formats that people use; see appendFormat, and time.
func Format(format, value string) string {
	if format == "time" {
		return formatTime(value)
	}
	return string(appendFormat(nil, format, value))
}

// formatTime writes an RFC 3339 time as 2026-05-04 14:23:00 UTC, anything else as it is.
func formatTime(value string) string {
	if len(value) < len("2006-01-02T15:04:05Z") || value[4] != '-' {
		return value
	}
	t, err := time.Parse(time.RFC3339Nano, value)
	if err != nil {
		return value
	}
	return Time(t)
}

// Time writes a time for people.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// list writes an array of single values as a, b, c.
func list(array []byte) (string, bool) {
	var items []json.RawMessage
	if json.Unmarshal(array, &items) != nil {
		return "", false
	}
	var out []string
	for i, item := range items {
		switch item[0] {
		case '{', '[':
			return "", false
		case 'n':
			continue
		}
		if i >= maxListItems {
			out = append(out, "… ("+strconv.Itoa(len(items)-i)+" more)")
			break
		}
		text := string(item)
		if item[0] == '"' {
			text, _ = strictjson.String(item)
		}
		if text = strings.TrimSpace(peal.ReadableLine(text)); peal.Visible(text) {
			out = append(out, text)
		}
	}
	return strings.Join(out, ", "), true
}

// indented writes JSON over several lines.
func indented(value []byte) string {
	if len(value) <= 2 {
		return ""
	}
	var out bytes.Buffer
	if len(value) > maxDetail || json.Indent(&out, value, "", "  ") != nil {
		return peal.Readable(string(value))
	}
	return peal.Readable(out.String())
}

// innerName names a member of an object. Objects whose name says no more than that
// they hold something lend it none.
func innerName(outer, inner string) string {
	switch strings.ToLower(outer) {
	case "details", "detail", "data", "metadata", "meta", "attributes", "properties", "extra", "context", "labels":
		return inner
	}
	return outer + " " + inner
}

// abbreviations are written in capitals.
var abbreviations = map[string]string{
	"id": "ID", "ids": "IDs", "url": "URL", "uri": "URI", "api": "API", "http": "HTTP", "ip": "IP", "pii": "PII", "rpm": "RPM", "tpm": "TPM",
	"hitl": "approval", "usd": "USD", "eur": "EUR", "cpu": "CPU", "gpu": "GPU", "sql": "SQL", "tls": "TLS", "dns": "DNS", "ms": "ms", "json": "JSON",
}

// label writes a member's name in words: keyId reads "Key ID", daily_budget "Daily
// budget".
func label(name string) string {
	words := strings.Fields(spaced(peal.Clip(peal.ReadableLine(name), maxLabel)))
	for i, w := range words {
		lower := strings.ToLower(w)
		switch short, ok := abbreviations[lower]; {
		case ok:
			words[i] = short
		case w != strings.ToUpper(w):
			words[i] = lower
		}
	}
	out := strings.Join(words, " ")
	if !peal.Visible(out) {
		return "Value"
	}
	if c := out[0]; c >= 'a' && c <= 'z' {
		out = string(c-'a'+'A') + out[1:]
	}
	return out
}

// spaced puts spaces between the words of a name.
func spaced(name string) string {
	var out strings.Builder
	var before rune
	for _, r := range name {
		switch {
		case r == '_' || r == '-' || r == '.' || r == '/':
			r = ' '
		case r >= 'A' && r <= 'Z' && (before >= 'a' && before <= 'z' || before >= '0' && before <= '9'):
			out.WriteByte(' ')
		}
		out.WriteRune(r)
		before = r
	}
	return out.String()
}
