package scheme

import (
	"slices"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Field is one entry of a scheme's configuration. Values are text.
type Field struct {
	Name     string    `json:"name"`
	Type     FieldType `json:"type"`
	Required bool      `json:"required,omitempty"`
	// Secret values are sealed at rest and never shown again.
	Secret  bool     `json:"secret,omitempty"`
	Help    string   `json:"help"`
	Enum    []string `json:"enum,omitempty"`
	Default string   `json:"default,omitempty"`
}

// FieldType is what the text of a field has to be.
type FieldType string

// The types of fields.
const (
	String   FieldType = "string"
	Duration FieldType = "duration" // such as 5m, between MinTolerance and MaxTolerance
	List     FieldType = "list"     // separated by commas
)

// The limits of a tolerance.
const (
	MinTolerance = time.Second
	MaxTolerance = 24 * time.Hour
)

// SecretField is the name of the field whose values are Config.Secrets. A scheme
// without it has no secret. Where it is required, the sender makes the secret; where
// it is not, Peal may.
const SecretField = "secret"

// The longest texts, in bytes.
const (
	maxSetting = 4096 // secrets too: public keys are long
	maxID      = 200
	maxEvent   = 200
)

// theirs is the secret that the sender's side makes, and shows to be copied.
func theirs(help string) Field {
	return Field{Name: SecretField, Type: String, Required: true, Secret: true, Help: help}
}

// ours is a secret that is to be entered at the sender's side.
func ours(help string) Field {
	return Field{Name: SecretField, Type: String, Secret: true, Help: help + " One is made if none is given."}
}

// toleranceField lets a hook choose how far a signed time may be off.
func toleranceField(standard time.Duration) Field {
	return Field{
		Name: "tolerance", Type: Duration, Default: standard.String(),
		Help: "How far the signed time may be from now.",
	}
}

// options is a hook's configuration, seen through its scheme.
type options struct {
	scheme *Scheme
	Config
}

// setting is the value of a field, or its default.
func (o options) setting(name string) string {
	if v := o.Settings[name]; v != "" {
		return v
	}
	for _, f := range o.scheme.Fields {
		if f.Name == name {
			return f.Default
		}
	}
	return ""
}

// NeedsSecret tells whether the scheme verifies with a secret at all.
func (s *Scheme) NeedsSecret() bool {
	return slices.ContainsFunc(s.Fields, func(f Field) bool { return f.Name == SecretField })
}

// Check reports, as a *peal.Error that names the field, why nothing could be verified
// with c.
func (s *Scheme) Check(c Config) error {
	for name := range c.Settings {
		if name == SecretField || !slices.ContainsFunc(s.Fields, func(f Field) bool { return f.Name == name }) {
			return peal.Invalid(name, "the scheme %s has no such setting", s.Name)
		}
	}
	for _, f := range s.Fields {
		if f.Name == SecretField {
			continue
		}
		if err := f.check(c.Settings[f.Name]); err != nil {
			return err
		}
	}
	if err := s.checkSecrets(c); err != nil {
		return err
	}
	if s.check != nil {
		return s.check(options{s, c})
	}
	return nil
}

func (f Field) check(value string) error {
	switch {
	case value == "" && f.Required:
		return peal.Invalid(f.Name, "is required")
	case value == "":
		return nil
	case len(value) > maxSetting:
		return peal.Invalid(f.Name, "at most %d bytes", maxSetting)
	case !peal.Printable(value):
		return peal.Invalid(f.Name, "must be printable text")
	case f.Enum != nil && !slices.Contains(f.Enum, value):
		return peal.Invalid(f.Name, "must be one of %v", f.Enum)
	case f.Type == Duration:
		d, err := time.ParseDuration(value)
		if err != nil || d < MinTolerance || d > MaxTolerance {
			return peal.Invalid(f.Name, "must be a duration between %v and %v, such as 5m", MinTolerance, MaxTolerance)
		}
	}
	return nil
}

// checkSecrets refuses an empty secret among others too: with it, everybody could sign.
func (s *Scheme) checkSecrets(c Config) error {
	switch {
	case !s.NeedsSecret() && len(c.Secrets) > 0:
		return peal.Invalid(SecretField, "the scheme %s has no secret", s.Name)
	case s.NeedsSecret() && len(c.Secrets) == 0:
		return peal.Invalid(SecretField, "is required")
	}
	for _, secret := range c.Secrets {
		if secret == "" || len(secret) > maxSetting || !peal.Printable(secret) {
			return peal.Invalid(SecretField, "must be printable text of 1 to %d bytes", maxSetting)
		}
	}
	return nil
}
