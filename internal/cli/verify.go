package cli

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/receiver"
	"github.com/peal-dev/peal/webhook"
)

type verifyCmd struct {
	Profile string        `required:"" enum:"standard,nemo,curate-me,nembl,nolxy" placeholder:"NAME" help:"The format: standard, nemo, curate-me, nembl or nolxy."`
	Secret  []string      `required:"" sep:"none" env:"PEAL_SECRET" placeholder:"SECRET" help:"The endpoint's signing secret; repeatable during a rotation."`
	Header  []string      `short:"H" sep:"none" placeholder:"'NAME: VALUE'" help:"A header of the request; repeatable."`
	File    string        `default:"-" placeholder:"PATH" help:"The request's body, exactly as it arrived; - is standard input."`
	MaxAge  time.Duration `placeholder:"TIME" help:"Refuse a timestamp that is further from now, in a format that signs one (standard); without it, age does not matter."`
	format
}

// Help gives an example.
func (verifyCmd) Help() string {
	return `Nothing is sent anywhere. The body must be the bytes that arrived: a body that was parsed and printed again has another signature.

    peal verify --profile nemo --secret "$SECRET" -H 'X-Nemo-Signature: sha256=…' --file body.json`
}

func (c *verifyCmd) Run(s Streams) error {
	scheme, _ := receiver.Scheme(c.Profile)
	if c.MaxAge != 0 && !dated(scheme) {
		return usage("--max-age: %s signs no timestamp; of the formats, %s does", c.Profile, strings.Join(datedProfiles(), ", "))
	}
	header, err := parseHeaders(c.Header)
	if err != nil {
		return err
	}
	argument := c.File
	if argument != "-" {
		argument = "@" + argument
	}
	body, err := readArgument(s, argument)
	if err != nil {
		return err
	}
	complaint := c.complaint(scheme, header, body)
	if c.json() {
		err = writeJSON(s.Out, map[string]any{"valid": complaint == "", "reason": complaint})
	} else if complaint == "" {
		_, err = fmt.Fprintf(s.Out, "The signature is valid: %s, %d bytes.\n", c.Profile, len(body))
	} else {
		_, err = fmt.Fprintln(s.Out, complaint)
	}
	if err == nil && complaint != "" {
		err = errReported
	}
	return err
}

func dated(scheme *webhook.Scheme) bool {
	return strings.Contains(scheme.Format().Content, "{timestamp}")
}

func datedProfiles() (names []string) {
	for _, name := range receiver.Profiles() {
		if scheme, ok := receiver.Scheme(name); ok && dated(scheme) {
			names = append(names, name)
		}
	}
	return names
}

// complaint is what is wrong, in one sentence; empty where nothing is.
func (c *verifyCmd) complaint(scheme *webhook.Scheme, header http.Header, body []byte) string {
	f := scheme.Format()
	// The scheme's own tolerance is for requests that just arrived; here the time of
	// the request itself is now, unless an age is asked about.
	sent, timed := time.Now(), false
	if seconds, err := strconv.ParseInt(header.Get(f.TimestampHeader), 10, 64); err == nil {
		sent, timed = time.Unix(seconds, 0), true
	}
	err := scheme.VerifyAt(sent, header, body, c.Secret...)
	switch {
	case err == nil:
		if age := time.Since(sent).Abs(); c.MaxAge > 0 && timed && age > c.MaxAge {
			return fmt.Sprintf("The signature is valid, but its timestamp is %s off, more than the %s allowed.", age.Round(time.Second), c.MaxAge)
		}
		return ""
	case errors.Is(err, webhook.ErrSecret):
		return "A secret is malformed: in this format it is whsec_ and the base64 of 24 to 64 bytes."
	case errors.Is(err, webhook.ErrHeader):
		return missingHeader(f, header)
	case len(body) == 0:
		return "The signature does not match: the body is empty."
	case body[len(body)-1] == '\n' && scheme.VerifyAt(sent, header, body[:len(body)-1], c.Secret...) == nil:
		return "The signature does not match: the body has a newline at its end that was not sent."
	}
	return "The signature does not match: the body is not what was signed, or another secret signed it."
}

// missingHeader says which of the headers that a format needs cannot be used.
func missingHeader(f webhook.Format, header http.Header) string {
	if header.Get(f.Header) == "" {
		return fmt.Sprintf("The header %s, which carries the signature, is missing.", f.Header)
	}
	if strings.Contains(f.Content, "{id}") && header.Get(f.IDHeader) == "" {
		return fmt.Sprintf("The header %s, which is signed, is missing.", f.IDHeader)
	}
	if strings.Contains(f.Content, "{timestamp}") {
		if _, err := strconv.ParseInt(header.Get(f.TimestampHeader), 10, 64); err != nil {
			return fmt.Sprintf("The header %s, which is signed, is missing or not a number of seconds.", f.TimestampHeader)
		}
	}
	return fmt.Sprintf("The header %s does not begin with %q.", f.Header, f.Prefix)
}

// parseHeaders reads headers as curl takes them; NAME=VALUE does as well.
func parseHeaders(lines []string) (http.Header, error) {
	header := http.Header{}
	for _, line := range lines {
		at := strings.IndexAny(line, ":=")
		if at < 0 || strings.TrimSpace(line[:at]) == "" {
			return nil, usage("--header %q: write it as 'Name: value'", line)
		}
		header.Add(strings.TrimSpace(line[:at]), strings.TrimSpace(line[at+1:]))
	}
	return header, nil
}
