package secret

import "strings"

var sensitiveWords = [...]string{"authorization", "cookie", "token", "key", "secret", "password", "passwd", "passphrase", "credential"}

// Redacted stands where a hidden value was.
const Redacted = "***"

// IsSensitiveHeader tells by the name of an HTTP header, a field or a log attribute
// whether its value must be hidden. Signatures are no secrets, and neither are the
// ids of keys.
func IsSensitiveHeader(name string) bool {
	n := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	if n == "idempotency-key" || strings.HasSuffix(n, "-id") || strings.HasSuffix(n, "-hint") || strings.Contains(n, "signature") {
		return false
	}
	for _, word := range sensitiveWords {
		if strings.Contains(n, word) {
			return true
		}
	}
	return n == "auth" || strings.HasSuffix(n, "-auth")
}
