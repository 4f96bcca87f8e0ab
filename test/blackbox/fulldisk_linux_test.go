package blackbox

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// A full disk is told to the publisher as a problem; what was accepted stays, and
// when there is room again, all goes on without a restart.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if os.Getuid() != 0 {
		required(t, "a small file system can be mounted by root alone")
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		required(t, "mounting a small file system: %v", err)
	}
	s := &server{Dir: dir, flags: loopback}
	s.Start(t)
	t.Cleanup(func() {
		s.Kill()
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the server's last lines:\n%s", s.log.Tail())
		}
	})
	r := newReceiver(t, nil)
	c := s.Admin()
	ep := c.Endpoint(t, r.URL)
	c.Call(t, 200, "POST", "/v1/endpoints/"+text(ep, "id")+"/pause", nil)

	accepted := map[string]bool{}
	body := object{"type": "x", "data": object{"pad": strings.Repeat("x", 200<<10)}}
	refused := 0
	for range 300 {
		a := c.Try(t, "POST", "/v1/events", body)
		if a.Status == 202 {
			accepted[text(a.Object(t), "id")] = true
			continue
		}
		if a.Status != 503 && a.Status != 429 || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Fatalf("on a full disk: %d %v %s", a.Status, a.Header, clip(a.Body))
		}
		if refused++; refused == 5 {
			break
		}
	}
	if refused == 0 || len(accepted) == 0 {
		t.Fatalf("%d events were accepted and %d refused on 24 MiB", len(accepted), refused)
	}
	c.Call(t, 200, "GET", "/v1/endpoints", nil) // reading still works

	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=400m"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		a := c.Try(t, "POST", "/v1/events", body)
		if a.Status != 202 {
			return fmt.Errorf("with room again: %d %s", a.Status, clip(a.Body))
		}
		accepted[text(a.Object(t), "id")] = true
		return nil
	})
	c.Call(t, 200, "POST", "/v1/endpoints/"+text(ep, "id")+"/resume", nil)
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
}
