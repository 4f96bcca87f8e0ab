package secret

import (
	"crypto/rand"
	"crypto/sha256"
)

const (
	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	// tokenLen characters of base62 carry 256 bits.
	tokenLen = 43
)

// RandomToken makes a token of 256 random bits: the prefix and 43 letters and
// digits, which a double click selects whole.
func RandomToken(prefix string) string {
	out := make([]byte, 0, len(prefix)+tokenLen)
	out = append(out, prefix...)
	var buf [64]byte
	for {
		rand.Read(buf[:])
		for _, b := range buf {
			// 248 is 4×62: larger bytes would favour the first characters.
			if b >= 248 {
				continue
			}
			if out = append(out, base62[b%62]); len(out) == cap(out) {
				return string(out)
			}
		}
	}
}

// HashKey is how an API key is kept and looked up. Keys are random, so a slow hash
// would protect nothing.
func HashKey(key string) [32]byte { return sha256.Sum256([]byte(key)) }
