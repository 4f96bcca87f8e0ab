package blackbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"testing"
)

// Profiles are served on a listener of their own, which only this machine reaches, and
// say nothing of keys.
func TestProfiles(t *testing.T) {
	t.Parallel()
	s := newServer(t, append([]string{"--pprof", "127.0.0.1:0"}, loopback...)...)
	var at string
	eventually(t, func() error {
		for line := range bytes.Lines(s.log.All()) {
			var entry struct{ Msg, URL string }
			if json.Unmarshal(line, &entry) == nil && entry.Msg == "serving profiles" {
				at = entry.URL
				return nil
			}
		}
		return errors.New("no address in the log")
	})
	for path, want := range map[string]int{"": 200, "heap": 200, "profile?seconds=1": 200, "goroutine?debug=2": 200, "cmdline": 404} {
		res, err := plain.Get(at + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want || len(body) == 0 || bytes.Contains(body, []byte(adminKey)) {
			t.Errorf("%s: %d with %d bytes", path, res.StatusCode, len(body))
		}
	}
	if a := s.Admin().Try(t, "GET", "/debug/pprof/", nil); a.Status != 404 {
		t.Errorf("the public listener answers %d", a.Status)
	}

	public := exec.Command(binary, "serve", "--pprof", "0.0.0.0:0", "--database", "sqlite:"+t.TempDir()+"/peal.db")
	public.Env = environment()
	out, err := public.CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("pprof must be HOST:PORT on a loopback address")) {
		t.Errorf("a public address: %v, %s", err, out)
	}
}
