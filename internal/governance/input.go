package governance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

const (
	// MaxRecords is how many records one report may have.
	MaxRecords = 10_000
	maxLabel   = 256
	// How far a record's time may be from now.
	maxEarly = 24 * time.Hour
	maxLate  = 400 * 24 * time.Hour
)

// ParseUsage reads a JSON array of records, one record, or one on each line.
func ParseUsage(body []byte, lines bool, now time.Time) ([]Record, error) {
	if lines {
		return parseLines(body, now)
	}
	doc, err := strictjson.Compact(make([]byte, 0, len(body)), body)
	if err != nil {
		return nil, peal.Errorf(peal.CodeInvalid, "the body is not JSON: %v", err)
	}
	if doc[0] == '{' {
		r, err := parseRecord(doc, now)
		return []Record{r}, err
	}
	var documents []json.RawMessage
	if doc[0] != '[' || json.Unmarshal(doc, &documents) != nil {
		return nil, peal.Errorf(peal.CodeInvalid, "the body is an array of records")
	}
	if len(documents) > MaxRecords {
		return nil, tooMany()
	}
	records := make([]Record, len(documents))
	for i, d := range documents {
		if records[i], err = parseRecord(d, now); err != nil {
			return nil, inRecord(err, i)
		}
	}
	return records, nil
}

func tooMany() error {
	return peal.Errorf(peal.CodeTooLarge, "a report has at most %d records", MaxRecords)
}

func parseLines(body []byte, now time.Time) ([]Record, error) {
	var records []Record
	n := 0
	for line := range bytes.Lines(body) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if n == MaxRecords {
			return nil, tooMany()
		}
		doc, err := strictjson.Compact(make([]byte, 0, len(line)), line)
		if err != nil {
			return nil, inRecord(peal.Errorf(peal.CodeInvalid, "the line is not JSON: %v", err), n)
		}
		r, err := parseRecord(doc, now)
		if err != nil {
			return nil, inRecord(err, n)
		}
		records = append(records, r)
		n++
	}
	return records, nil
}

// inRecord says in which record something is wrong.
func inRecord(err error, i int) error {
	var known *peal.Error
	if !errors.As(err, &known) {
		return err
	}
	place := fmt.Sprintf("[%d]", i)
	if known.Field != "" {
		place += "." + known.Field
	}
	return &peal.Error{Code: known.Code, Message: known.Message, Field: place}
}

func parseRecord(doc []byte, now time.Time) (Record, error) {
	r := Record{Requests: 1, Time: now}
	if len(doc) == 0 || doc[0] != '{' {
		return r, peal.Errorf(peal.CodeInvalid, "a record is an object")
	}
	err := strictjson.Fields(doc, func(name string, value []byte) (err error) {
		if bytes.Equal(value, []byte("null")) {
			return nil
		}
		switch name {
		case "requests":
			r.Requests, err = parseCount(name, value)
		case "tokens":
			r.Tokens, err = parseCount(name, value)
		case "cost":
			r.Cost, err = parseCost(value)
		case "time":
			r.Time, err = parseTime(value, now)
		case "status":
			r.Failed, err = ParseStatus(value)
		case "currency":
			return peal.Invalid(name, "costs are in the org's currency, see /v1/governance; a record has none of its own")
		default:
			into := r.label(name)
			if into == nil {
				return peal.Invalid(name, "a record has no %q", peal.Clip(name, 64))
			}
			*into, err = ParseLabel(name, value)
		}
		return err
	})
	return r, err
}

// label is the member of a name that is text, nil where there is none.
func (r *Record) label(name string) *string {
	switch name {
	case "id":
		return &r.ID
	case "team":
		return &r.Team
	case "key":
		return &r.Key
	case "agent":
		return &r.Agent
	case "user":
		return &r.User
	case "route":
		return &r.Route
	case "model":
		return &r.Model
	}
	return nil
}

// ParseLabel reads a name: text, or a number as its text.
func ParseLabel(field string, value []byte) (string, error) {
	text, ok := strictjson.String(value)
	if !ok {
		if text = string(value); !strictjson.IsNumber(text) {
			return "", peal.Invalid(field, "%s is text or a number", field)
		}
	}
	return text, checkLabel(field, text)
}

func checkLabel(field, s string) error {
	if len(s) > maxLabel || !peal.Printable(s) {
		return peal.Invalid(field, "%s is at most %d bytes without control characters", field, maxLabel)
	}
	return nil
}

func parseCount(field string, value []byte) (int64, error) {
	d, err := peal.ParseDecimal(string(value))
	if err != nil || !d.Whole() || d < 0 {
		return 0, peal.Invalid(field, "%s is a whole number from 0 to 1000000000", field)
	}
	return int64(d / peal.DecimalOne), nil
}

func parseCost(value []byte) (peal.Decimal, error) {
	var d peal.Decimal
	if err := d.UnmarshalJSON(value); err != nil {
		return 0, peal.Invalid("cost", "cost is an amount such as \"0.0125\"")
	}
	return d, checkCost("cost", d)
}

func checkCost(field string, d peal.Decimal) error {
	if d < 0 {
		return peal.Invalid(field, "%s is not negative", field)
	}
	return nil
}

func parseTime(value []byte, now time.Time) (time.Time, error) {
	text, ok := strictjson.String(value)
	t, err := time.Parse(time.RFC3339Nano, text)
	switch {
	case !ok || err != nil:
		return t, peal.Invalid("time", "time is as in 2026-05-04T14:23:00Z")
	case t.Sub(now) > maxEarly:
		return t, peal.Invalid("time", "time is more than a day ahead")
	case now.Sub(t) > maxLate:
		return t, peal.Invalid("time", "time is more than 400 days ago")
	}
	return t.UTC(), nil
}

// failures are statuses that are words.
var failures = []string{"error", "failed", "failure", "timeout"}

// ParseStatus tells whether a status is a failure: from 500 on, or a word that says so.
func ParseStatus(value []byte) (failed bool, err error) {
	text, ok := strictjson.String(value)
	if !ok {
		text = string(value)
	}
	if n, err := strconv.Atoi(text); err == nil {
		return n >= 500, nil
	}
	if !ok {
		return false, peal.Invalid("status", "status is an HTTP status or a word such as error")
	}
	return slices.Contains(failures, text), checkLabel("status", text)
}

func (r *Reservation) check() error {
	for _, f := range []struct{ name, value string }{
		{"team", r.Team}, {"key", r.Key}, {"user", r.User}, {"agent", r.Agent}, {"model", r.Model},
	} {
		if err := checkLabel(f.name, f.value); err != nil {
			return err
		}
	}
	if r.Model == "" {
		return peal.Invalid("model", "model is required")
	}
	if r.Tokens < 0 || r.Tokens > maxTokens {
		return peal.Invalid("estimated_tokens", "estimated_tokens is a whole number from 0 to %d", maxTokens)
	}
	return checkCost("estimated_cost", r.Cost)
}

const maxTokens = 1_000_000_000

func (c *Closing) check() error {
	for _, f := range []struct{ name, value string }{{"by", c.By}, {"reason", c.Reason}} {
		if err := checkLabel(f.name, f.value); err != nil {
			return err
		}
	}
	if c.Tokens < 0 || c.Tokens > maxTokens {
		return peal.Invalid("tokens", "tokens is a whole number from 0 to %d", maxTokens)
	}
	return checkCost("cost", c.Cost)
}
