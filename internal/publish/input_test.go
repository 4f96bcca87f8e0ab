package publish

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/peal"
)

func TestParseJSON(t *testing.T) {
	at := time.Date(2026, 5, 4, 14, 23, 0, 0, time.UTC)
	for _, c := range []struct {
		name, body string
		want       []Input
		batch      bool
	}{
		{"smallest", `{"type":"a.b"}`, []Input{{Type: "a.b"}}, false},
		{
			"everything", ` { "type":"a", "id":"x","source":"gw","subject":"42","severity":"HIGH","title":"T","message":"M \u00e9",
			 "time":"2026-05-04T16:23:00+02:00","data":{ "n" : 123456789012345678901234567890, "f": 2.50 } }`,
			[]Input{{
				Type: "a", ClientID: "x", Source: "gw", Subject: "42", Severity: peal.High, Title: "T", Message: "M é",
				Time: at, Data: []byte(`{"n":123456789012345678901234567890,"f":2.50}`),
			}},
			false,
		},
		{"nulls count as absent", `{"type":"a","id":null,"time":null,"data":null,"severity":null}`, []Input{{Type: "a"}}, false},
		{"batch", `[{"type":"a"},{"type":"b"}]`, []Input{{Type: "a"}, {Type: "b"}}, true},
	} {
		got, batch, err := ParseJSON([]byte(c.body))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" || batch != c.batch {
			t.Errorf("%s: batch %v, (-want +got)\n%s", c.name, batch, diff)
		}
	}
}

func TestParseJSONRefuses(t *testing.T) {
	for body, field := range map[string]string{
		``:                                  "",
		`nonsense`:                          "",
		`"text"`:                            "",
		`42`:                                "",
		`[]`:                                "",
		`[1]`:                               "[0]",
		`{"type":"a","type":"b"}`:           "",
		`{"type":7}`:                        "type",
		`{"type":"a","data":[]}`:            "data",
		`{"type":"a","data":"x"}`:           "data",
		`{"type":"a","data":{"n":NaN}}`:     "",
		`{"type":"a","data":{"n":1e999}}`:   "",
		`{"type":"a","time":"yesterday"}`:   "time",
		`{"type":"a","severity":"urgent"}`:  "severity",
		`{"type":"a","payload":{}}`:         "payload",
		`[{"type":"a"},{"type":"a","x":1}]`: "[1].x",
		"{\"type\":\"\xff\"}":               "",
		`{"type":"a","data":` + strings.Repeat(`{"a":`, 200) + `1` + strings.Repeat(`}`, 200) + `}`: "",
		`[` + strings.Repeat(`{"type":"a"},`, MaxBatch) + `{"type":"a"}]`:                           "",
	} {
		_, _, err := ParseJSON([]byte(body))
		var e *peal.Error
		if !errors.As(err, &e) || e.Code != peal.CodeInvalid {
			t.Errorf("%.60s: %v, want an invalid error", body, err)
			continue
		}
		if field != "" && e.Field != field && !strings.HasPrefix(e.Field, field) {
			t.Errorf("%.60s: the error names %q, want %q", body, e.Field, field)
		}
	}
}

func TestParseCloudEvents(t *testing.T) {
	at := time.Date(2018, 4, 5, 17, 31, 0, 0, time.UTC)
	want := Input{
		ClientID: "A234-1234-1234", Type: "com.example.someevent", Source: "/mycontext", Subject: "s é",
		Severity: peal.Warning, Time: at, Data: []byte(`{"appinfoA":"abc","n":1.0}`),
	}
	structured := `{"specversion":"1.0","type":"com.example.someevent","source":"/mycontext","subject":"s é","id":"A234-1234-1234",
		"time":"2018-04-05T17:31:00Z","comexampleextension1":"value","comexampleothervalue":5,"severity":"warning",
		"datacontenttype":"application/json","data":{"appinfoA":"abc", "n":1.0}}`
	binary := http.Header{
		"Content-Type": {"application/json; charset=utf-8"}, "Ce-Specversion": {"1.0"}, "Ce-Type": {"com.example.someevent"},
		"Ce-Source": {"/mycontext"}, "Ce-Subject": {"s%20%C3%A9"}, "Ce-Id": {"A234-1234-1234"}, "Ce-Time": {"2018-04-05T17:31:00Z"},
		"Ce-Severity": {"warning"}, "Ce-Extension": {"x"},
	}
	for _, c := range []struct {
		name   string
		header http.Header
		body   string
		want   []Input
		batch  bool
	}{
		{"structured", http.Header{"Content-Type": {"application/cloudevents+json; charset=utf-8"}}, structured, []Input{want}, false},
		{"batched", http.Header{"Content-Type": {"application/cloudevents-batch+json"}}, "[" + structured + "]", []Input{want}, true},
		{"binary", binary, `{"appinfoA":"abc", "n":1.0}`, []Input{want}, false},
		{
			"base64",
			http.Header{"Content-Type": {"application/cloudevents+json"}},
			`{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"eyJhIjogMX0="}`,
			[]Input{{ClientID: "1", Source: "s", Type: "t", Data: []byte(`{"a":1}`)}},
			false,
		},
	} {
		got, batch, ok, err := ParseCloudEvents(c.header, []byte(c.body))
		if err != nil || !ok || batch != c.batch {
			t.Errorf("%s: ok %v, batch %v, %v", c.name, ok, batch, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
	if _, _, ok, _ := ParseCloudEvents(http.Header{"Content-Type": {"application/json"}}, []byte(structured)); ok {
		t.Error("a native request was taken for a CloudEvent")
	}
}

func TestParseCloudEventsRefuses(t *testing.T) {
	js := func(s string) (http.Header, string) {
		return http.Header{"Content-Type": {"application/cloudevents+json"}}, s
	}
	for name, make := range map[string]func() (http.Header, string){
		"old version": func() (http.Header, string) { return js(`{"specversion":"0.3","id":"1","source":"s","type":"t"}`) },
		"no id":       func() (http.Header, string) { return js(`{"specversion":"1.0","source":"s","type":"t"}`) },
		"no source":   func() (http.Header, string) { return js(`{"specversion":"1.0","id":"1","type":"t"}`) },
		"array data": func() (http.Header, string) {
			return js(`{"specversion":"1.0","id":"1","source":"s","type":"t","data":[1]}`)
		},
		"bad base64": func() (http.Header, string) {
			return js(`{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"?"}`)
		},
		"xml data": func() (http.Header, string) {
			return js(`{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"text/xml","data":{}}`)
		},
		"array": func() (http.Header, string) { return js(`[]`) },
		"avro":  func() (http.Header, string) { return http.Header{"Content-Type": {"application/cloudevents+avro"}}, "" },
		"bad escape": func() (http.Header, string) {
			return http.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {"%zz"}}, `{}`
		},
	} {
		h, body := make()
		if _, _, ok, err := ParseCloudEvents(h, []byte(body)); !ok || err == nil {
			t.Errorf("%s: ok %v, %v", name, ok, err)
		}
	}
}

// Messages name what is missing and what to do.
func TestCloudEventMessages(t *testing.T) {
	structured := http.Header{"Content-Type": {"application/cloudevents+json"}}
	for body, c := range map[string]struct {
		header http.Header
		want   string
	}{
		`{"specversion":"1.0","source":"s","type":"t"}`:                                       {structured, "id is missing"},
		`{"specversion":"1.0","id":"1","source":"s"}`:                                         {structured, "type is missing"},
		`{"id":"1","source":"s","type":"t"}`:                                                  {structured, "needs specversion"},
		`{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"aGVsbG8="}`:     {structured, "data must be JSON"},
		`{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"text/xml"}`: {structured, "data must be JSON"},
		`{}`:                               {http.Header{"Ce-Id": {"1"}, "Ce-Type": {"t"}, "Ce-Source": {"s"}}, "it is ce-specversion"},
		`{"n":1}`:                          {http.Header{"Ce-Specversion": {"1.0"}, "Ce-Type": {"t"}, "Ce-Id": {"1"}}, "source is missing"},
		`{"specversion":"1.0","type":"t"}`: {nil, "send it as application/cloudevents+json"},
	} {
		_, _, ok, err := ParseCloudEvents(c.header, []byte(body))
		if !ok {
			_, _, err = ParseJSON([]byte(body))
		}
		if peal.CodeOf(err) != peal.CodeInvalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", body, err, c.want)
		}
	}
}

// What others mean by an extension of their own is no reason to refuse an event.
func TestCloudEventsOfOtherSeverities(t *testing.T) {
	for severity, want := range map[string]peal.Severity{`"ERROR"`: "", `"Critical"`: peal.Critical, `7`: ""} {
		body := `{"specversion":"1.0","id":"1","source":"s","type":"t","severity":` + severity + `}`
		inputs, _, _, err := ParseCloudEvents(http.Header{"Content-Type": {"application/cloudevents+json"}}, []byte(body))
		if err != nil || inputs[0].Severity != want {
			t.Errorf("severity %s: %+v, %v", severity, inputs, err)
		}
	}
}

// Data that are small beside the document do not keep it alive.
func TestDataHoldOnlyWhatCounts(t *testing.T) {
	space, title := strings.Repeat(" ", 64<<10), strings.Repeat("t", 64<<10)
	cloud := http.Header{"Content-Type": {"application/cloudevents+json"}}
	binary := http.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {"1"}, "Ce-Source": {"s"}, "Ce-Type": {"t"}}
	const attributes = `"specversion":"1.0","id":"1","source":"s","type":"t",`
	for name, c := range map[string]struct {
		header http.Header
		body   string
	}{
		"white space":      {nil, `{"type":"a","data":{"n":1}` + space + `}`},
		"a long title":     {nil, `{"type":"a","title":"` + title + `","data":{"n":1}}`},
		"a batch":          {nil, `[{"type":"a","title":"` + title + `","data":{"n":1}}]`},
		"a CloudEvent":     {cloud, `{` + attributes + `"extension":"` + title + `","data":{"n":1}}`},
		"binary":           {binary, `{"n":1}` + space},
		"base64 in a text": {cloud, `{` + attributes + `"extension":"` + title + `","data_base64":"eyJuIjogMX0="}`},
	} {
		inputs, _, ok, err := ParseCloudEvents(c.header, []byte(c.body))
		if !ok {
			inputs, _, err = ParseJSON([]byte(c.body))
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := inputs[0].Data; string(got) != `{"n":1}` || cap(got) > 1<<10 {
			t.Errorf("%s: %s holds %d bytes", name, got, cap(got))
		}
	}
}

func TestHashTellsInputsApart(t *testing.T) {
	base := Input{Type: "a", ClientID: "b", Data: []byte(`{}`)}
	seen := map[[32]byte]string{base.hash(): "base"}
	for name, in := range map[string]Input{
		"shifted": {Type: "ab", Data: []byte(`{}`)},
		"data":    {Type: "a", ClientID: "b", Data: []byte(`{"a":1}`)},
		"subject": {Type: "a", ClientID: "b", Subject: "s", Data: []byte(`{}`)},
		"time":    {Type: "a", ClientID: "b", Time: time.Unix(1, 0), Data: []byte(`{}`)},
		"title":   {Type: "a", ClientID: "b", Title: "t", Data: []byte(`{}`)},
		"message": {Type: "a", ClientID: "b", Message: "t", Data: []byte(`{}`)},
	} {
		if other, ok := seen[in.hash()]; ok {
			t.Errorf("%s and %s have one hash", name, other)
		}
		seen[in.hash()] = name
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"type":"a","data":{"n":1}}`), "application/json")
	f.Add([]byte(`[{"specversion":"1.0","id":"1","source":"s","type":"t"}]`), "application/cloudevents-batch+json")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		inputs, _, ok, err := ParseCloudEvents(http.Header{"Content-Type": {contentType}}, body)
		if !ok {
			inputs, _, err = ParseJSON(body)
		}
		if err != nil {
			var known *peal.Error
			if !errors.As(err, &known) {
				t.Fatalf("an error without a code: %T %v", err, err)
			}
			return
		}
		if len(inputs) == 0 {
			t.Fatal("no error and no events")
		}
		for _, in := range inputs {
			if in.Data != nil && in.Data[0] != '{' {
				t.Fatalf("data %q", in.Data)
			}
		}
	})
}
