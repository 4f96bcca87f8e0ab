package webhook

import (
	"crypto/hmac"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What Sign and Verify report; match them with errors.Is.
var (
	// ErrNoSecret means that no secret was given.
	ErrNoSecret = errors.New("webhook: no secret given")
	// ErrSecret means that a secret cannot be one of the scheme.
	ErrSecret = errors.New("webhook: malformed secret")
	// ErrHeader means that a header which the scheme needs is missing or malformed.
	ErrHeader = errors.New("webhook: missing or malformed header")
	// ErrTimestamp means that the request is too old, or from the future.
	ErrTimestamp = errors.New("webhook: timestamp outside the tolerance")
	// ErrSignature means that no signature matches: the body is not what was signed,
	// or another secret signed it.
	ErrSignature = errors.New("webhook: no matching signature")
)

// Verify checks a request's signature in constant time: nil if one of the secrets
// made it. body must be the exact bytes that arrived.
func (s *Scheme) Verify(header http.Header, body []byte, secrets ...string) error {
	return s.VerifyAt(time.Now(), header, body, secrets...)
}

// VerifyAt is Verify as of another time than now.
func (s *Scheme) VerifyAt(now time.Time, header http.Header, body []byte, secrets ...string) error {
	if len(secrets) == 0 {
		return ErrNoSecret
	}
	given := first(header, s.header)
	v := values{id: first(header, s.idHeader), timestamp: first(header, s.timestampHeader)}
	if given == "" {
		return ErrHeader
	}
	result := ErrHeader
	for _, one := range s.split(given) {
		signature, ok := s.prefix.match(one, &v)
		if !ok {
			continue
		}
		if err := s.checkValues(now, v); err != nil {
			return err
		}
		result = ErrSignature
		for _, secret := range secrets {
			want, err := s.appendMAC(nil, secret, v, body)
			if err != nil {
				return err
			}
			if hmac.Equal(want, []byte(signature)) {
				return nil
			}
		}
	}
	return result
}

// maxSignatures bounds the work that one request can ask for.
const maxSignatures = 16

// split gives the signatures of the header.
func (s *Scheme) split(given string) []string {
	if !s.format.List {
		return []string{given}
	}
	return strings.SplitN(given, " ", maxSignatures)
}

// checkValues looks at what the content needs beside the body.
func (s *Scheme) checkValues(now time.Time, v values) error {
	if s.content.has(idField) && v.id == "" {
		return ErrHeader
	}
	if !s.content.has(timestampField) {
		return nil
	}
	seconds, err := strconv.ParseInt(v.timestamp, 10, 64)
	if err != nil {
		return ErrHeader
	}
	off := now.Sub(time.Unix(seconds, 0)).Abs()
	if s.format.Tolerance > 0 && off > s.format.Tolerance {
		return ErrTimestamp
	}
	return nil
}

// first is the header's value, whose canonical name is known.
func first(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}
