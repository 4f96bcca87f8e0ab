package scheme

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// missingProgram skips the test, or fails it where all it needs has to be there.
func missingProgram(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("PEAL_TEST_REQUIRE") != "" {
		t.Fatalf("%s is missing", what)
	}
	t.Skipf("%s is missing; make test installs it", what)
}

// TestProvidersSign lets the providers' own libraries sign all kinds of bodies with
// all kinds of secrets.
func TestProvidersSign(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		missingProgram(t, "node")
	}
	if os.Getenv("PEAL_NPM_DIR") == "" {
		missingProgram(t, "PEAL_NPM_DIR, where npm's packages are,")
	}
	cmd := exec.CommandContext(t.Context(), node, "testdata/signers.mjs")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait() // what went wrong has shown in the answers
	})
	ask, answer := json.NewEncoder(in), json.NewDecoder(out)

	set := All(nil)
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom([]string{"peal", "github", "standard"}).Draw(rt, "scheme")
		secret := rapid.StringMatching(`[!-~ü€]{1,80}`).Draw(rt, "secret")
		if name == "standard" {
			secret = "whsec_" + base64.StdEncoding.EncodeToString(rapid.SliceOfN(rapid.Byte(), 24, 64).Draw(rt, "key"))
		}
		// octokit refuses to sign nothing, and Node reads what is not UTF-8 otherwise.
		body := strings.ToValidUTF8(rapid.StringN(1, 200, -1).Draw(rt, "body"), "x")
		question := map[string]any{"scheme": name, "secret": secret, "body": body, "seconds": at.Unix()}
		if err := ask.Encode(question); err != nil {
			rt.Fatal(err)
		}
		var headers map[string]string
		if err := answer.Decode(&headers); err != nil {
			rt.Fatal(err)
		}
		r := &Request{Header: http.Header{}, Body: []byte(body), Now: at}
		for key, value := range headers {
			r.Header.Set(key, value)
		}
		s, _ := set.Get(name)
		c := Config{Secrets: []string{secret}}
		if err := s.Check(c); err != nil {
			rt.Fatal(err)
		}
		if _, err := s.Verify(t.Context(), r, c); err != nil {
			rt.Fatalf("refused: %v", err)
		}
		i := rapid.IntRange(0, len(body)-1).Draw(rt, "changed")
		r.Body[i] ^= 1
		if _, err := s.Verify(t.Context(), r, c); err == nil {
			rt.Fatal("accepted with a byte changed")
		}
	})
}
