package profile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/itchyny/gojq"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/transform"
)

// What one run of an envelope may use.
const (
	envelopeTime = time.Second
	envelopeSize = 1 << 20 // bytes of the body
)

// envelope is a jq expression that makes a body from an event. Numbers that it only
// moves keep their spelling; keys are sorted.
type envelope struct{ code *gojq.Code }

// compileEnvelope checks an expression. In it, now is the time of the event, so
// that each attempt sends the same bytes; files, the environment and further
// inputs are out of reach.
func compileEnvelope(expr string) (*envelope, error) {
	query, err := gojq.Parse("def now: $now; " + expr)
	if err != nil {
		return nil, err
	}
	code, err := gojq.Compile(query, gojq.WithVariables([]string{"$now"}))
	if err != nil {
		return nil, err
	}
	return &envelope{code}, nil
}

// render runs the expression, which must give one value.
func (e *envelope) render(ev *peal.Event) ([]byte, error) {
	fail := func(err error) ([]byte, error) {
		return nil, peal.Wrap(peal.CodeUnprocessable, err, "the profile's envelope cannot be made from this event")
	}
	input, err := envelopeInput(ev)
	if err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), envelopeTime)
	defer cancel()
	results := e.code.RunWithContext(ctx, input, float64(ev.Time.UnixMicro())/1e6)
	v, ok := results.Next()
	if !ok {
		return fail(errors.New("the expression gives nothing"))
	}
	if err, failed := v.(error); failed {
		return fail(err)
	}
	if _, more := results.Next(); more {
		return fail(errors.New("the expression gives more than one value"))
	}
	body, err := transform.AppendValue(newBody(ev), v, envelopeSize)
	switch {
	case errors.Is(err, transform.ErrDeep):
		err = errors.New("the envelope is nested too deep")
	case errors.Is(err, transform.ErrLarge):
		err = errors.New("the envelope is larger than 1 MiB")
	}
	if err != nil {
		return fail(err)
	}
	return body, nil
}

// envelopeInput is what the expression sees. What the event does not have is null.
func envelopeInput(ev *peal.Event) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(ev.Data))
	dec.UseNumber()
	var data any
	if err := dec.Decode(&data); err != nil {
		return nil, err
	}
	input := map[string]any{
		"id":         ev.PublicID(),
		"webhook_id": ev.ID.String(),
		"org":        ev.Org,
		"type":       ev.Type,
		"time":       ev.Time.UTC().Format(nanos),
		"timestamp":  int(ev.Time.Unix()),
		"data":       data,
	}
	for name, value := range map[string]string{
		"source": ev.Source, "subject": ev.Subject, "severity": string(ev.Severity), "title": ev.Title, "message": ev.Message,
	} {
		input[name] = nil
		if value != "" {
			input[name] = value
		}
	}
	return input, nil
}
