package secret

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, KeySize) }

func ring(t testing.TB, keys ...[]byte) *Keyring {
	t.Helper()
	k, err := NewKeyring(keys[0], keys[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealOpen(t *testing.T) {
	k := ring(t, key(1))
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		context := rapid.SliceOf(rapid.Byte()).Draw(t, "context")
		sealed := k.Seal(plain, context)
		got, err := k.Open(sealed, context)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("Open = %x, %v; want %x", got, err, plain)
		}
		if bytes.Equal(sealed, k.Seal(plain, context)) {
			t.Fatal("two seals of one value are equal")
		}

		if _, err := k.Open(sealed, append(context, 'x')); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("another context: %v", err)
		}
		i := rapid.IntRange(0, len(sealed)-1).Draw(t, "flipped byte")
		flipped := bytes.Clone(sealed)
		flipped[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "flipped bit")
		if _, err := k.Open(flipped, context); err == nil {
			t.Fatalf("opened with byte %d changed", i)
		}
		cut := rapid.IntRange(0, len(sealed)-1).Draw(t, "cut")
		if _, err := k.Open(sealed[:cut], context); err == nil {
			t.Fatalf("opened when cut to %d bytes", cut)
		}
	})
}

func TestKeyChange(t *testing.T) {
	old, both, next := ring(t, key(1)), ring(t, key(2), key(1)), ring(t, key(2))
	context := []byte("ep_1")
	sealed := old.Seal([]byte("whsec"), context)
	if got, err := both.Open(sealed, context); err != nil || string(got) != "whsec" {
		t.Errorf("the older key opens %q, %v", got, err)
	}
	if _, err := next.Open(sealed, context); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("without the older key: %v", err)
	}
	resealed := both.Seal([]byte("whsec"), context)
	if got, err := next.Open(resealed, context); err != nil || string(got) != "whsec" {
		t.Errorf("the first key seals: %q, %v", got, err)
	}
	if _, err := old.Open(resealed, context); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("the old ring alone: %v", err)
	}
}

func TestNewKeyringSize(t *testing.T) {
	for _, k := range [][]byte{nil, key(1)[:31], append(key(1), 1)} {
		if _, err := NewKeyring(k); err == nil {
			t.Errorf("a key of %d bytes was taken", len(k))
		}
		if _, err := NewKeyring(key(1), k); err == nil {
			t.Errorf("an older key of %d bytes was taken", len(k))
		}
	}
}

func FuzzOpen(f *testing.F) {
	k := ring(f, key(1))
	f.Add(k.Seal([]byte("plain"), []byte("context")), []byte("other"))
	f.Add([]byte{sealVersion}, []byte(nil))
	f.Fuzz(func(t *testing.T, sealed, context []byte) {
		if plain, err := k.Open(sealed, context); err == nil {
			t.Fatalf("opened %q from what was not sealed for this context", plain)
		}
	})
}
