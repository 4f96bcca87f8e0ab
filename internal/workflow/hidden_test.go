package workflow_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/peal-dev/peal/internal/peal"
)

// A secret reaches the receiver and nothing that is kept, however the receiver answers.
func TestSecretsAreHidden(t *testing.T) {
	w := newWorld(t)
	const token, number = "s3cr3t/\"ü & <x>\\", "1234567890123"
	w.secrets = map[string]string{"TOKEN": token, "NUMBER": number, "LONGER": token + "!", "UNUSED": "unused-value"}
	var mu sync.Mutex
	var got []string
	w.answer = func(rw http.ResponseWriter, r *http.Request, _ int) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprint(r.URL.Query().Get("t"), r.Header.Get("X-Api"), string(body)))
		rw.Header().Set("Set-Cookie", "session=of-the-answer")
		rw.Header().Set("X-Echo", url.QueryEscape(token))
		rw.Header().Set("X-Other", "kept")
		switch r.URL.Path {
		case "/text":
			rw.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(rw, "you said "+token+" and "+token+"!")
		case "/query":
			fmt.Fprint(rw, "you asked for "+r.URL.RawQuery)
		default:
			doc, _ := json.Marshal(map[string]any{"echo": token, token: []any{number, json.Number(number)}, "url": r.URL.String(), "fine": "yes", "unused": "unused-value"})
			rw.Write(doc)
		}
	}
	x := w.run(`
  - id: call
    uses: http
    with:
      url: "URL/json?t={{ secrets.NUMBER }}"
      headers: {X-Api: "key {{ secrets.NUMBER }}"}
      body: {token: "{{ secrets.TOKEN }}", both: "{{ secrets.LONGER }} {{ secrets.NUMBER }}"}
  - {id: again, uses: http, on_error: continue, with: {url: URL/text}}
  - {id: query, uses: http, with: {url: "URL/query?{{ secrets.TOKEN }}"}}
  - {id: mangled, uses: http, on_error: continue, with: {url: "URL/{{ secrets.TOKEN }}\u0001", method: "{{ secrets.TOKEN }}"}}
  - {id: tell, uses: publish, with: {type: x, data: {echo: "{{ steps.call.output.body.echo }}"}}}
  - {id: gone, uses: http, with: {url: "URL/{{ secrets.GONE }}"}}
`)
	mu.Lock()
	defer mu.Unlock()
	if len(got) < 2 || !strings.HasPrefix(got[0], number+"key "+number) || !strings.Contains(got[0], `s3cr3t/\"ü`) {
		t.Errorf("the receiver got %q", got)
	}
	if x.Status != peal.ExecutionFailed || !strings.Contains(x.Error, "there is no secrets.GONE") {
		t.Errorf("ended %s: %s", x.Status, x.Error)
	}
	kept, err := json.Marshal(x)
	w.check(err)
	text := string(kept)
	for _, s := range x.Steps {
		text += s.Error + string(s.Input) + string(s.Output)
	}
	raised, err := w.queue.Raised(t.Context(), 100)
	w.check(err)
	for _, r := range raised {
		text += string(r.Data)
	}
	text += string(w.events[0].Data)
	for _, bad := range []string{"s3cr3t", number, "of-the-answer", url.QueryEscape(token), url.PathEscape(token)} {
		if i := strings.Index(text, bad); i >= 0 {
			t.Errorf("%q is kept: …%s…", bad, text[max(0, i-100):min(len(text), i+100)])
		}
	}
	for _, good := range []string{`"echo":"***"`, `"fine":"yes"`, "key ***", "you said *** and ***", "you asked for ***", "unused-value", `"x-other":"kept"`} {
		if !strings.Contains(text, good) {
			t.Errorf("%s is not kept in\n%s", good, text)
		}
	}
}
