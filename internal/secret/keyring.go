package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
)

// KeySize is the length of a sealing key in bytes.
const KeySize = 32

// A sealed value is
//
//	version (1 byte, 1) | key id (8 bytes) | nonce (12 bytes) | ciphertext and tag
//
// under AES-256-GCM, with the first two fields and the caller's context as
// additional data. The key id is the start of the SHA-256 of the key.
const (
	sealVersion = 1
	keyIDSize   = 8
	headerSize  = 1 + keyIDSize
)

var (
	// ErrUnknownKey says that a value was sealed with a key which the ring lacks.
	ErrUnknownKey = errors.New("secret: sealed with a key that is not in the ring")
	// ErrCorrupt says that a value was changed, cut, or sealed for another context.
	ErrCorrupt = errors.New("secret: the sealed value was changed or belongs elsewhere")
)

// Keyring seals with its first key and opens with all of them, so that a key is
// changed by putting the new one in front. It is safe for concurrent use.
type Keyring struct {
	current keyID
	keys    map[keyID]cipher.AEAD
}

type keyID [keyIDSize]byte

// NewKeyring makes a ring of keys of KeySize bytes; the first one seals.
func NewKeyring(key []byte, older ...[]byte) (*Keyring, error) {
	k := &Keyring{current: idOf(key), keys: make(map[keyID]cipher.AEAD, 1+len(older))}
	for _, raw := range append([][]byte{key}, older...) {
		if len(raw) != KeySize {
			return nil, fmt.Errorf("secret: a key has %d bytes, got %d", KeySize, len(raw))
		}
		block, err := aes.NewCipher(raw)
		if err != nil {
			return nil, fmt.Errorf("secret: %w", err)
		}
		if k.keys[idOf(raw)], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, fmt.Errorf("secret: %w", err)
		}
	}
	return k, nil
}

func idOf(key []byte) keyID {
	sum := sha256.Sum256(key)
	return keyID(sum[:keyIDSize])
}

// Seal encrypts plain for one context, such as the id of the object that it belongs
// to; it opens again only under the same context.
func (k *Keyring) Seal(plain, context []byte) []byte {
	aead := k.keys[k.current]
	out := make([]byte, 0, headerSize+len(plain)+aead.Overhead())
	out = append(out, sealVersion)
	out = append(out, k.current[:]...)
	return aead.Seal(out, nil, plain, additional(out, context))
}

// Open decrypts what Seal made. It fails with ErrUnknownKey or ErrCorrupt.
func (k *Keyring) Open(sealed, context []byte) ([]byte, error) {
	if len(sealed) < headerSize || sealed[0] != sealVersion {
		return nil, ErrCorrupt
	}
	aead, ok := k.keys[keyID(sealed[1:headerSize])]
	if !ok {
		return nil, ErrUnknownKey
	}
	plain, err := aead.Open(nil, nil, sealed[headerSize:], additional(sealed[:headerSize], context))
	if err != nil {
		return nil, ErrCorrupt
	}
	return plain, nil
}

func additional(header, context []byte) []byte {
	out := make([]byte, 0, len(header)+len(context))
	return append(append(out, header...), context...)
}
