package scheme

import (
	"errors"
	"strings"
	"testing"

	"github.com/peal-dev/peal/internal/peal"
)

const someARN = "arn:aws:sns:eu-central-1:123456789012:orders"

func TestCheckNamesTheField(t *testing.T) {
	set := All(nil)
	secret := anotherSecret(t, "standard")
	hmacWith := func(settings ...string) map[string]string {
		m := map[string]string{"header": "X-Sig"}
		for i := 0; i < len(settings); i += 2 {
			m[settings[i]] = settings[i+1]
		}
		return m
	}
	for _, c := range []struct {
		scheme, field string
		secret        string
		settings      map[string]string
	}{
		{"peal", "tolerance", secret, map[string]string{"tolerance": "5m"}},
		{"peal", "secret", secret, map[string]string{"secret": "x"}},
		{"peal", "secret", "a\nb", nil},
		{"peal", "secret", strings.Repeat("x", maxSetting+1), nil},
		{"standard", "secret", "not base64", nil},
		{"standard", "secret", "whsec_c2hvcnQ=", nil},
		{"svix", "secret", "whsec_", nil},
		{"slack", "tolerance", secret, map[string]string{"tolerance": "soon"}},
		{"slack", "tolerance", secret, map[string]string{"tolerance": "-5m"}},
		{"slack", "tolerance", secret, map[string]string{"tolerance": "0s"}},
		{"slack", "tolerance", secret, map[string]string{"tolerance": "25h"}},
		{"sendgrid", "secret", secret, nil},
		{"sendgrid", "secret", "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=", nil}, // Ed25519
		{"discord", "secret", secret, nil},
		{"discord", "secret", "abcd", nil},
		{"sns", "topic_arn", "", nil},
		{"sns", "topic_arn", "", map[string]string{"topic_arn": "arn:aws:sqs:eu-central-1:123456789012:orders"}},
		{"sns", "topic_arn", "", map[string]string{"topic_arn": someARN + ",*"}},
		{"sns", "topic_arn", "", map[string]string{"topic_arn": "arn:aws:sns:evil.example.com/:123456789012:orders"}},
		{"sns", "secret", secret, map[string]string{"topic_arn": someARN}},
		{"twilio", "url", secret, map[string]string{"url": "example.com/x"}},
		{"twilio", "url", secret, map[string]string{"url": "ftp://example.com/x"}},
		{"basic", "username", secret, nil},
		{"basic", "username", secret, map[string]string{"username": "a:b"}},
		{"api_key", "header", secret, map[string]string{"header": "X API Key"}},
		{"api_key", "header", secret, map[string]string{"header": "X:"}},
		{"hmac", "header", secret, nil},
		{"hmac", "header", secret, map[string]string{"header": "Ä"}},
		{"hmac", "algorithm", secret, hmacWith("algorithm", "md5")},
		{"hmac", "encoding", secret, hmacWith("encoding", "base32")},
		{"hmac", "prefix", secret, hmacWith("prefix", "a\tb")},
		{"hmac", "timestamp_header", secret, hmacWith("timestamp_header", "X Time")},
		{"hmac", "timestamp_header", secret, hmacWith("content", "{timestamp}.{body}")},
		{"hmac", "content", secret, hmacWith("timestamp_header", "X-Time", "content", "{body}")},
		{"hmac", "content", secret, hmacWith("content", "no")},
		{"hmac", "content", secret, hmacWith("content", "{body}{body}")},
		{"hmac", "content", secret, hmacWith("content", "{body}{path}")},
		{"hmac", "id_header", secret, hmacWith("content", "{id}.{body}")},
		{"hmac", "digest", secret, hmacWith("digest", "x")},
	} {
		s, _ := set.Get(c.scheme)
		cfg := Config{Settings: c.settings}
		if c.secret != "" {
			cfg.Secrets = []string{c.secret}
		}
		err := s.Check(cfg)
		var e *peal.Error
		if !errors.As(err, &e) || e.Code != peal.CodeInvalid || e.Field != c.field {
			t.Errorf("%s with %v: %v, want the field %s", c.scheme, c.settings, err, c.field)
		}
		if c.secret != "" && err != nil && len(c.secret) > 8 && strings.Contains(err.Error(), c.secret) {
			t.Errorf("%s shows the secret: %v", c.scheme, err)
		}
	}
}

// A secret that Peal makes fits wherever it makes one.
func TestOwnSecretsFit(t *testing.T) {
	settings := map[string]map[string]string{"basic": {"username": "peal"}, "hmac": {"header": "X-Sig"}}
	for _, s := range All(nil).Schemes() {
		for _, f := range s.Fields {
			if f.Name != SecretField || f.Required {
				continue
			}
			if err := s.Check(Config{Secrets: []string{anotherSecret(t, "standard")}, Settings: settings[s.Name]}); err != nil {
				t.Errorf("%s: %v", s.Name, err)
			}
		}
	}
}

// A secret that got past Check, or was stored before it asked for more, verifies
// nothing.
func TestUnusableSecretsRefuse(t *testing.T) {
	file := readVectors(t)
	for _, name := range []string{"standard", "svix", "sendgrid", "discord"} {
		s, _ := All(nil).Get(name)
		v := firstVector(t, file, name)
		_, err := s.Verify(t.Context(), v.request(), Config{Secrets: []string{"plain text"}})
		refused(t, name, err, ErrSecret)
	}
}
