package receiver_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/smtp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/receiver"
	"github.com/peal-dev/peal/webhook"
)

func TestReceiverVerifiesEveryProfile(t *testing.T) {
	const body = `{"data":{"n":1}}`
	arrivals := make(chan receiver.Arrival, 1)
	r, err := receiver.Start(t.Context(), func(a receiver.Arrival) { arrivals <- a })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, profile := range receiver.Profiles() {
		url, secret := r.Add(profile, profile)
		scheme, ok := receiver.Scheme(profile)
		if !ok {
			t.Fatalf("no scheme for %s", profile)
		}
		now := time.Now()
		signature, err := scheme.Sign(webhook.Message{ID: "evt_1", Timestamp: now, Body: []byte(body)}, secret)
		if err != nil {
			t.Fatal(err)
		}
		for _, sent := range []struct {
			body   string
			status int
			err    error
		}{
			{body, http.StatusOK, nil},
			{strings.Replace(body, "1", "2", 1), http.StatusUnauthorized, webhook.ErrSignature},
		} {
			req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(sent.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("webhook-id", "evt_1")
			req.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
			req.Header.Set(scheme.Format().Header, signature)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != sent.status {
				t.Errorf("%s, body %s: status %d, want %d", profile, sent.body, resp.StatusCode, sent.status)
			}
			a := <-arrivals
			if !errors.Is(a.Err, sent.err) || a.Profile != profile || a.ID != "evt_1" || string(a.Body) != sent.body {
				t.Errorf("%s: arrival %+v, want error %v", profile, a, sent.err)
			}
		}
	}
	known, _ := r.Add("known", "nemo")
	resp, err := http.Post(known+"-not", "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown target answers %d", resp.StatusCode)
	}
}

func TestReceiverVerifiesMessages(t *testing.T) {
	good := map[string]string{
		"slack": `{"text":"a","blocks":[{"type":"header"}]}`,
		"email": "Subject: a\r\nMessage-ID: <a@b>\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n",
		"jira":  `{"fields":{"summary":"a","description":{"type":"doc"}}}`,
		"teams": `{"type":"message","attachments":[{"content":{"type":"AdaptiveCard"}}]}`,
	}
	for _, kind := range receiver.Channels() {
		if err := receiver.VerifyMessage(kind, []byte(good[kind])); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		for _, bad := range []string{"{}", "", `{"type":"x","text":"a"}`} {
			if receiver.VerifyMessage(kind, []byte(bad)) == nil {
				t.Errorf("%s takes %s", kind, bad)
			}
		}
	}
	arrivals := make(chan receiver.Arrival, 1)
	r, err := receiver.Start(t.Context(), func(a receiver.Arrival) { arrivals <- a })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	resp, err := http.Post(r.AddChannel("slack")["url"].(string), "application/json", strings.NewReader(good["slack"]))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if a := <-arrivals; resp.StatusCode != http.StatusOK || a.Err != nil || a.Profile != "slack" {
		t.Errorf("status %d, arrival %+v", resp.StatusCode, a)
	}
}

// start gives a receiver and what arrives there.
func start(t *testing.T) (*receiver.Receiver, chan receiver.Arrival) {
	t.Helper()
	arrivals := make(chan receiver.Arrival, 10)
	r, err := receiver.Start(t.Context(), func(a receiver.Arrival) { arrivals <- a })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, arrivals
}

func TestReceiverPlaysJira(t *testing.T) {
	r, arrivals := start(t)
	config := r.AddChannel("jira")
	token := config["token"].(string)
	issue := `{"fields":{"project":{"key":"PEAL"},"summary":"a","description":{"type":"doc"},"labels":["peal-1"]}}`
	for _, step := range []struct {
		token, path, body string
		status            int
		answer            string
		news              bool
	}{
		{"wrong", "/issue", issue, 401, "", false},
		{token, "/search/jql", `{"jql":"labels = \"peal-1\""}`, 200, `{"issues":[]}`, false},
		{token, "/search/jql", `{"jql":"project = x"}`, 400, "names no label", false},
		{token, "/issue", issue, 201, `{"key":"PEAL-1"}`, true},
		{token, "/search/jql", `{"jql":"labels = \"peal-1\""}`, 200, `"PEAL-1"`, false},
		{token, "/issue/PEAL-1/comment", `{"body":{"type":"doc"}}`, 201, "", true},
		{token, "/issue/PEAL-1/comment", `{"body":{"type":"x"}}`, 400, "no document", true},
		{token, "/issue/PEAL-2/comment", `{"body":{"type":"doc"}}`, 404, "", false},
		{token, "/issue", strings.Replace(issue, "PEAL", "X", 1), 400, "no such project", true},
	} {
		req, err := http.NewRequest(http.MethodPost, config["url"].(string)+"/rest/api/3"+step.path, strings.NewReader(step.body))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(config["email"].(string), step.token)
		req.Header.Set("webhook-id", "evt_1")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != step.status || !strings.Contains(string(body), step.answer) {
			t.Errorf("%s %s: status %d, %s, %v", step.path, step.body, resp.StatusCode, body, err)
		}
		if len(arrivals) != map[bool]int{true: 1}[step.news] {
			t.Fatalf("%s %s: %d arrivals", step.path, step.body, len(arrivals))
		}
		if step.news {
			if a := <-arrivals; a.ID != "evt_1" || a.Profile != "jira" || string(a.Body) != step.body {
				t.Errorf("arrival %+v", a)
			}
		}
	}
}

func TestReceiverTakesMail(t *testing.T) {
	r, arrivals := start(t)
	config := r.AddChannel("email")
	addr := net.JoinHostPort(config["host"].(string), strconv.Itoa(config["port"].(int)))
	const good = "Subject: a\r\nMessage-ID: <a@b>\r\nX-Peal-Event: evt_1\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n"
	for _, body := range []string{good, "Subject: a\r\n\r\n"} {
		err := smtp.SendMail(addr, nil, "a@example.com", []string{"b@example.com"}, []byte(body))
		a := <-arrivals
		if (err == nil) != (body == good) || (a.Err == nil) != (body == good) || a.Profile != "email" || string(a.Body) != body {
			t.Errorf("%q: %v, arrival %+v", body, err, a)
		}
		if body == good && a.ID != "evt_1" {
			t.Errorf("the event is %q", a.ID)
		}
	}
}

// A receiver that is closed at once has not begun to serve.
func TestReceiverClosesAtOnce(t *testing.T) {
	for range 50 {
		r, err := receiver.Start(t.Context(), func(receiver.Arrival) {})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
