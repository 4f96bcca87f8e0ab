package scheme

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"strconv"
	"strings"
	"time"
)

// call is one request together with how it is to be verified.
type call struct {
	*Request
	options
}

// fiveMinutes is the tolerance that most providers ask for.
const fiveMinutes = 5 * time.Minute

// decoder reads the text of a signature.
type decoder func(string) ([]byte, error)

var (
	fromHex    decoder = hex.DecodeString
	fromBase64 decoder = base64.StdEncoding.Strict().DecodeString
)

// signature reads the one signature that a header holds behind a prefix.
func (c *call) signature(header, prefix string, decode decoder) ([]byte, error) {
	text, ok := strings.CutPrefix(c.Header.Get(header), prefix)
	if !ok {
		return nil, malformed(header)
	}
	sig, err := decode(text)
	if err != nil || len(sig) == 0 {
		return nil, malformed(header)
	}
	return sig, nil
}

// maxSignatures bounds the work that one request can ask for.
const maxSignatures = 16

// signatures reads a header such as "t=1,v1=ab,v1=cd": pairs of a name and a value
// between separators. Names that it does not know are left out, because providers add
// some.
func (c *call) signatures(header, separator, name, timeName string) (sigs [][]byte, sent string, err error) {
	for _, pair := range strings.SplitN(c.Header.Get(header), separator, maxSignatures) {
		key, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		switch key {
		case name:
			if sig, err := fromHex(value); err == nil && len(sig) > 0 {
				sigs = append(sigs, sig)
			}
		case timeName:
			sent = value
		}
	}
	if len(sigs) == 0 || timeName != "" && sent == "" {
		return nil, "", malformed(header)
	}
	return sigs, sent, nil
}

// signed gives the secret with which one of the signatures was made over the parts,
// one behind the other.
func (c *call) signed(newHash func() hash.Hash, sigs [][]byte, parts ...[]byte) (secret string, err error) {
	for _, secret := range c.Secrets {
		if anyEqual(mac(newHash, secret, parts...), sigs) {
			return secret, nil
		}
	}
	return "", mismatch()
}

// signedBody verifies the plainest signature: HMAC-SHA256 over the body, behind a
// prefix in a header.
func (c *call) signedBody(header, prefix string, decode decoder) error {
	sig, err := c.signature(header, prefix, decode)
	if err != nil {
		return err
	}
	_, err = c.signed(sha256.New, [][]byte{sig}, c.Body)
	return err
}

// fresh refuses what was sent too long before or after now.
func (c *call) fresh(sent time.Time) error {
	tolerance := c.scheme.Tolerance
	if d, err := time.ParseDuration(c.Settings["tolerance"]); err == nil {
		tolerance = d
	}
	if off := c.Now.Sub(sent).Abs(); off > tolerance {
		return refuse(ErrStale, "the signed time is more than %v from now", tolerance)
	}
	return nil
}

// freshHeader is fresh for a header of Unix seconds.
func (c *call) freshHeader(header string) error {
	sent, ok := unixSeconds(c.Header.Get(header))
	if !ok {
		return malformed(header)
	}
	return c.fresh(sent)
}

// maxUnix is beyond every time that a sender can mean, in milliseconds too.
const maxUnix = 1 << 42

func unixSeconds(text string) (time.Time, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > maxUnix {
		return time.Time{}, false
	}
	return time.Unix(n, 0), true
}

// json reads what it can of a verified body into to; a body that is something else
// leaves it empty, and the caller of the package to judge.
func (c *call) json(to any) { _ = json.Unmarshal(c.Body, to) }
