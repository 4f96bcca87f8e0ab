package secret

import (
	"crypto/sha256"
	"strings"
	"testing"
)

func TestRandomToken(t *testing.T) {
	seen := map[string]bool{}
	counts := map[byte]int{}
	for range 1000 {
		token := RandomToken("peal_")
		random, ok := strings.CutPrefix(token, "peal_")
		if !ok || len(random) != tokenLen || seen[token] {
			t.Fatalf("token %q", token)
		}
		seen[token] = true
		for i := range len(random) {
			counts[random[i]]++
		}
	}
	// Each of 62 characters is expected 694 times; ten standard deviations are 260.
	for _, c := range []byte(base62) {
		if counts[c] < 434 || counts[c] > 954 {
			t.Errorf("%c comes %d times", c, counts[c])
		}
		delete(counts, c)
	}
	if len(counts) > 0 {
		t.Errorf("other characters: %v", counts)
	}
}

func TestHashKey(t *testing.T) {
	if HashKey("peal_x") != sha256.Sum256([]byte("peal_x")) {
		t.Error("not the SHA-256")
	}
}

func TestIsSensitiveHeader(t *testing.T) {
	for name, hidden := range map[string]bool{
		"Authorization": true, "proxy-authorization": true, "Cookie": true, "Set-Cookie": true, "X-Auth-Token": true,
		"X-API-Key": true, "api_key": true, "apiKey": true, "secret": true, "client_secret": true, "PASSWORD": true, "X-Auth": true,
		"Content-Type": false, "webhook-signature": false, "X-Nemo-Signature": false, "X-Secret-Signature": false,
		"webhook-id": false, "Idempotency-Key": false, "key_id": false, "key_hint": false, "author": false, "": false,
	} {
		if got := IsSensitiveHeader(name); got != hidden {
			t.Errorf("IsSensitiveHeader(%q) = %v", name, got)
		}
	}
}
