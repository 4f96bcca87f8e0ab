package scheme

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// unsignedBody lists the schemes in which the sender shows a secret and signs nothing.
var unsignedBody = []string{"gitlab", "basic", "bearer", "api_key"}

func firstVector(tb testing.TB, file vectorFile, name string) vector {
	tb.Helper()
	for _, v := range file.Vectors {
		if v.Scheme == name {
			return v
		}
	}
	tb.Fatalf("no vector for %s", name)
	return vector{}
}

// credentials names the headers that a request cannot do without.
func credentials(s *Scheme, c Config) []string {
	names := slices.Clone(s.Headers)
	o := options{s, c}
	for _, field := range []string{"header", "timestamp_header"} {
		if name := o.setting(field); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// anotherSecret is one that is well formed and made nothing.
func anotherSecret(t *testing.T, scheme string) string {
	t.Helper()
	switch scheme {
	case "sendgrid":
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(der)
	case "discord":
		key, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return hex.EncodeToString(key)
	}
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte("thirty-two bytes of another key!"))
}

func unavailable(err error) bool { return peal.CodeOf(err) == peal.CodeUnavailable }

// refused holds an error to be one that a caller may see.
func refused(t *testing.T, what string, err error, reasons ...error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: accepted", what)
		return
	}
	var e *peal.Error
	if !errors.As(err, &e) || e.Code != peal.CodeUnauthorized || e.Message == "" {
		t.Errorf("%s: refused by %v, which is no answer", what, err)
	}
	if len(reasons) > 0 && !slices.ContainsFunc(reasons, func(r error) bool { return errors.Is(err, r) }) {
		t.Errorf("%s: refused by %v, want one of %v", what, err, reasons)
	}
}

// TestConformance holds every scheme to what hooks rely on.
func TestConformance(t *testing.T) {
	file := readVectors(t)
	set := All(certificateOf(file.Certificate))
	seen := map[string]bool{}
	for _, s := range set.Schemes() {
		t.Run(s.Name, func(t *testing.T) {
			if seen[s.Name] || s.Provider == "" {
				t.Error("a name of its own and a provider are needed")
			}
			seen[s.Name] = true
			v := firstVector(t, file, s.Name)
			checkFields(t, s)
			checkBody(t, s, v)
			checkCredentials(t, s, v)
			checkSecrets(t, s, v)
			checkTime(t, s, file)
		})
	}
}

func checkFields(t *testing.T, s *Scheme) {
	t.Helper()
	names := map[string]bool{}
	for _, f := range s.Fields {
		if f.Name == "" || names[f.Name] || f.Help == "" {
			t.Errorf("field %+v: a name of its own and help are needed", f)
		}
		names[f.Name] = true
		if !slices.Contains([]FieldType{String, Duration, List}, f.Type) {
			t.Errorf("field %s has the type %q", f.Name, f.Type)
		}
		if f.Default != "" && (f.Required || f.check(f.Default) != nil) {
			t.Errorf("field %s has the default %q", f.Name, f.Default)
		}
		if f.Secret != (f.Name == SecretField) {
			t.Errorf("field %s is secret, or is not", f.Name)
		}
	}
	if names["tolerance"] != (s.Tolerance > 0) {
		t.Errorf("tolerance %v, field %v", s.Tolerance, names["tolerance"])
	}
	if names[SecretField] != s.NeedsSecret() {
		t.Error("NeedsSecret tells something else than the fields")
	}
}

// checkBody changes each byte of the body.
func checkBody(t *testing.T, s *Scheme, v vector) {
	t.Helper()
	if slices.Contains(unsignedBody, s.Name) {
		return
	}
	for i := range v.Body {
		r := v.request()
		r.Body[i] ^= 1
		_, err := s.Verify(t.Context(), r, v.config())
		if s.Name == "sns" && err == nil {
			// Its signature is over fields. What is not signed may change.
			sent, _ := parseSNS([]byte(v.Body))
			got, _ := parseSNS(r.Body)
			if string(sent.canonical()) != string(got.canonical()) {
				t.Errorf("accepted with byte %d of the body changed: %s", i, r.Body)
			}
			continue
		}
		refused(t, "body changed", err)
	}
	for _, body := range []string{"", v.Body + " ", " " + v.Body, v.Body[1:]} {
		r := v.request()
		r.Body = []byte(body)
		if _, err := s.Verify(t.Context(), r, v.config()); s.Name != "sns" || body == "" {
			refused(t, "body "+peal.Clip(body, 20), err)
		}
	}
}

// checkCredentials takes each header away, and changes each byte of it.
func checkCredentials(t *testing.T, s *Scheme, v vector) {
	t.Helper()
	names := credentials(s, v.config())
	if len(names) == 0 && s.Name != "sns" {
		t.Error("no header is needed")
	}
	for _, name := range names {
		r := v.request()
		value := r.Header.Get(name)
		r.Header.Del(name)
		_, err := s.Verify(t.Context(), r, v.config())
		refused(t, "without "+name, err, ErrMissing)
		for i := range value {
			changed := []byte(value)
			changed[i] ^= 1
			r.Header.Set(name, string(changed))
			_, err := s.Verify(t.Context(), r, v.config())
			refused(t, name+" changed", err, ErrMalformed, ErrMismatch, ErrStale)
		}
		for _, text := range []string{" ", "=", ",", "v1=", "sha256=", "Basic", "Bearer ", value + "x", value[:len(value)-1], strings.Repeat("A", 1<<16)} {
			r.Header.Set(name, text)
			_, err := s.Verify(t.Context(), r, v.config())
			refused(t, name+" is "+peal.Clip(text, 20), err, ErrMalformed, ErrMismatch, ErrStale)
		}
	}
}

func checkSecrets(t *testing.T, s *Scheme, v vector) {
	t.Helper()
	if !s.NeedsSecret() {
		return
	}
	other := anotherSecret(t, s.Name)
	good := v.Secrets[0]
	for _, secrets := range [][]string{nil, {}, {""}, {"", ""}, {good, ""}, {"", good}} {
		c := v.config()
		c.Secrets = secrets
		_, err := s.Verify(t.Context(), v.request(), c)
		refused(t, "with empty secrets", err, ErrSecret)
		if e := new(peal.Error); !errors.As(s.Check(c), &e) || e.Code != peal.CodeInvalid || e.Field != SecretField {
			t.Errorf("secrets %q: %v", secrets, s.Check(c))
		}
	}
	for _, secrets := range [][]string{{other}, {other, other}} {
		c := v.config()
		c.Secrets = secrets
		_, err := s.Verify(t.Context(), v.request(), c)
		refused(t, "with another secret", err, ErrMismatch)
		if err := s.Check(c); err != nil {
			t.Errorf("another secret: %v", err)
		}
	}
	for _, secrets := range [][]string{{other, good}, {good, other}, {other, other, good}} {
		c := v.config()
		c.Secrets = secrets
		if _, err := s.Verify(t.Context(), v.request(), c); err != nil {
			t.Errorf("with %d secrets: %v", len(secrets), err)
		}
	}
}

// checkTime moves the clock.
func checkTime(t *testing.T, s *Scheme, file vectorFile) {
	t.Helper()
	timed := 0
	for _, v := range file.Vectors {
		if v.Scheme != s.Name {
			continue
		}
		verify := func(off time.Duration, tolerance string) error {
			r, c := v.request(), v.config()
			r.Now = r.Now.Add(off)
			if tolerance != "" {
				c.Settings = map[string]string{"tolerance": tolerance}
				for name, value := range v.Settings {
					c.Settings[name] = value
				}
			}
			_, err := s.Verify(t.Context(), r, c)
			return err
		}
		if s.Tolerance == 0 || s.Name == "hmac" && v.Settings["timestamp_header"] == "" {
			for _, off := range []time.Duration{-time.Hour, 365 * 24 * time.Hour} {
				if err := verify(off, ""); err != nil {
					t.Errorf("%s signs no time, but is refused %v away: %v", v.Name, off, err)
				}
			}
			continue
		}
		timed++
		for _, sign := range []time.Duration{-1, 1} {
			for tolerance, d := range map[string]time.Duration{"": s.Tolerance, "10s": 10 * time.Second, "3h": 3 * time.Hour} {
				if err := verify(sign*(d-time.Second), tolerance); err != nil {
					t.Errorf("%s, a second within %v: %v", v.Name, d, err)
				}
				refused(t, v.Name+" is stale", verify(sign*(d+time.Second), tolerance), ErrStale)
			}
		}
	}
	if (timed > 0) != (s.Tolerance > 0) {
		t.Errorf("%d vectors with a time, tolerance %v", timed, s.Tolerance)
	}
}

// Delivery ids that cannot be stored as they are stay apart; github's stand in a header
// that nobody signs.
func TestDeliveryIDsCanBeStored(t *testing.T) {
	v := firstVector(t, readVectors(t), "github")
	ids := map[string]bool{}
	for _, id := range []string{strings.Repeat("x", maxID+1), strings.Repeat("x", maxID+2), "a\x00", "a\xff"} {
		r := v.request()
		r.Header.Set("X-GitHub-Delivery", id)
		r.Header.Set("X-GitHub-Event", id)
		got, err := github().Verify(t.Context(), r, v.config())
		if err != nil || got.DeliveryID == "" || len(got.DeliveryID) > maxID || !peal.Printable(got.DeliveryID) || !peal.Printable(got.Event) || len(got.Event) > maxEvent+len("…") {
			t.Errorf("id %q: %+v, %v", id, got, err)
		}
		ids[got.DeliveryID] = true
	}
	if len(ids) != 4 {
		t.Errorf("four ids became %d", len(ids))
	}
}
