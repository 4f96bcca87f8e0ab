package cli

import (
	"encoding/json"
	"testing"

	"github.com/peal-dev/peal/internal/catalogue"
)

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
