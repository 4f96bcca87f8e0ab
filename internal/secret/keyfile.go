package secret

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ParseKey reads a sealing key: the base64 of KeySize bytes, in the standard or the
// URL alphabet, padded or not. The error never repeats the text.
func ParseKey(text string) ([]byte, error) {
	s := strings.TrimRight(strings.TrimSpace(text), "=")
	s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
	key, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("secret: a key is the base64 of %d bytes, as `openssl rand -base64 %d` prints it", KeySize, KeySize)
	}
	return key, nil
}

// LoadOrCreateKeyFile reads the key in a file and makes the file, readable by its
// owner alone, where there is none. A key is on disk before it is returned, and two
// processes that start at once end up with the same one.
func LoadOrCreateKeyFile(path string) ([]byte, error) {
	key, err := loadKeyFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := createKeyFile(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, createError(path, err)
	}
	return loadKeyFile(path)
}

// createError tells of the folder: the file that failed has a made-up name.
func createError(path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Errorf("secret: the key file %s cannot be made in its folder: %w", path, err)
}

func loadKeyFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("secret: key file: %w", err)
	}
	// The group may read it: a mounted volume's group is often granted that.
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("secret: key file %s is open to everyone; run chmod 600 on it", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("secret: key file: %w", err)
	}
	key, err := ParseKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return key, nil
}

// createKeyFile writes a whole file beside path and links it there, which fails
// with fs.ErrExist where another process was first.
func createKeyFile(path string) error {
	var key [KeySize]byte
	rand.Read(key[:])
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".peal-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(base64.StdEncoding.EncodeToString(key[:]) + "\n")
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
