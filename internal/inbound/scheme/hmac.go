package scheme

import (
	"context"
	"crypto/sha1" // for senders that have nothing better
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// genericHMAC is for every sender that signs with a shared key and has no scheme of
// its own.
func genericHMAC() *Scheme {
	return &Scheme{
		Name:     "hmac",
		Provider: "anything that signs with a shared key",
		Fields: []Field{
			ours("The shared key, as text."),
			{Name: "header", Type: String, Required: true, Help: "The header that holds the signature."},
			{Name: "algorithm", Type: String, Enum: []string{"sha256", "sha1", "sha384", "sha512"}, Default: "sha256", Help: "The hash of the HMAC."},
			{Name: "encoding", Type: String, Enum: []string{"hex", "base64", "base64url"}, Default: "hex", Help: "How the signature is written; base64url has no padding."},
			{Name: "prefix", Type: String, Help: "What stands before the signature, such as sha256=."},
			{Name: "timestamp_header", Type: String, Help: "The header that holds the signed time: Unix seconds or milliseconds, or RFC 3339."},
			{Name: "content", Type: String, Help: "What is signed, with {body} once, {timestamp} and {id}; {body}, or {timestamp}.{body} with a timestamp_header, if empty."},
			{Name: "id_header", Type: String, Help: "The header that holds the delivery id."},
			{Name: "event_header", Type: String, Help: "The header that holds the name of the event."},
			toleranceField(fiveMinutes),
		},
		Tolerance: fiveMinutes,
		check:     checkHMAC,
		verify:    verifyHMAC,
	}
}

var (
	hashes = map[string]func() hash.Hash{
		"sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
	}
	decoders = map[string]decoder{
		"hex": fromHex, "base64": fromBase64, "base64url": base64.RawURLEncoding.Strict().DecodeString,
	}
)

func checkHMAC(o options) error {
	for _, field := range []string{"header", "timestamp_header", "id_header", "event_header"} {
		if v := o.setting(field); v != "" {
			if err := checkHeaderName(field, v); err != nil {
				return err
			}
		}
	}
	content := o.content()
	literal := strings.NewReplacer("{body}", "", "{timestamp}", "", "{id}", "").Replace(content)
	switch timed := strings.Contains(content, "{timestamp}"); {
	case strings.Count(content, "{body}") != 1:
		return peal.Invalid("content", "{body} must stand in it once")
	case strings.ContainsAny(literal, "{}"):
		return peal.Invalid("content", "can hold {body}, {timestamp} and {id}, and no other braces")
	case timed && o.setting("timestamp_header") == "":
		return peal.Invalid("timestamp_header", "is required, because the content holds {timestamp}")
	case !timed && o.setting("timestamp_header") != "":
		return peal.Invalid("content", "must hold {timestamp}: a time that is not signed proves nothing")
	case strings.Contains(content, "{id}") && o.setting("id_header") == "":
		return peal.Invalid("id_header", "is required, because the content holds {id}")
	}
	return nil
}

// content is the template of what is signed.
func (o options) content() string {
	if v := o.setting("content"); v != "" {
		return v
	}
	if o.setting("timestamp_header") != "" {
		return "{timestamp}.{body}"
	}
	return "{body}"
}

func verifyHMAC(_ context.Context, c *call) (Verdict, error) {
	header, timeHeader, idHeader := c.setting("header"), c.setting("timestamp_header"), c.setting("id_header")
	content := c.content()
	needed := []string{header, timeHeader}
	if strings.Contains(content, "{id}") {
		needed = append(needed, idHeader)
	}
	for _, name := range needed {
		if name != "" && c.Header.Get(name) == "" {
			return Verdict{}, missing(name)
		}
	}
	sig, err := c.signature(header, c.setting("prefix"), decoders[c.setting("encoding")])
	if err != nil {
		return Verdict{}, err
	}
	fill := strings.NewReplacer("{timestamp}", c.Header.Get(timeHeader), "{id}", c.Header.Get(idHeader))
	before, after, _ := strings.Cut(content, "{body}")
	if _, err := c.signed(hashes[c.setting("algorithm")], [][]byte{sig}, []byte(fill.Replace(before)), c.Body, []byte(fill.Replace(after))); err != nil {
		return Verdict{}, err
	}
	if timeHeader != "" {
		sent, ok := parseTime(c.Header.Get(timeHeader))
		if !ok {
			return Verdict{}, malformed(timeHeader)
		}
		if err := c.fresh(sent); err != nil {
			return Verdict{}, err
		}
	}
	v := c.plain()
	if idHeader != "" {
		v.DeliveryID = c.Header.Get(idHeader)
	}
	if name := c.setting("event_header"); name != "" {
		v.Event = c.Header.Get(name)
	}
	return v, nil
}

// parseTime reads what senders write: seconds or milliseconds since 1970, which no
// time near now can be both of, or RFC 3339.
func parseTime(text string) (time.Time, bool) {
	if t, ok := unixSeconds(text); ok {
		if t.Unix() > 1<<37 {
			return time.UnixMilli(t.Unix()), true
		}
		return t, true
	}
	t, err := time.Parse(time.RFC3339, text)
	return t, err == nil
}

// checkHeaderName refuses what is not the name of a header (RFC 9110, 5.1).
func checkHeaderName(field, name string) error {
	for i := range len(name) {
		if b := name[i]; (b|0x20 < 'a' || b|0x20 > 'z') && (b < '0' || b > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", b) < 0 {
			return peal.Invalid(field, "must be the name of a header")
		}
	}
	return nil
}
