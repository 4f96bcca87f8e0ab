package receiver_test

import (
	"errors"
	"net/http"
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
