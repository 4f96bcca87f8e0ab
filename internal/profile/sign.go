package profile

import (
	"crypto/rand"
	"encoding/base64"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/webhook"
)

// The headers that every profile sends.
const (
	contentTypeHeader = "Content-Type"
	idHeader          = "webhook-id"
)

// Signing is what one attempt signs.
type Signing struct {
	Event   *peal.Event
	Body    []byte    // what Render gave
	Secrets []string  // newest first; none where the profile allows it
	Now     time.Time // of the attempt
}

// Sign appends all headers of an attempt but the User-Agent. An error has the code
// unprocessable: the endpoint's secrets do not fit the profile.
func (p *Profile) Sign(dst []peal.Header, in Signing) ([]peal.Header, error) {
	id := in.Event.ID.String()
	dst = append(dst, peal.Header{Name: contentTypeHeader, Value: "application/json"}, peal.Header{Name: idHeader, Value: id})
	for _, h := range p.extra {
		dst = append(dst, peal.Header{Name: h.name, Value: h.value(id, &in)})
	}
	if p.Scheme == nil || len(in.Secrets) == 0 && !p.SecretRequired {
		return dst, nil
	}
	m := webhook.Message{ID: id, Timestamp: in.Now, Body: in.Body}
	signature, err := p.Scheme.Sign(m, in.Secrets...)
	if err != nil {
		return dst, peal.Wrap(peal.CodeUnprocessable, err, "the endpoint has no secret that fits the profile "+p.Name)
	}
	return append(dst, peal.Header{Name: p.Scheme.Format().Header, Value: signature}), nil
}

// headerNames names the headers that a signed attempt carries, User-Agent aside.
func (p *Profile) headerNames() []string {
	names := []string{contentTypeHeader, idHeader}
	for _, h := range p.extra {
		names = append(names, h.name)
	}
	if p.Scheme != nil {
		names = append(names, p.Scheme.Format().Header)
	}
	return names
}

// NewSecret makes a secret that every profile takes: whsec_ and the base64 of 32
// random bytes.
func (p *Profile) NewSecret() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(b[:])
}

// CheckSecret reports why the profile cannot sign with a secret.
func (p *Profile) CheckSecret(secret string) error {
	switch {
	case secret == "":
		return peal.Invalid("secret", "the secret must not be empty")
	case p.Scheme == nil:
		return nil
	case p.Scheme.Format().Secret.Check(secret) != nil:
		return peal.Invalid("secret", "the profile %s wants a secret of whsec_ and the base64 of 24 to 64 bytes", p.Name)
	}
	return nil
}
