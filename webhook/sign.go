package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"strconv"
	"strings"
	"time"
)

// Message is what a signature covers. Schemes that sign the body alone need
// neither ID nor Timestamp.
type Message struct {
	ID        string    // of the message, the same in every attempt
	Timestamp time.Time // of the attempt, used to the second
	Body      []byte    // exactly as sent
}

// Sign gives the value of the signature header. Secrets stand newest first: a
// scheme with room for one signature uses the first. The error is ErrNoSecret or
// ErrSecret.
func (s *Scheme) Sign(m Message, secrets ...string) (string, error) {
	if len(secrets) == 0 {
		return "", ErrNoSecret
	}
	if !s.format.List {
		secrets = secrets[:1]
	}
	v := values{id: m.ID}
	if s.prefix.has(timestampField) || s.content.has(timestampField) {
		v.timestamp = strconv.FormatInt(m.Timestamp.Unix(), 10)
	}
	out := make([]byte, 0, len(secrets)*(len(s.format.Prefix)+s.format.Encoding.len(sha256.Size)+1))
	for i, secret := range secrets {
		if i > 0 {
			out = append(out, ' ')
		}
		out = s.prefix.append(out, v)
		var err error
		if out, err = s.appendMAC(out, secret, v, m.Body); err != nil {
			return "", err
		}
	}
	return string(out), nil
}

// appendMAC appends the encoded signature of one secret.
func (s *Scheme) appendMAC(dst []byte, secret string, v values, payload []byte) ([]byte, error) {
	key, err := s.format.Secret.key(secret)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, key)
	s.content.write(h, v, payload)
	return s.format.Encoding.append(dst, h.Sum(nil)), nil
}

// write feeds the filled-in template to a hash, the body without copying it.
func (t template) write(h hash.Hash, v values, payload []byte) {
	for i, p := range t {
		if p.field == bodyField {
			h.Write(t[:i].append(nil, v))
			h.Write(payload)
			h.Write(t[i+1:].append(nil, v))
			return
		}
	}
}

const whsecPrefix = "whsec_"

// key is the HMAC key that a secret's text stands for.
func (f SecretForm) key(secret string) ([]byte, error) {
	if f == Text {
		if secret == "" {
			return nil, ErrSecret
		}
		return []byte(secret), nil
	}
	text, ok := strings.CutPrefix(secret, whsecPrefix)
	if !ok {
		return nil, ErrSecret
	}
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(key) < 24 || len(key) > 64 {
		return nil, ErrSecret
	}
	return key, nil
}

// Check tells whether a secret has the form: ErrSecret if not.
func (f SecretForm) Check(secret string) error {
	_, err := f.key(secret)
	return err
}
