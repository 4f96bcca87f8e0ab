package api

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/peal"
)

// hidden are what no answer may hold.
var hidden = []string{"xyzzy", "xoxb-plugh"}

// shows makes a call whose answer shows a channel, and checks that it holds no secret.
func (s *server) shows(method, path, body string, status int) map[string]any {
	s.t.Helper()
	r := s.call(adminKey, method, path, body)
	for _, secret := range hidden {
		if strings.Contains(r.Body, secret) {
			s.t.Errorf("%s %s shows a secret: %s", method, path, r.Body)
		}
	}
	return r.want(status)
}

func TestChannelsKeepTheirSecrets(t *testing.T) {
	s := newServer(t)
	base := strings.TrimSuffix(s.target, "/hooks")
	redacted := base + "/***"
	for _, tc := range []struct {
		create string
		shown  map[string]any
		config string // as it is kept
	}{
		{`"type":"slack","url":"` + base + `/services/xyzzy"`, map[string]any{"url": redacted}, `{"url":"` + base + `/services/xyzzy"}`},
		{`"type":"slack","config":{"token":"xoxb-plugh","channel":"C1"}`, map[string]any{"token": "***", "channel": "C1"}, `{"token":"xoxb-plugh","channel":"C1"}`},
		{
			`"type":"teams","config":{"url":"` + base + `/xyzzy","card":"bare","title":"{{ event.title }}!"}`,
			map[string]any{"url": redacted, "card": "bare", "title": "{{ event.title }}!"},
			`{"url":"` + base + `/xyzzy","card":"bare","title":"{{ event.title }}!"}`,
		},
	} {
		made := s.shows("POST", "/v1/endpoints", `{`+tc.create+`}`, 201)
		if diff := cmp.Diff(tc.shown, made["config"]); diff != "" {
			t.Errorf("%s: config (-want +got):\n%s", tc.create, diff)
		}
		url, _ := tc.shown["url"].(string)
		if made["url"] != url || made["profile"] != "standard" || made["secret"] != nil {
			t.Errorf("%s: %v", tc.create, made)
		}
		id := made["id"].(string)
		kept := func(when string) {
			t.Helper()
			var got, want map[string]any
			ep := s.stored(id)
			if err := json.Unmarshal(ep.Private.Config, &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(tc.config), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" || ep.URL != "" {
				t.Errorf("%s %s: url %q, config (-want +got):\n%s", tc.create, when, ep.URL, diff)
			}
		}
		kept("made")
		// A client that sends back what it was shown changes nothing.
		read := s.shows("GET", "/v1/endpoints/"+id, "", 200)
		back, err := json.Marshal(map[string]any{"name": "new", "url": read["url"], "config": read["config"], "headers": read["headers"]})
		if err != nil {
			t.Fatal(err)
		}
		if url == "" {
			back = []byte(strings.Replace(string(back), `,"url":""`, "", 1))
		}
		s.shows("PATCH", "/v1/endpoints/"+id, string(back), 200)
		kept("sent back")
		s.shows("GET", "/v1/endpoints", "", 200)
		s.shows("GET", "/nemo/channel/list", "", 200)
		s.shows("POST", "/nemo/channel/update", `{"id":"`+id+`","config":`+string(must[[]byte](t)(json.Marshal(tc.shown)))+`}`, 200)
		kept("sent back to nemo")
		s.call(adminKey, "PATCH", "/v1/endpoints/"+id, `{"config":{"pigeon":"x"}}`).problem(400, peal.CodeInvalid)
	}
	// What is hidden cannot be given to an endpoint that does not have it.
	for _, body := range []string{
		`{"type":"slack","config":{"token":"***","channel":"C1"}}`, `{"type":"slack","url":"` + redacted + `"}`, `{"type":"slack"}`, `{"type":"teams","config":{"card":1}}`,
		`{"type":"slack","url":"` + s.target + `","secret":"x"}`, `{"type":"slack","url":"` + s.target + `","headers":{"X":"y"}}`,
	} {
		s.call(adminKey, "POST", "/v1/endpoints", body).problem(400, peal.CodeInvalid)
	}
}

func TestChangeASecretURL(t *testing.T) {
	s := newServer(t)
	id := s.call(adminKey, "POST", "/v1/endpoints", `{"type":"slack","url":"`+s.target+`"}`).want(201)["id"].(string)
	s.call(adminKey, "PATCH", "/v1/endpoints/"+id, `{"url":"`+s.target+`/new","config":{"url":"`+strings.TrimSuffix(s.target, "hooks")+`***"}}`).want(200)
	if got := string(s.stored(id).Private.Config); got != `{"url":"`+s.target+`/new"}` {
		t.Errorf("config %s", got)
	}
	s.call(adminKey, "PATCH", "/v1/endpoints/"+id, `{"config":{"url":null,"token":"xoxb-plugh","channel":"C1"}}`).want(200)
	if got := string(s.stored(id).Private.Config); got != `{"channel":"C1","token":"xoxb-plugh"}` {
		t.Errorf("config %s", got)
	}
	s.call(adminKey, "PATCH", "/v1/endpoints/"+id, `{"config":{"channel":null}}`).problem(400, peal.CodeInvalid)
}

func TestAHiddenSigningSecretStays(t *testing.T) {
	s := newServer(t)
	id := s.newEndpoint(adminKey, `,"profile":"nemo","secret":"plugh"`)
	s.call(adminKey, "PATCH", "/v1/endpoints/"+id, `{"config":{"secret":"***"}}`).want(200)
	if got := s.stored(id).Private.Secrets[0].Value; got != "plugh" {
		t.Errorf("the secret is %q", got)
	}
}

// TestNemoTakesEveryChannel runs a channel of each kind that posts to a URL through the
// whole surface.
func TestNemoTakesEveryChannel(t *testing.T) {
	s := newServer(t)
	for _, kind := range []string{"slack", "teams"} {
		body := `{"name":"n","channel_type":"` + kind + `","config":{"url":"` + s.target + `/xyzzy"}}`
		if result := s.shows("POST", "/nemo/channel/test", body, 200); result["success"] != true || result["message"] != "Delivered: the receiver answered 200." {
			t.Errorf("%s: %v", kind, result)
		}
		id := s.shows("POST", "/nemo/channel/new", body, 200)["id"].(string)
		if ep := s.stored(id); ep.Kind != kind || ep.Profile != "nemo" {
			t.Errorf("%+v", ep)
		}
		s.shows("POST", "/nemo/channel/bind", `{"id":"`+id+`","event_types":["order.*"]}`, 200)
		test := s.shows("POST", "/v1/endpoints/"+id+"/test", `{"type":"budget.exceeded"}`, 200)
		if test["success"] != true {
			t.Errorf("%s: %v", kind, test)
		}
		delivery := s.shows("GET", "/v1/deliveries/"+test["delivery_id"].(string), "", 200)
		if delivery["status"] != "succeeded" || delivery["endpoint_id"] != id {
			t.Errorf("%v", delivery)
		}
		payload := s.call(adminKey, "GET", "/v1/deliveries/"+test["delivery_id"].(string)+"/payload", "")
		if payload.want(200); payload.Header.Get("Content-Type") != "application/json; charset=utf-8" || !strings.Contains(payload.Body, "Daily budget exceeded") {
			t.Errorf("payload %s", payload.Body)
		}
		// Other words make other bytes, and those that were sent are not told wrongly.
		s.shows("POST", "/nemo/channel/update", `{"id":"`+id+`","config":{"title":"Other"}}`, 200)
		s.call(adminKey, "GET", "/v1/deliveries/"+test["delivery_id"].(string)+"/payload", "").problem(410, peal.CodeGone)
		s.shows("POST", "/nemo/channel/delete", `{"id":"`+id+`"}`, 200)
	}
}

func TestATestTellsWhatIsWrong(t *testing.T) {
	s := newServer(t)
	answers := func(status int, body string) string {
		srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		t.Cleanup(srv.Close)
		return srv.URL
	}
	noTLS := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(noTLS.Close)
	nobody := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	if err := nobody.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ url, want string }{
		{"https://" + nobody.Addr().String(), "Not delivered: connection refused."},
		{"https" + strings.TrimPrefix(noTLS.URL, "http"), "Not delivered: TLS handshake failed: the receiver does not speak TLS."},
		{answers(401, ""), "so it refuses the credentials"},
		{answers(404, "<html>"), "so there is nothing at this address"},
		{answers(404, "no_service"), "Not delivered: refused by Slack: the webhook was removed, or its URL is not complete (no_service)."},
		{answers(503, ""), "so it has a fault of its own"},
	} {
		config := `{"channel_type":"slack","config":{"url":"` + tc.url + `/xyzzy"}}`
		result := s.shows("POST", "/nemo/channel/test", config, 200)
		if result["success"] != false || !strings.Contains(result["message"].(string), tc.want) {
			t.Errorf("%v, want %q", result, tc.want)
		}
		id := s.shows("POST", "/v1/endpoints", `{"type":"slack","url":"`+tc.url+`/xyzzy"}`, 201)["id"].(string)
		if again := s.shows("POST", "/v1/endpoints/"+id+"/test", "", 200); again["message"] != result["message"] {
			t.Errorf("the endpoint's test says %v", again)
		}
	}
	if strings.Contains(s.log.String(), "xyzzy") {
		t.Errorf("a secret is logged: %s", s.log)
	}
}
