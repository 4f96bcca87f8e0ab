package secret

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestParseKey(t *testing.T) {
	want := bytes.Repeat([]byte{0xfb, 0xff}, KeySize/2) // + and / in the standard alphabet
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		got, err := ParseKey(" " + enc.EncodeToString(want) + "\n")
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("ParseKey = %x, %v", got, err)
		}
	}
	for _, text := range []string{"", "hunter2", strings.Repeat("!", 44), base64.StdEncoding.EncodeToString(want[:31])} {
		_, err := ParseKey(text)
		if err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("ParseKey(%q): %v", text, err)
		}
	}
}

func TestLoadOrCreateKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peal.key")
	keys := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range keys { // as processes that start at once
		wg.Go(func() {
			k, err := LoadOrCreateKeyFile(path)
			if err != nil {
				t.Error(err)
			}
			keys[i] = k
		})
	}
	wg.Wait()
	for _, k := range keys {
		if len(k) != KeySize || !bytes.Equal(k, keys[0]) {
			t.Fatalf("keys differ: %x", keys)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestLoadOrCreateKeyFileRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := base64.StdEncoding.EncodeToString(key(1))
	for name, path := range map[string]string{
		"chmod 600":  write("open", good, 0o644),
		"base64":     write("broken", "not a key", 0o600),
		"no such":    filepath.Join(dir, "missing", "peal.key"),
		"32 bytes, ": write("empty", "", 0o600),
	} {
		before, _ := os.ReadFile(path)
		if _, err := LoadOrCreateKeyFile(path); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", path, err)
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
			t.Errorf("%s was rewritten", path)
		}
	}
	if _, err := LoadOrCreateKeyFile(write("group", good, 0o640)); err != nil {
		t.Error(err)
	}
}
