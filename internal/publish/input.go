package publish

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

// Input is an event as its publisher sent it, parsed and not yet accepted.
type Input struct {
	ClientID string
	Type     string
	Source   string
	Subject  string
	Severity peal.Severity
	Title    string
	Message  string
	// Time is zero where the publisher gave none.
	Time time.Time
	// Data is a compact JSON object; nil stands for {}.
	Data []byte
}

// MaxBatch is how many events one request may carry.
const MaxBatch = 1000

// ParseJSON reads the native format: one event object, or an array of them.
func ParseJSON(body []byte) (inputs []Input, batch bool, err error) {
	doc, err := compact(body)
	if err != nil {
		return nil, false, err
	}
	if doc[0] != '[' {
		in, err := parseEvent(doc)
		return []Input{in}, false, err
	}
	inputs, err = parseArray(doc, parseEvent)
	return inputs, true, err
}

func compact(body []byte) ([]byte, error) {
	doc, err := strictjson.Compact(make([]byte, 0, len(body)), body)
	if err != nil {
		return nil, &peal.Error{Code: peal.CodeInvalid, Message: "the body is not valid JSON: " + err.Error()}
	}
	return doc, nil
}

func parseArray(doc []byte, parse func([]byte) (Input, error)) ([]Input, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(doc, &items); err != nil {
		return nil, peal.Invalid("", "the body is not a JSON array of events")
	}
	if len(items) == 0 || len(items) > MaxBatch {
		return nil, peal.Invalid("", "a batch holds 1 to %d events", MaxBatch)
	}
	inputs := make([]Input, len(items))
	for i, item := range items {
		in, err := parse(item)
		if err != nil {
			return nil, inItem(err, i)
		}
		inputs[i] = in
	}
	return inputs, nil
}

// inItem names the event of a batch that an error is about.
func inItem(err error, i int) error {
	var e *peal.Error
	if !errors.As(err, &e) {
		return err
	}
	at := *e
	at.Field = fmt.Sprintf("[%d]", i)
	if e.Field != "" {
		at.Field += "." + e.Field
	}
	return &at
}

func parseEvent(doc []byte) (Input, error) {
	var in Input
	if doc[0] != '{' {
		return in, peal.Invalid("", "an event is a JSON object")
	}
	err := strictjson.Fields(doc, func(key string, value []byte) error {
		switch key {
		case "type":
			return text(&in.Type, key, value)
		case "id":
			return text(&in.ClientID, key, value)
		case "source":
			return text(&in.Source, key, value)
		case "subject":
			return text(&in.Subject, key, value)
		case "title":
			return text(&in.Title, key, value)
		case "message":
			return text(&in.Message, key, value)
		case "severity":
			return severity(&in, value)
		case "time":
			return moment(&in.Time, key, value)
		case "data":
			return object(&in.Data, key, value)
		case "specversion":
			return peal.Invalid(key, "this is a CloudEvent: send it as application/cloudevents+json, a batch as application/cloudevents-batch+json")
		}
		return peal.Invalid(key, "unknown field; an event has type, data, id, source, time, subject, severity, title, message")
	})
	in.Data = own(in.Data, cap(doc))
	return in, err
}

// own gives data memory of their own where they would keep a much larger document of
// held bytes alive, which no budget counts.
func own(data []byte, held int) []byte {
	if held > 2*len(data)+1<<10 {
		return bytes.Clone(data)
	}
	return data
}

// The readers of one member: null counts as absent.

func isNull(value []byte) bool { return string(value) == "null" }

func text(dst *string, field string, value []byte) error {
	if isNull(value) {
		return nil
	}
	if value[0] != '"' {
		return peal.Invalid(field, "%s must be a string", field)
	}
	inner := value[1 : len(value)-1]
	for _, c := range inner {
		if c == '\\' {
			return json.Unmarshal(value, dst)
		}
	}
	*dst = string(inner)
	return nil
}

func severity(in *Input, value []byte) (err error) {
	var s string
	if err := text(&s, "severity", value); err != nil {
		return err
	}
	in.Severity, err = peal.ParseSeverity(s)
	return err
}

func moment(dst *time.Time, field string, value []byte) error {
	var s string
	if err := text(&s, field, value); err != nil || s == "" {
		return err
	}
	return parseTime(dst, field, s)
}

func parseTime(dst *time.Time, field, s string) error {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return peal.Invalid(field, "%s must be an RFC 3339 time such as 2026-05-04T14:23:00Z", field)
	}
	*dst = t.UTC().Truncate(time.Microsecond)
	return nil
}

func object(dst *[]byte, field string, value []byte) error {
	if isNull(value) {
		return nil
	}
	if value[0] != '{' {
		return peal.Invalid(field, "%s must be a JSON object", field)
	}
	*dst = value
	return nil
}

// size is what the limit on events is about: the bytes that their publisher chose.
func (in *Input) size() int {
	return len(in.Data) + len(in.Title) + len(in.Message) + len(in.Source) + len(in.Subject) + len(in.ClientID) + len(in.Type)
}

// hash tells inputs apart for idempotency. Spelling that JSON does not count
// (white space) is gone already; lengths keep neighbours from running together.
func (in *Input) hash() [32]byte {
	h := sha256.New()
	for _, s := range []string{in.ClientID, in.Type, in.Source, in.Subject, string(in.Severity), in.Title, in.Message} {
		writeChunk(h, []byte(s))
	}
	var t int64
	if !in.Time.IsZero() {
		t = in.Time.UnixMicro()
	}
	writeChunk(h, binary.BigEndian.AppendUint64(nil, uint64(t)))
	writeChunk(h, in.Data)
	return [32]byte(h.Sum(nil))
}

func writeChunk(h hash.Hash, b []byte) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(b)))
	h.Write(n[:])
	h.Write(b)
}
