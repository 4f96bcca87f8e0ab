package blackbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The functions that docs/receiving.md shows accept what Peal delivers, and refuse it
// with one byte changed, in every format.
func TestReceivingDocument(t *testing.T) {
	t.Parallel()
	const python = `
import json, sys
calls = json.load(sys.stdin)
print(json.dumps([globals()[c["function"]](base64.b64decode(c["body"]), c["headers"], c["secret"]) for c in calls]))
`
	const node = `
import fs from "node:fs";
const receivers = { standard, nemo, curate_me, nembl, nolxy };
const calls = JSON.parse(fs.readFileSync(0, "utf8"));
console.log(JSON.stringify(calls.map((c) => receivers[c.function](Buffer.from(c.body, "base64"), c.headers, c.secret))));
`
	type call struct {
		Function string            `json:"function"`
		Body     []byte            `json:"body"`
		Headers  map[string]string `json:"headers"`
		Secret   string            `json:"secret"`
	}
	var calls []call
	var want []bool
	c := sharedOrg(t)
	for _, profile := range profiles {
		r := newReceiver(t, nil)
		secret := secretFor(profile, "document")
		c.Endpoint(t, r.URL, "profile", profile, "secret", secret, "events", []string{profile + ".event"})
		c.Publish(t, profile+".event", json.RawMessage(`{"ü":"€","n":2.50}`), "subject", "42")
		a := r.Wait(t, 1)[0]
		good := call{strings.ReplaceAll(profile, "-", "_"), a.Body, map[string]string{}, secret}
		for name := range a.Header {
			good.Headers[strings.ToLower(name)] = a.Header.Get(name)
		}
		bad := good
		bad.Body = bytes.Clone(a.Body)
		bad.Body[len(bad.Body)/2] ^= 1
		calls, want = append(calls, good, bad), append(want, true, false)
	}
	input, err := json.Marshal(calls)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/receiving.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range []struct{ name, program, file, harness string }{
		{"python", "python3", "receiver.py", python},
		{"js", "node", "receiver.mjs", node},
	} {
		t.Run(language.program, func(t *testing.T) {
			if _, err := exec.LookPath(language.program); err != nil {
				required(t, "%s is not installed", language.program)
			}
			shown := regexp.MustCompile("(?ms)^```" + language.name + "\n(.*?)^```$").FindSubmatch(page)
			if shown == nil {
				t.Fatalf("the page shows no %s", language.name)
			}
			file := filepath.Join(t.TempDir(), language.file)
			if err := os.WriteFile(file, append(shown[1], language.harness...), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), language.program, file)
			cmd.Stdin, cmd.Env = bytes.NewReader(input), environment()
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, &stderr)
			}
			var got []bool
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("the receivers of %v say %v, want %v", profiles, got, want)
			}
		})
	}
}

// The receiver that the README shows takes what Peal delivers.
func TestReadmeReceiver(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		required(t, "python3 is not installed")
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?ms)^```python\n(.*?)^```$").FindSubmatch(readme)
	if shown == nil {
		t.Fatal("the README shows no receiver")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	_, port, _ := strings.Cut(address, ":")
	// It tells that it listens, and ends after one request.
	program := strings.ReplaceAll(string(shown[1]), "9000", port)
	program = strings.Replace(program, "http.server.HTTPServer(", "server = http.server.HTTPServer(", 1)
	program = strings.Replace(program, ".serve_forever()", "\nprint('listening', flush=True)\nserver.handle_request()", 1)

	secret := secretFor("standard", "readme")
	cmd := exec.CommandContext(t.Context(), "python3", "-c", program)
	cmd.Env = append(environment(), "SECRET="+secret)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "listening" {
		t.Fatalf("the receiver says %q", lines.Text())
	}
	c := sharedOrg(t)
	c.Endpoint(t, "http://"+address+"/hook", "secret", secret, "events", []string{"readme.event"})
	c.Publish(t, "readme.event", json.RawMessage(`{"total":120.5}`))
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "valid {") || !strings.Contains(lines.Text(), "120.5") {
		t.Errorf("the receiver says %q", lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
