package api

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

// Amount is money or another exact decimal.
type Amount peal.Decimal

// MarshalJSON writes text, which no parser rounds.
func (a Amount) MarshalJSON() ([]byte, error) { return peal.Decimal(a).MarshalJSON() }

// UnmarshalJSON takes text or a number.
func (a *Amount) UnmarshalJSON(b []byte) error { return (*peal.Decimal)(a).UnmarshalJSON(b) }

// Schema tells that both are taken.
func (Amount) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		OneOf:       []*huma.Schema{{Type: "string", Pattern: `^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`}, {Type: "number"}},
		Description: "An exact decimal of at most nine places, as text; a number is taken too, and rounded to nine places.",
	}
}

// Limit is an amount, or a number of requests.
type Limit struct {
	peal.Decimal
	// Requests tells that it is a number of requests.
	Requests bool
}

// MarshalJSON writes a number of requests as one.
func (l Limit) MarshalJSON() ([]byte, error) {
	if l.Requests {
		return []byte(l.String()), nil
	}
	return l.Decimal.MarshalJSON()
}

// Schema is an amount's.
func (Limit) Schema(r huma.Registry) *huma.Schema { return Amount(0).Schema(r) }

// Label is a name that may be written as a number.
type Label string

// UnmarshalJSON takes text or a number.
func (l *Label) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	text, err := governance.ParseLabel("", b)
	*l = Label(text)
	return err
}

// Schema tells that both are taken.
func (Label) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: "string", MaxLength: new(256)}, {Type: "number"}}}
}

// Outcome is how a request ended: an HTTP status, or a word.
type Outcome struct{ Failed bool }

// UnmarshalJSON takes text or a number.
func (o *Outcome) UnmarshalJSON(b []byte) (err error) {
	if string(b) == "null" {
		return nil
	}
	o.Failed, err = governance.ParseStatus(b)
	return err
}

// Schema tells that both are taken.
func (Outcome) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		OneOf:       []*huma.Schema{{Type: "integer"}, {Type: "string", MaxLength: new(256)}},
		Description: "An HTTP status, or a word. From 500 on, and error, failed, failure or timeout, it failed.",
	}
}
