package scheme

import (
	"context"
	"crypto/sha1" // what Twilio signs with
	"crypto/sha256"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/peal-dev/peal/internal/peal"
)

// twilio is Twilio's X-Twilio-Signature: HMAC-SHA1, in base64, over the URL as it was
// called and the fields of the form. A JSON body is signed through its hash, which
// stands in the URL.
func twilio() *Scheme {
	return &Scheme{
		Name:     "twilio",
		Provider: "Twilio",
		Fields: []Field{
			theirs("The auth token of the account."),
			{Name: "url", Type: String, Help: "The URL as it was entered at Twilio, where that is not the hook's own."},
		},
		Headers: []string{"X-Twilio-Signature"},
		Forms:   true,
		check: func(o options) error {
			if v := o.setting("url"); v != "" {
				if u, err := url.Parse(v); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
					return peal.Invalid("url", "must be an absolute http(s) URL")
				}
			}
			return nil
		},
		verify: func(_ context.Context, c *call) (Verdict, error) {
			sig, err := c.signature("X-Twilio-Signature", "", fromBase64)
			if err != nil {
				return Verdict{}, err
			}
			address, query := c.twilioURL()
			var params string
			if sum := query.Get("bodySHA256"); sum != "" {
				given, err := fromHex(sum)
				want := sha256.Sum256(c.Body)
				if err != nil || !anyEqual(want[:], [][]byte{given}) {
					return Verdict{}, mismatch()
				}
			} else if params, err = twilioParams(c.Body); err != nil {
				return Verdict{}, err
			}
			for _, spelled := range spellings(address) {
				if _, err = c.signed(sha1.New, [][]byte{sig}, []byte(spelled+params)); err == nil {
					return Verdict{DeliveryID: c.Header.Get("I-Twilio-Idempotency-Token")}, nil
				}
			}
			return Verdict{}, err
		},
	}
}

// twilioURL is the address that Twilio signed: its own spelling, if the hook has one,
// with the query that arrived.
func (c *call) twilioURL() (string, url.Values) {
	address, query, found := strings.Cut(c.URL, "?")
	if v := c.setting("url"); v != "" {
		address, _, _ = strings.Cut(v, "?")
	}
	if found {
		address += "?" + query
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		values = nil // then the body must be a form
	}
	return address, values
}

// twilioParams writes the fields of a form as Twilio signs them: sorted, each value
// behind its name, equal ones once. A body that is no form yields a text that nobody
// signed.
func twilioParams(body []byte) (string, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "", refuse(ErrMalformed, "the body is not a form")
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range slices.Compact(slices.Sorted(slices.Values(form[name]))) {
			b.WriteString(name)
			b.WriteString(value)
		}
	}
	return b.String(), nil
}

// spellings gives an address as it is, without its port, and with the usual one:
// Twilio's services disagree on which of them to sign.
func spellings(address string) []string {
	start := strings.Index(address, "://") + len("://")
	if start < len("://") {
		return []string{address}
	}
	end := len(address)
	if i := strings.IndexAny(address[start:], "/?"); i >= 0 {
		end = start + i
	}
	host := address[start:end]
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
		return []string{address, address[:start+colon] + address[end:]}
	}
	port := ":443"
	if strings.HasPrefix(address, "http://") {
		port = ":80"
	}
	return []string{address, address[:end] + port + address[end:]}
}
