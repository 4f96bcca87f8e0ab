package channel

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/peal-dev/peal/internal/peal"
)

var emailSample = sample{
	endpoint: func(string) *peal.Endpoint {
		return configured("email", map[string]any{
			"host": "127.0.0.1", "port": 2525, "tls": "none", "username": "peal", "password": "xyzzy-plugh",
			"from": "Peal <alerts@example.com>", "to": []string{"ops@example.org", "Night Watch <night@example.org>"},
		})
	},
	invalid: map[string]*peal.Endpoint{
		"config.host":     mailTo(map[string]any{"host": "10.0.0.1", "tls": startTLS}),
		"config.port":     mailTo(map[string]any{"port": 70000}),
		"config.tls":      mailTo(map[string]any{"host": "192.0.2.1"}),
		"config.to[0]":    mailTo(map[string]any{"to": []string{`"a> SIZE=1"@example.org`}}),
		"config.from":     mailTo(map[string]any{"from": "a@b.c>\r\nBcc: <x@y.z"}),
		"config.to[1]":    mailTo(map[string]any{"to": []string{"a@example.org", "nobody"}}),
		"config.to":       mailTo(map[string]any{"to": []string{}}),
		"config.username": mailTo(map[string]any{"username": "peal"}),
		"config.cc":       mailTo(map[string]any{"cc": []string{"a@example.org"}}),
	},
	secrets:   []string{"xyzzy-plugh"},
	rules:     emailRules,
	elsewhere: true,
}

// mailTo is a valid endpoint but for some members of its configuration.
func mailTo(but map[string]any) *peal.Endpoint {
	config := map[string]any{"host": "127.0.0.1", "port": 2525, "tls": "none", "from": "alerts@example.com", "to": []string{"ops@example.org"}}
	for name, value := range but {
		config[name] = value
	}
	return configured("email", config)
}

// emailHeaders are those that a mail has, and no others.
var emailHeaders = []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To", "X-Peal-Event"}

// importance is set for critical events.
var importance = []string{"Importance", "X-Priority"}

var (
	tag       = regexp.MustCompile(`<(/?[a-z0-9]+)[^<>]*>`)
	messageID = regexp.MustCompile(`^<(dlv|evt)_[0-9a-z]{26}@example\.com>$`)
)

// emailRules are those of RFC 5322, 2045 and 2046, as far as a message of Peal's uses them.
func emailRules(headers []peal.Header, body []byte) (string, error) {
	if !slices.Equal(headers, []peal.Header{{Name: "Content-Type", Value: "message/rfc822"}}) {
		return "", fmt.Errorf("headers %v", headers)
	}
	for line := range bytes.SplitSeq(body, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n\x00") {
			return "", fmt.Errorf("the line %.100q", line)
		}
	}
	m, err := netmail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	var names []string
	for name, values := range m.Header {
		if len(values) != 1 {
			return "", fmt.Errorf("%d headers %s", len(values), name)
		}
		if !slices.Contains(importance, name) {
			names = append(names, name)
		}
	}
	if slices.Sort(names); !slices.Equal(names, emailHeaders) {
		return "", fmt.Errorf("headers %v", names)
	}
	to, err := m.Header.AddressList("To")
	if err != nil || len(to) != 2 || to[1].Address != "night@example.org" {
		return "", fmt.Errorf("to %v: %w", to, err)
	}
	if !messageID.MatchString(m.Header.Get("Message-Id")) {
		return "", fmt.Errorf("message id %q", m.Header.Get("Message-Id"))
	}
	return emailParts(m)
}

// emailParts reads the plain text and the HTML, whose tags are the structure.
func emailParts(m *netmail.Message) (string, error) {
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		return "", fmt.Errorf("%s: %w", kind, err)
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	var structure strings.Builder
	for _, want := range []string{"text/plain", "text/html"} {
		part, err := r.NextRawPart()
		if err != nil {
			return "", err
		}
		if kind, params, err := mime.ParseMediaType(part.Header.Get("Content-Type")); err != nil || kind != want || params["charset"] != "UTF-8" {
			return "", fmt.Errorf("%s %v: %w", kind, params, err)
		}
		text, err := decoded(part)
		if err != nil {
			return "", err
		}
		if want == "text/plain" {
			fmt.Fprintf(&structure, "%d lines\n", strings.Count(text, "\n"))
			continue
		}
		for _, t := range tag.FindAllStringSubmatch(text, -1) {
			structure.WriteString(t[1] + " ")
		}
		if left := tag.ReplaceAllString(text, ""); strings.ContainsAny(strings.Replace(left, "<!doctype html>", "", 1), "<>") {
			return "", errors.New("text that is not escaped")
		}
	}
	if _, err := r.NextRawPart(); !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("more than two parts: %w", err)
	}
	return structure.String(), nil
}

func decoded(part *multipart.Part) (string, error) {
	var r io.Reader
	switch encoding := part.Header.Get("Content-Transfer-Encoding"); encoding {
	case "quoted-printable":
		r = quotedprintable.NewReader(part)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, part)
	default:
		return "", fmt.Errorf("encoding %q", encoding)
	}
	text, err := io.ReadAll(r)
	return string(text), err
}
