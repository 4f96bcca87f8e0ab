package webhook

import (
	"encoding/base64"
	"encoding/hex"
	"net/textproto"
	"time"
)

// The formats of the systems that Peal speaks for.
var (
	// Standard is https://www.standardwebhooks.com: "v1," and base64 over
	// "id.timestamp.body", refused when the timestamp is five minutes off. Secrets
	// are "whsec_" and the base64 of 24 to 64 bytes.
	Standard = MustNew(Format{
		Header: "webhook-signature", Prefix: "v1,", Encoding: Base64, Content: "{id}.{timestamp}.{body}",
		Secret: Whsec, List: true, Tolerance: 5 * time.Minute,
	})
	// Nemo is Nemo Router's X-Nemo-Signature: "sha256=" and hex over the body.
	Nemo = MustNew(Format{Header: "X-Nemo-Signature", Prefix: "sha256="})
	// CurateMe is Curate-Me's X-Webhook-Signature: "sha256=" and hex over the body.
	CurateMe = MustNew(Format{Header: "X-Webhook-Signature", Prefix: "sha256="})
	// Nembl is Nembl's x-webhook-signature: "sha256=" and hex over the body.
	Nembl = MustNew(Format{Header: "x-webhook-signature", Prefix: "sha256="})
	// Nolxy is Nolxy's X-Nolxy-Signature: hex over the body.
	Nolxy = MustNew(Format{Header: "X-Nolxy-Signature"})
)

// Encoding is how the 32 bytes of a signature are written.
type Encoding int

// The encodings: lower-case hex, and base64 with + / and padding.
const (
	Hex Encoding = iota
	Base64
)

// SecretForm is how the text of a secret becomes the HMAC key.
type SecretForm int

// The forms: Text uses the bytes of the text, Whsec what its base64 after "whsec_"
// encodes, 24 to 64 bytes.
const (
	Text SecretForm = iota
	Whsec
)

// Format describes a Scheme. Only Header is required.
//
// Prefix and Content may hold {id} and {timestamp} (Unix seconds), Content also
// {body}. Where the prefix holds one of them, Verify takes it from there, as in
// the prefix "t={timestamp},v1="; else it comes from its header.
type Format struct {
	Header          string     // carries the signature
	Prefix          string     // stands before the signature
	Encoding        Encoding   // of the signature
	Content         string     // what is signed, "{body}" if empty
	Secret          SecretForm // how secrets are written
	IDHeader        string     // "webhook-id" if empty
	TimestampHeader string     // "webhook-timestamp" if empty
	// List allows several signatures in the header, separated by spaces: one for
	// each secret. Without it the first secret alone signs.
	List bool
	// Tolerance is how far a timestamp may be from now; zero does not look at it.
	Tolerance time.Duration
}

// Scheme signs and verifies in one format. It is safe for concurrent use.
type Scheme struct {
	format          Format
	prefix, content template
	// Header names as http.Header keeps them.
	header, idHeader, timestampHeader string
}

// FormatError says what in a Format cannot be.
type FormatError struct {
	Field string // of the Format, in lower case
	Msg   string
}

func (e *FormatError) Error() string { return "webhook: " + e.Field + ": " + e.Msg }

// New checks a format and makes its Scheme. The error is a *FormatError.
func New(f Format) (*Scheme, error) {
	if f.Header == "" {
		return nil, &FormatError{"header", "the signature needs a header"}
	}
	if f.Content == "" {
		f.Content = "{body}"
	}
	if f.IDHeader == "" {
		f.IDHeader = "webhook-id"
	}
	if f.TimestampHeader == "" {
		f.TimestampHeader = "webhook-timestamp"
	}
	prefix, err := parseTemplate(f.Prefix)
	if err != nil {
		return nil, &FormatError{"prefix", err.Error()}
	}
	content, err := parseTemplate(f.Content)
	if err != nil {
		return nil, &FormatError{"content", err.Error()}
	}
	switch {
	case content.count(bodyField) != 1:
		return nil, &FormatError{"content", "{body} must stand in it once"}
	case prefix.has(bodyField):
		return nil, &FormatError{"prefix", "{body} cannot stand in it"}
	case !prefix.separable():
		return nil, &FormatError{"prefix", "a placeholder must be followed by other text"}
	case f.Tolerance > 0 && !content.has(timestampField):
		return nil, &FormatError{"tolerance", "the content holds no {timestamp} to look at"}
	}
	return &Scheme{
		format: f, prefix: prefix, content: content,
		header:          textproto.CanonicalMIMEHeaderKey(f.Header),
		idHeader:        textproto.CanonicalMIMEHeaderKey(f.IDHeader),
		timestampHeader: textproto.CanonicalMIMEHeaderKey(f.TimestampHeader),
	}, nil
}

// MustNew is New for formats that are known to be right; it panics if not.
func MustNew(f Format) *Scheme {
	s, err := New(f)
	if err != nil {
		panic(err)
	}
	return s
}

// Format describes the scheme, with the defaults filled in.
func (s *Scheme) Format() Format { return s.format }

func (e Encoding) append(dst, sum []byte) []byte {
	if e == Base64 {
		return base64.StdEncoding.AppendEncode(dst, sum)
	}
	return hex.AppendEncode(dst, sum)
}

func (e Encoding) len(n int) int {
	if e == Base64 {
		return base64.StdEncoding.EncodedLen(n)
	}
	return hex.EncodedLen(n)
}
