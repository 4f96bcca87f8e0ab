package blackbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// peal runs a command to its end.
func peal(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env, cmd.Dir = environment(), t.TempDir()
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

func TestPlaygroundOnce(t *testing.T) {
	t.Parallel()
	stdout, stderr, code := peal(t, "dev", "--once")
	if code != 0 {
		t.Fatalf("peal dev --once ended with %d\n%s\n%s", code, stdout, stderr)
	}
	for _, profile := range profiles {
		if !strings.Contains(stdout, profile) {
			t.Errorf("its table does not name %s:\n%s", profile, stdout)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if stdout, stderr, code := peal(t, "version"); code != 0 || strings.TrimSpace(stdout) == "" {
		t.Errorf("peal version: %d %q %q", code, stdout, stderr)
	}
}

// SIGTERM lets what runs finish, exits 0, and leaves the rest for the next start.
func TestTerminateDrains(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := newReceiver(t, func(int) int {
		time.Sleep(100 * time.Millisecond)
		return 200
	})
	s.Admin().Endpoint(t, r.URL, "max_in_flight", 4)

	var (
		mu       sync.Mutex
		accepted = map[string]bool{}
		wg       sync.WaitGroup
		first    = make(chan struct{})
		once     sync.Once
	)
	c := s.Admin()
	for w := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				a, err := c.Do("POST", "/v1/events", object{"type": "x", "data": object{"n": n, "w": w}})
				if err != nil {
					return // the server has gone
				}
				if a.Status == 202 {
					var o struct{ ID string }
					if json.Unmarshal(a.Body, &o) == nil {
						mu.Lock()
						accepted[o.ID] = true
						if len(accepted) >= 100 {
							once.Do(func() { close(first) })
						}
						mu.Unlock()
					}
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	select {
	case <-first:
	case <-time.After(patience):
		t.Fatal("100 events were not accepted")
	}
	if err := s.Terminate(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	before := len(r.Got())
	s.Start(t)
	eventually(t, func() error {
		got := map[string]bool{}
		for _, a := range r.Got() {
			got[a.Header.Get("webhook-id")] = true
		}
		for id := range accepted {
			if !got[id] {
				return fmt.Errorf("%s is missing, %d of %d arrived", id, len(got), len(accepted))
			}
		}
		return nil
	})
	// In an orderly end nothing was cut off, so nothing came twice.
	if n := len(r.Got()); n != len(accepted) {
		t.Errorf("%d requests for %d events, %d of them before the restart", n, len(accepted), before)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	second := &server{Dir: s.Dir, flags: s.flags}
	if err := second.start(); err == nil {
		second.Kill()
		t.Fatal("a second server started on the same database")
	}
	if code := second.cmd.ProcessState.ExitCode(); code <= 0 {
		t.Errorf("the second server ended with %d", code)
	}
	if len(bytes.TrimSpace(second.log.All())) == 0 {
		t.Error("the second server did not say why")
	}
	s.Admin().Call(t, 200, "GET", "/v1/endpoints", nil)
}

// A copy of the stopped server's directory is a backup: it holds what still waits,
// and what is sealed can be read.
func TestBackupKeepsWhatWaits(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := newReceiver(t, nil)
	c := s.Admin()
	ep := c.Endpoint(t, r.URL)
	c.Call(t, 200, "POST", "/v1/endpoints/"+text(ep, "id")+"/pause", nil)
	const n = 20
	for i := range n {
		c.Publish(t, "x", object{"n": i})
	}
	if err := s.Terminate(); err != nil {
		t.Fatal(err)
	}
	restored := &server{Dir: filepath.Join(t.TempDir(), "restored"), flags: s.flags}
	if out, err := exec.Command("cp", "-a", s.Dir, restored.Dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	restored.Start(t)
	t.Cleanup(restored.Kill)
	restored.Admin().Call(t, 200, "POST", "/v1/endpoints/"+text(ep, "id")+"/resume", nil)
	for _, a := range r.Wait(t, n) {
		verified(t, "standard", text(ep, "secret"), a)
	}
}

func TestServedDescriptionIsTheCommittedOne(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	raw, err := os.ReadFile(filepath.Join(root, "api/openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	var committed, served object
	decode(t, raw, &committed)
	decode(t, c.As("").Try(t, "GET", "/openapi.json", nil).Body, &served)
	if !reflect.DeepEqual(committed, served) {
		t.Error("/openapi.json differs from api/openapi.json: run make generate")
	}
	if v := text(served, "openapi"); !strings.HasPrefix(v, "3.1") {
		t.Errorf("OpenAPI version %q", v)
	}
	if a := c.As("").Try(t, "GET", "/docs", nil); a.Status != 200 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		t.Errorf("/docs: %d %v", a.Status, a.Header)
	}
}

func TestHealthAndMetrics(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t).As("")
	for _, path := range []string{"/healthz", "/readyz"} {
		if a := c.Try(t, "GET", path, nil); a.Status != 200 {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	a := c.Try(t, "GET", "/metrics", nil)
	if a.Status != 200 || !bytes.Contains(a.Body, []byte("\npeal_")) {
		t.Errorf("/metrics: %d %s", a.Status, clip(a.Body))
	}
}
