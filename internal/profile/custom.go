package profile

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/webhook"
)

// definition is a user's own profile, as docs/profiles.md describes it.
type definition struct {
	Name           string            `yaml:"name"`
	Description    string            `yaml:"description"`
	Envelope       string            `yaml:"envelope"`
	Headers        map[string]string `yaml:"headers"`
	Signature      *signature        `yaml:"signature"`
	Schedule       *[]string         `yaml:"schedule"`
	Jitter         *float64          `yaml:"jitter"`
	Timeout        string            `yaml:"timeout"`
	DedupWindow    string            `yaml:"dedup_window"`
	SecretRequired *bool             `yaml:"secret_required"`
}

type signature struct {
	Header   string `yaml:"header"`
	Prefix   string `yaml:"prefix"`
	Encoding string `yaml:"encoding"`
	Content  string `yaml:"content"`
	Secret   string `yaml:"secret"`
}

// maxDedupWindow bounds how long Peal must remember what it suppressed.
const maxDedupWindow = 24 * time.Hour

// maxPrefix leaves room in a header for the signatures of several secrets, each with
// the prefix.
const maxPrefix = 256

var profileName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// profile makes the profile. Errors name the field below path.
func (d *definition) profile(path string) (*Profile, error) {
	if !profileName.MatchString(d.Name) {
		return nil, peal.Invalid(path+".name", "a profile's name is 1 to 64 characters of a-z 0-9 _ -")
	}
	p := &Profile{Name: d.Name, Description: d.Description, Render: renderStandard}
	for _, step := range []func(*Profile, string) error{d.setEnvelope, d.setHeaders, d.setSignature, d.setPolicy} {
		if err := step(p, path); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (d *definition) setEnvelope(p *Profile, path string) error {
	if d.Envelope == "" {
		return nil
	}
	e, err := compileEnvelope(d.Envelope)
	if err != nil {
		return peal.Invalid(path+".envelope", "not a jq expression: %v", err)
	}
	p.Render = e.render
	return nil
}

// checkHeader reports why a profile cannot send a header.
func checkHeader(path, name, value string) error {
	var bad *peal.Error
	if err := egress.CheckHeader(name, value); errors.As(err, &bad) {
		return peal.Invalid(path, "%s", bad.Message)
	}
	if peal.FormatHeader(strings.ToLower(name)) {
		return peal.Invalid(path, "header %s is set by the server and cannot be chosen", name)
	}
	return nil
}

func (d *definition) setHeaders(p *Profile, path string) error {
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(d.Headers)) {
		at := path + ".headers." + name
		if err := checkHeader(at, name, d.Headers[name]); err != nil {
			return err
		}
		if canonical := http.CanonicalHeaderKey(name); seen[canonical] {
			return peal.Invalid(at, "the header is given twice")
		} else {
			seen[canonical] = true
		}
		h, err := parseHeader(name, d.Headers[name])
		if err != nil {
			return peal.Invalid(at, "%v", err)
		}
		p.extra = append(p.extra, h)
	}
	return nil
}

func (d *definition) setSignature(p *Profile, path string) error {
	if d.SecretRequired != nil && *d.SecretRequired && d.Signature == nil {
		return peal.Invalid(path+".secret_required", "a secret is of no use without a signature")
	}
	if d.Signature == nil {
		return nil
	}
	p.SecretRequired = d.SecretRequired == nil || *d.SecretRequired
	path += ".signature"
	s := d.Signature
	if err := checkHeader(path+".header", s.Header, s.Prefix); err != nil {
		return err
	}
	if len(s.Prefix) > maxPrefix {
		return peal.Invalid(path+".prefix", "a prefix is at most %d bytes", maxPrefix)
	}
	f := webhook.Format{Header: s.Header, Prefix: s.Prefix, Content: s.Content}
	switch s.Encoding {
	case "", "hex":
	case "base64":
		f.Encoding = webhook.Base64
	default:
		return peal.Invalid(path+".encoding", "the encoding is hex or base64")
	}
	switch s.Secret {
	case "", "text":
	case "whsec":
		f.Secret = webhook.Whsec
	default:
		return peal.Invalid(path+".secret", "the form of secrets is text or whsec")
	}
	for _, name := range slices.Sorted(maps.Keys(d.Headers)) {
		if http.CanonicalHeaderKey(name) == http.CanonicalHeaderKey(s.Header) {
			return peal.Invalid(path+".header", "%s is among the headers too", name)
		}
		if d.Headers[name] == timestampWord {
			f.TimestampHeader = name
		}
	}
	if f.TimestampHeader == "" && strings.Contains(s.Content, timestampWord) && !strings.Contains(s.Prefix, timestampWord) {
		return peal.Invalid(path+".content", "receivers cannot learn the {timestamp}: add a header with the value %q", timestampWord)
	}
	scheme, err := webhook.New(f)
	var bad *webhook.FormatError
	if errors.As(err, &bad) {
		return peal.Invalid(path+"."+bad.Field, "%s", bad.Msg)
	}
	p.Scheme = scheme
	return err
}

// timestampWord stands for the attempt's time in headers, prefix and content alike.
const timestampWord = "{timestamp}"

// setPolicy starts from the policy of standard.
func (d *definition) setPolicy(p *Profile, path string) error {
	p.Policy = standard().Policy
	if d.Schedule != nil {
		p.Policy.Schedule, p.Policy.Jitter = nil, 0
		if len(*d.Schedule) == 0 {
			p.Policy.Exhausted = peal.Dropped
		}
		if len(*d.Schedule) > peal.MaxRetries {
			return peal.Invalid(path+".schedule", "at most %d retries", peal.MaxRetries)
		}
		for i, text := range *d.Schedule {
			wait, err := duration(fmt.Sprintf("%s.schedule[%d]", path, i), text, time.Millisecond, peal.MaxRetryWait)
			if err != nil {
				return err
			}
			p.Policy.Schedule = append(p.Policy.Schedule, wait)
		}
	}
	if d.Jitter != nil {
		if p.Policy.Jitter = *d.Jitter; p.Policy.Jitter < 0 || p.Policy.Jitter > 1 {
			return peal.Invalid(path+".jitter", "jitter is a share from 0 to 1")
		}
	}
	var err error
	if d.Timeout != "" {
		if p.Policy.Timeout, err = duration(path+".timeout", d.Timeout, peal.MinTimeout, peal.MaxTimeout); err != nil {
			return err
		}
	}
	if d.DedupWindow != "" {
		p.DedupWindow, err = duration(path+".dedup_window", d.DedupWindow, 0, maxDedupWindow)
	}
	return err
}

func duration(path, text string, low, high time.Duration) (time.Duration, error) {
	v, err := time.ParseDuration(text)
	if err != nil {
		return 0, peal.Invalid(path, "not a duration such as 30s or 5m")
	}
	if v < low || v > high {
		return 0, peal.Invalid(path, "must be between %s and %s", low, high)
	}
	return v, nil
}
