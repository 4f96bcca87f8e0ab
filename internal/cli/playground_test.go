package cli

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/peal-dev/peal/client"
	"github.com/peal-dev/peal/internal/catalogue"
	"github.com/peal-dev/peal/internal/receiver"
)

// A message about several events has the id of one: its line says for how many it stands.
func TestPlaygroundCountsTheEventsOfAMessage(t *testing.T) {
	const (
		listed   = `{"data":[{"id":"dlv_1","endpoint_id":"ep_1"},{"id":"dlv_2","endpoint_id":"ep_2","group_id":"grp_1"}],"next_cursor":null}`
		recorded = `{"id":"dlv_2","group_id":"grp_1","attempts":[{"number":1,"events":12}]}`
	)
	reads := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := listed
		if r.URL.Path == "/v1/deliveries/dlv_2" {
			if answer = recorded; reads == 0 { // its attempt is not recorded yet
				answer = `{"id":"dlv_2","group_id":"grp_1","attempts":[]}`
			}
			reads++
		}
		if _, err := w.Write([]byte(answer)); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	for kind, want := range map[string]string{"slack": "verified, tells 12 events\n", "teams": "verified\n", "standard": "verified\n"} {
		var out bytes.Buffer
		p := &playground{
			out: &out, client: &client.Client{BaseURL: server.URL}, types: map[string]string{"evt_1": "order.paid"},
			names: map[string]string{"ep_1": "teams", "ep_2": "slack"},
		}
		p.print(t.Context(), receiver.Arrival{Profile: kind, ID: "evt_1"})
		if !strings.HasSuffix(out.String(), want) {
			t.Errorf("%s: %q", kind, out.String())
		}
	}
}

func TestSampleEvents(t *testing.T) {
	samples := sampleEvents()
	sources := map[string]bool{}
	for i, e := range samples {
		data, err := json.Marshal(e.Data)
		if err != nil || len(data) < len(`{"a":1}`) {
			t.Errorf("%s: data %s, %v", e.Type, data, err)
		}
		known, ok := catalogue.Lookup(e.Type)
		source := "own"
		if ok {
			source = known.Source
		}
		if i < roundSize && sources[source] {
			t.Errorf("the round has two events of %s", source)
		}
		sources[source] = true
	}
	if len(sources) != 5 || len(samples) < 20 {
		t.Errorf("%d samples of %v", len(samples), sources)
	}
}
