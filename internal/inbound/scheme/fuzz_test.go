package scheme

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/peal-dev/peal/internal/peal"
)

// FuzzVerify gives every scheme requests of all kinds. What is accepted carries the
// body that was signed, and what is refused says so in words that can be answered.
func FuzzVerify(f *testing.F) {
	file := readVectors(f)
	set := All(certificateOf(file.Certificate))
	var signed []string // bodies; two schemes may share a secret and a way to sign
	for i, v := range file.Vectors {
		s, _ := set.Get(v.Scheme)
		signed = append(signed, v.Body)
		names := credentials(s, v.config())
		values := make([]string, 2)
		for n, name := range names[:min(2, len(names))] {
			values[n] = v.request().Header.Get(name)
		}
		f.Add(uint8(i), values[0], values[1], v.URL, []byte(v.Body))
	}
	f.Fuzz(func(t *testing.T, which uint8, value0, value1, address string, body []byte) {
		v := file.Vectors[int(which)%len(file.Vectors)]
		s, _ := set.Get(v.Scheme)
		r := v.request()
		r.URL, r.Body = address, body
		for n, name := range credentials(s, v.config()) {
			switch n {
			case 0:
				r.Header.Set(name, value0)
			case 1:
				r.Header.Set(name, value1)
			}
		}
		got, err := s.Verify(t.Context(), r, v.config())
		if err != nil {
			var e *peal.Error
			if !errors.As(err, &e) || e.Code != peal.CodeUnauthorized || got.Reply != nil || got.Confirm != "" {
				t.Errorf("%s: %+v, %v", v.Scheme, got, err)
			}
			return
		}
		if len(got.DeliveryID) > maxID || !peal.Printable(got.DeliveryID) || !peal.Printable(got.Event) {
			t.Errorf("%s: %+v", v.Scheme, got)
		}
		// The two that sign what a body says rather than its bytes have tests of their own.
		if !slices.Contains(unsignedBody, s.Name) && s.Name != "sns" && s.Name != "twilio" && !slices.Contains(signed, string(body)) {
			t.Errorf("%s accepts %q, which nobody signed", v.Scheme, body)
		}
	})
}

func FuzzSignatures(f *testing.F) {
	f.Add("t=1,v1=ab,v1=cd,v0=ef", ",")
	f.Add("ts=1;h1=ab", ";")
	f.Add(strings.Repeat("v1=ab,", 100), ",")
	f.Fuzz(func(t *testing.T, header, separator string) {
		if separator == "" {
			return
		}
		c := call{Request: &Request{Header: http.Header{"X": {header}}}}
		sigs, sent, err := c.signatures("X", separator, "v1", "t")
		if err != nil {
			refused(t, header, err, ErrMalformed)
			return
		}
		if len(sigs) == 0 || len(sigs) > maxSignatures || sent == "" || slices.ContainsFunc(sigs, func(s []byte) bool { return len(s) == 0 }) {
			t.Errorf("%q: %x at %q", header, sigs, sent)
		}
	})
}

func FuzzSpellings(f *testing.F) {
	for _, address := range []string{"https://a.example/x?y", "http://a.example", "https://[::1]:8443/", "https://[::1]", "a", "://", "https://a:b@c.example:1?d"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		all := spellings(address)
		if len(all) == 0 || len(all) > 2 || all[0] != address {
			t.Fatalf("%q: %q", address, all)
		}
		if len(all) == 2 {
			// Each is the other but for a port.
			short, long := all[0], all[1]
			if len(short) > len(long) {
				short, long = long, short
			}
			i := 0
			for i < len(short) && short[i] == long[i] {
				i++
			}
			if !strings.Contains(long[i:], short[i:]) && !strings.HasSuffix(long, short[i:]) {
				t.Errorf("%q is spelled %q", address, all)
			}
		}
	})
}

func FuzzTwilioParams(f *testing.F) {
	f.Add([]byte("b=2&a=1&a=1&a=0"))
	f.Add([]byte("{}"))
	f.Add([]byte("%zz"))
	f.Fuzz(func(t *testing.T, body []byte) {
		params, err := twilioParams(body)
		if err != nil {
			refused(t, "form", err, ErrMalformed)
			return
		}
		if len(params) > len(body) {
			t.Errorf("%q became %q", body, params)
		}
	})
}

func FuzzFormJSON(f *testing.F) {
	f.Add([]byte("a=1&b=2&b=3&c"))
	f.Add([]byte("payload=%7B%22a%22%3A1%7D"))
	f.Add([]byte("payload=x"))
	f.Add([]byte("\xff=%00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := FormJSON(body)
		if err == nil && !json.Valid(got) {
			t.Errorf("%q became %q", body, got)
		}
	})
}

// FuzzHMACContent: what Check lets pass can be filled in.
func FuzzHMACContent(f *testing.F) {
	f.Add("v1:{id}:{timestamp}:{body}")
	f.Add("{body}{timestamp}{{id}}")
	f.Add("{bo{body}dy}")
	s := genericHMAC()
	file := readVectors(f)
	f.Fuzz(func(t *testing.T, content string) {
		v := firstVector(t, file, "hmac")
		c := v.config()
		c.Settings["content"] = content
		c.Settings["timestamp_header"], c.Settings["id_header"] = "X-Time", "X-Id"
		if s.Check(c) != nil {
			return
		}
		r := v.request()
		r.Header.Set("X-Id", "{timestamp}")
		r.Header.Set("X-Time", strconv.FormatInt(v.Now.Unix(), 10))
		_, err := s.Verify(t.Context(), r, c)
		refused(t, content, err, ErrMismatch, ErrMalformed)
	})
}

func FuzzParseTime(f *testing.F) {
	for _, text := range []string{"1800000000", "1800000000123", "2027-01-15T08:00:00Z", "-1", "99999999999999999999", "now"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if at, ok := parseTime(text); ok && at.Unix() > maxUnix {
			t.Errorf("%q is %v", text, at)
		}
	})
}

func FuzzHandshake(f *testing.F) {
	f.Add("events.example.com", "120", 60)
	f.Add("", "", 0)
	f.Add("x", "-1", 10)
	f.Fuzz(func(t *testing.T, origin, asked string, limit int) {
		answer, ok := Handshake(http.Header{"Webhook-Request-Origin": {origin}, "Webhook-Request-Rate": {asked}}, limit)
		if ok != (origin != "") {
			t.Fatalf("origin %q: %v", origin, ok)
		}
		if !ok {
			return
		}
		granted := answer.Get("WebHook-Allowed-Rate")
		n, err := strconv.Atoi(granted)
		if limit <= 0 != (granted == "*") || limit > 0 && (err != nil || n < 1 || n > limit) {
			t.Errorf("asked for %q of %d, granted %q", asked, limit, granted)
		}
	})
}
