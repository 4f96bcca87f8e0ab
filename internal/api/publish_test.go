package api

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/peal-dev/peal/internal/peal"
)

func TestPublish(t *testing.T) {
	s := newServer(t)
	key := s.key("acme", peal.Publisher)
	s.newEndpoint(s.key("acme", peal.Admin), `,"events":["order.*"]`)

	one := s.call(key, "POST", "/v1/events", `{"type":"order.paid","data":{"n":1}}`)
	got := one.want(202)
	if !strings.HasPrefix(got["id"].(string), "evt_") || got["deliveries"] != 1.0 || got["duplicate"] != false || len(got) != 3 {
		t.Errorf("one: %s", one.Body)
	}
	if ct := one.Header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("content type %q", ct)
	}
	own := s.call(key, "POST", "/v1/events", `{"id":"a \"b\"/é","type":"other","data":{}}`).want(202)
	if own["id"] != `a "b"/é` || own["deliveries"] != 0.0 {
		t.Errorf("a publisher's own id: %v", own)
	}
	event := s.call(key, "GET", "/v1/events/a%20%22b%22%2F%C3%A9", "").want(200)
	if event["id"] != `a "b"/é` || !strings.HasPrefix(event["webhook_id"].(string), "evt_") {
		t.Errorf("found by its own id: %v", event)
	}

	if again := s.call(key, "POST", "/v1/events", `{"id":"`+got["id"].(string)+`","type":"other"}`).want(202); again["id"] != got["id"] || again["duplicate"] != false {
		t.Errorf("a publisher's own id of the server's form, and no data: %v", again)
	}

	batch := s.call(key, "POST", "/v1/events", ` [{"type":"order.paid","data":{}},{"type":"x","data":{}}]`).want(202)["data"].([]any)
	if len(batch) != 2 || batch[0].(map[string]any)["deliveries"] != 1.0 || batch[1].(map[string]any)["deliveries"] != 0.0 {
		t.Errorf("a batch: %v", batch)
	}
	if p := s.call(key, "POST", "/v1/events", `[{"type":"a","data":{}},{"type":"b","data":7}]`).problem(400, peal.CodeInvalid); p.Field != "[1].data" {
		t.Errorf("the field of a batch: %q", p.Field)
	}
}

func TestPublishCloudEvents(t *testing.T) {
	s := newServer(t)
	const event = `{"specversion":"1.0","id":"%s","source":"shop","type":"order.paid","data":{"total":12}}`
	structured := s.call(adminKey, "POST", "/v1/events", fmt.Sprintf(event, "a"), "Content-Type", "application/cloudevents+json; charset=utf-8")
	if structured.want(202)["id"] != "a" {
		t.Error(structured.Body)
	}
	binary := s.call(adminKey, "POST", "/v1/events", `{"total":12}`, "ce-specversion", "1.0", "ce-id", "b", "ce-source", "shop", "ce-type", "order.paid")
	if binary.want(202)["id"] != "b" {
		t.Error(binary.Body)
	}
	batch := s.call(adminKey, "POST", "/v1/events", "["+fmt.Sprintf(event, "c")+","+fmt.Sprintf(event, "d")+"]", "Content-Type", "application/cloudevents-batch+json")
	if rows := batch.want(202)["data"].([]any); len(rows) != 2 {
		t.Error(batch.Body)
	}
	for _, id := range []string{"a", "b", "c", "d"} {
		got := s.call(adminKey, "GET", "/v1/events/"+id, "").want(200)
		if got["source"] != "shop" || got["data"].(map[string]any)["total"] != 12.0 {
			t.Errorf("%s: %v", id, got)
		}
	}
}

func TestIdempotency(t *testing.T) {
	s := newServer(t)
	const paid = `{"type":"order.paid","data":{"n":1}}`
	first := s.call(adminKey, "POST", "/v1/events", paid, "Idempotency-Key", "k").want(202)
	again := s.call(adminKey, "POST", "/v1/events", paid, "Idempotency-Key", "k").want(202)
	if again["id"] != first["id"] || again["duplicate"] != true || first["duplicate"] != false {
		t.Errorf("%v, then %v", first, again)
	}
	s.call(adminKey, "POST", "/v1/events", `{"type":"order.paid","data":{"n":2}}`, "Idempotency-Key", "k").problem(422, peal.CodeUnprocessable)
	s.call(adminKey, "POST", "/v1/events", paid, "Idempotency-Key", strings.Repeat("k", 300)).problem(400, peal.CodeInvalid)
}

// White space and escapes may make a body larger than the event in it.
func TestLimitIsTheEvents(t *testing.T) {
	s := newServer(t)
	padded := `{"type":"a","data":{` + strings.Repeat(" ", 5000) + `}}`
	s.call(adminKey, "POST", "/v1/events", padded).want(202)
	s.call(adminKey, "POST", "/v1/events", `{"type":"a","data":{`+strings.Repeat(" ", 10000)+`}}`).problem(413, peal.CodeTooLarge)
	event := `{"type":"a","data":{"x":"` + strings.Repeat("x", 3000) + `"}}`
	s.call(adminKey, "POST", "/v1/events", "["+strings.Repeat(event+",", 9)+event+"]").want(202)
	p := s.call(adminKey, "POST", "/v1/events", "["+strings.Repeat(event+",", 30)+event+"]").problem(413, peal.CodeTooLarge)
	if !strings.Contains(p.Detail, "4096 bytes") || !strings.Contains(p.Detail, "a batch 65536") {
		t.Errorf("the limits are not named: %s", p.Detail)
	}
}

func TestNumbersKeepTheirDigits(t *testing.T) {
	s := newServer(t)
	const data = `{"n":123456789012345678901234567890,"f":2.50,"e":1e5}`
	id := s.call(adminKey, "POST", "/v1/events", `{"type":"a","data":`+data+`}`).want(202)["id"].(string)
	if got := s.call(adminKey, "GET", "/v1/events/"+id, ""); !strings.Contains(got.Body, `"data":`+data) {
		t.Error(got.Body)
	}
}

// FuzzPublish looks for bodies and types that the server answers with a fault, or
// with anything but JSON.
func FuzzPublish(f *testing.F) {
	for _, body := range []string{
		`{"type":"a","data":{}}`, `[{"type":"a","data":{}}]`, `[]`, `{}`, `null`, ``, `{"type":"a","data":{"x":[1e400]}}`,
		`{"type":"a","data":{"\ud800":1}}`, `{"time":"0000-00-00T00:00:00Z"}`, "\x00", strings.Repeat("[", 200),
		`{"specversion":"1.0","id":"a","source":"b","type":"c","data_base64":"e30="}`,
	} {
		for _, contentType := range []string{"application/json", "application/cloudevents+json", "application/cloudevents-batch+json", "text/plain; x"} {
			f.Add(body, contentType, "", "")
		}
	}
	f.Add(`{}`, "application/json", "1.0", "%zz")
	s := newServer(f)
	f.Fuzz(func(t *testing.T, body, contentType, specversion, id string) {
		r := httptest.NewRequest("POST", "/v1/events", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+adminKey)
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Idempotency-Key", id)
		if specversion != "" {
			r.Header.Set("Ce-Specversion", specversion)
			r.Header.Set("Ce-Id", id)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 || w.Code < 202 || w.Code == 404 {
			t.Errorf("%d: %s", w.Code, w.Body)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d, not JSON: %q", w.Code, w.Body)
		}
	})
}
