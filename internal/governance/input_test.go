package governance_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

var now = time.Date(2026, 5, 4, 14, 23, 0, 0, time.UTC)

func TestParseUsage(t *testing.T) {
	t.Parallel()
	full := governance.Record{
		ID: "r1", Time: now.Add(-time.Hour), Team: "t", Key: "k", Agent: "a", User: "42", Route: "r", Model: "m",
		Requests: 3, Tokens: 1200, Cost: peal.DecimalOne / 10, Failed: true,
	}
	const text = `{"id":"r1","time":"2026-05-04T15:23:00+02:00","team":"t","key":"k","agent":"a","user":42,"route":"r","model":"m","requests":3,"tokens":1.2e3,"cost":0.1,"status":503}`
	plain := governance.Record{Time: now, Requests: 1}
	for _, test := range []struct {
		body  string
		lines bool
		want  []governance.Record
	}{
		{"[" + text + ", {}]", false, []governance.Record{full, plain}},
		{text, false, []governance.Record{full}},
		{text + "\n\r\n{ }", true, []governance.Record{full, plain}},
		{"[]", false, []governance.Record{}},
		{`[{"cost":"0.000000001","status":"ok","user":null}]`, false, []governance.Record{{Time: now, Requests: 1, Cost: 1}}},
	} {
		got, err := governance.ParseUsage([]byte(test.body), test.lines, now)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", test.body, err, diff)
		}
	}
	for body, field := range map[string]string{
		`[{},{"cost":"-1"}]`:                           "[1].cost",
		`[{"cost":"1.0000000001"}]`:                    "[0].cost",
		`[{"cost":true}]`:                              "[0].cost",
		`[{"tokens":1.5}]`:                             "[0].tokens",
		`[{"requests":-1}]`:                            "[0].requests",
		`[{"tokens":"1"}]`:                             "[0].tokens",
		`[{"time":"yesterday"}]`:                       "[0].time",
		`[{"time":"2026-05-06T00:00:00Z"}]`:            "[0].time",
		`[{"time":"2024-05-06T00:00:00Z"}]`:            "[0].time",
		`[{"tema":"x"}]`:                               "[0].tema",
		`[{"cost":"1","currency":"EUR"}]`:              "[0].currency",
		`[{"team":["x"]}]`:                             "[0].team",
		`[{"key":"a\u0000b"}]`:                         "[0].key",
		`[{"status":[]}]`:                              "[0].status",
		`["x"]`:                                        "[0]",
		`[{"key":"` + strings.Repeat("x", 257) + `"}]`: "[0].key",
		`"x"`:   "",
		`[{}`:   "",
		``:      "",
		`[1,2]`: "[0]",
	} {
		_, err := governance.ParseUsage([]byte(body), false, now)
		var known *peal.Error
		if !errors.As(err, &known) || known.Code != peal.CodeInvalid || known.Field != field {
			t.Errorf("%s: %v, want a fault in %q", body, err, field)
		}
	}
	_, err := governance.ParseUsage([]byte("["+strings.Repeat("{},", governance.MaxRecords)+"{}]"), false, now)
	if peal.CodeOf(err) != peal.CodeTooLarge {
		t.Errorf("too many records: %v", err)
	}
}

func FuzzParseUsage(f *testing.F) {
	f.Add([]byte(`[{"id":"r1","cost":0.1,"status":503}]`), false)
	f.Add([]byte("{\"user\":1e3}\n{}\n"), true)
	f.Fuzz(func(t *testing.T, body []byte, lines bool) {
		records, err := governance.ParseUsage(body, lines, now)
		if err != nil {
			var known *peal.Error
			if !errors.As(err, &known) {
				t.Fatalf("an error that nobody may see: %v", err)
			}
			return
		}
		for _, r := range records {
			if r.Cost < 0 || r.Requests < 0 || r.Tokens < 0 || r.Time.IsZero() || !peal.Printable(r.User) {
				t.Fatalf("%+v", r)
			}
		}
	})
}
