package filter

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

func example() *peal.Event {
	return &peal.Event{
		ClientID: "inv-1", Type: "invoice.paid", Source: "billing", Subject: "42", Severity: peal.High,
		Title: "Invoice paid", Time: time.Date(2026, 5, 4, 14, 23, 0, 0, time.UTC),
		Data: []byte(`{"total":150,"ratio":150.5,"huge":123456789012345678901234567890,"paid":true,"none":null,"name":"Ada",` +
			`"tags":["a","b"],"lines":[{"sku":"x","price":1.5},{"sku":"y","price":20}],"content-type":"json"}`),
	}
}

func TestMatch(t *testing.T) {
	for expr, want := range map[string]bool{
		`event.data.total > 100.0`:                                   true,
		`event.data.total > 100`:                                     true,
		`event.data.ratio > 100`:                                     true,
		`event.data.ratio > 150.5`:                                   false,
		`event.data.total == 150.0`:                                  true,
		`event.data.total in [150.0, 7.0]`:                           true,
		`event.data.total == 150 && event.data.ratio != 150`:         true,
		`event.data.huge > 9223372036854775807`:                      true,
		`event.data.paid`:                                            true,
		`event.data.none == null`:                                    true,
		`event.data.name == "Ada"`:                                   true,
		`event.data.name.startsWith("B") || event.type == "x"`:       false,
		`event.data.name.matches("^A.a$")`:                           true,
		`"b" in event.data.tags`:                                     true,
		`event.data.tags[1] == "b" && size(event.data.tags) == 2`:    true,
		`event.data.lines.exists(l, l.price > 10)`:                   true,
		`event.data.lines.all(l, l.price > 10)`:                      false,
		`event.data.lines.filter(l, l.price > 10).size() == 1`:       true,
		`event.data["content-type"] == "json"`:                       true,
		`has(event.data.total) && !has(event.data.discount)`:         true,
		`has(event.subject) && !has(event.message)`:                  true,
		`event.id == "inv-1" && event.source == "billing"`:           true,
		`event.severity in ["high", "critical"]`:                     true,
		`event.subject == "42" && event.title.contains("paid")`:      true,
		`event.time > timestamp("2026-05-04T00:00:00Z")`:             true,
		`event.time.getHours() == 14`:                                true,
		`has(event.data.discount) ? event.data.discount > 5 : false`: false,
		`double(event.data.total) / 100.0 > 1.4`:                     true,
	} {
		p, err := Compile(expr)
		if err != nil {
			t.Errorf("Compile(%s): %v", expr, err)
			continue
		}
		got, err := p.MatchInput(NewInput(example()))
		if err != nil || got != want {
			t.Errorf("%s = %v, %v; want %v", expr, got, err, want)
		}
	}
}

func TestMatchErrors(t *testing.T) {
	for expr, want := range map[string]string{
		`event.data.amount > 100`:                        "no such key: amount",
		`event.data.name > 100`:                          "no such overload",
		`event.data.name`:                                "answered string, not true or false",
		`event.data.tags[7] == "a"`:                      "index out of bounds: 7",
		`event.data.total / 0 == 1`:                      "division by zero",
		`[event].exists(e, e.type == "x")`:               "unsupported",
		`peal.Event{type: "x"}.type == "x"`:              "unknown type",
		`event.data.name.matches(event.data.name + "[")`: "error parsing regexp",
	} {
		p, err := Compile(expr)
		if err != nil {
			t.Errorf("Compile(%s): %v", expr, err)
			continue
		}
		got, err := p.MatchInput(NewInput(example()))
		if got || err == nil || !strings.Contains(err.Error(), want) || strings.HasPrefix(err.Error(), "filter:") {
			t.Errorf("%s = %v, %v; want an error with %q", expr, got, err, want)
		}
	}
}

func TestMatchBrokenData(t *testing.T) {
	p, err := Compile(`event.data.total > 1`)
	if err != nil {
		t.Fatal(err)
	}
	ev := example()
	ev.Data = []byte(`{"total":`)
	in := NewInput(ev)
	for range 2 { // the failure is remembered, too
		if got, err := p.MatchInput(in); got || err == nil {
			t.Errorf("MatchInput = %v, %v; want an error", got, err)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	many := "[1" + strings.Repeat(",1", 200) + "]"
	for expr, want := range map[string]string{
		many + ".map(x, " + many + ".map(y, y)).size() > 0": "cost too much",
		``:                           "1:1",
		`event.`:                     "1:7",
		`event.titel == "x"`:         "1:6: undefined field 'titel'; event has id, type, source",
		`data.total > 100`:           "1:1: undeclared reference to 'data'; write event.data",
		`event.data.total = 5`:       "1:18: syntax error: a single =; write == to compare",
		`event.data.total >`:         "1:19: syntax error: unexpected end of the filter",
		"true &&\n  evnt.type == ''": "2:3: undeclared reference to 'evnt' (did you mean 'event'?); a filter sees event alone, event has id",
		`event.type`:                 "must answer true or false, this one answers string",
		`event.type > 5`:             "1:12: found no matching overload",
		`event.data.x == "a" && 1`:   "1:24",
		`event.type.matches("[")`:    "error parsing regexp",
		strings.Repeat("a", 2049):    "at most 2048 bytes",
		strings.Repeat("(", 300) + "true" + strings.Repeat(")", 300):                                                      "recursion",
		`event.data.a.exists(x, event.data.b.exists(y, event.data.c.exists(z, x == y && y == z)))`:                        "cost too much",
		`event.type.matches("((a{100}){100}){100}")`:                                                                      "error parsing regexp",
		`[1,2,3].map(x, [1,2,3].map(y, [1,2,3].map(z, event.data.a.map(q, event.data.b.map(r, r))))).size() > 1 || false`: "cost too much",
	} {
		_, err := Compile(expr)
		var e *peal.Error
		if !errors.As(err, &e) || e.Code != peal.CodeInvalid || e.Field != "filter" || !strings.Contains(e.Message, want) {
			t.Errorf("Compile(%.60s) = %v; want invalid filter with %q", expr, err, want)
		}
	}
}

// A filter that passes the static check still cannot run away on hostile data.
func TestMatchCostLimit(t *testing.T) {
	p, err := Compile(`event.data.a.exists(x, event.data.a.exists(y, x + y < 0))`)
	if err != nil {
		t.Fatal(err)
	}
	ev := example()
	ev.Data = []byte(`{"a":[` + strings.Repeat("1,", 100_000) + `1]}`)
	got, err := p.MatchInput(NewInput(ev))
	if got || err == nil || !strings.Contains(err.Error(), "cost limit") {
		t.Errorf("MatchInput = %v, %v; want the cost limit", got, err)
	}
}

func TestMatchConcurrently(t *testing.T) {
	p, err := Compile(`event.data.lines.exists(l, l.price > 10) && event.data.total > 100`)
	if err != nil {
		t.Fatal(err)
	}
	ev := example()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if got, err := p.MatchInput(NewInput(ev)); !got || err != nil {
					t.Errorf("MatchInput = %v, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzFilter(f *testing.F) {
	for _, expr := range []string{
		`event.data.total > 100.0`, `event.data.a.all(x, x.b in [1, 2.5, "c"])`, `has(event.data.a) && event.time > timestamp("2026-01-01T00:00:00Z")`,
		`event.data.map(k, k + k).size() > 3`, `event.type.matches("a+") ? true : event.data.b`, `dyn(event).type == ''`, `b"a" + bytes(event.title) == b""`,
	} {
		f.Add(expr, `{"total":150,"a":[{"b":1}]}`)
	}
	f.Fuzz(func(t *testing.T, expr, data string) {
		p, err := Compile(expr)
		if err != nil {
			if peal.CodeOf(err) != peal.CodeInvalid {
				t.Fatalf("Compile(%q): %v", expr, err)
			}
			return
		}
		ev := example()
		ev.Data = []byte(data)
		first, err1 := p.MatchInput(NewInput(ev))
		second, err2 := p.MatchInput(NewInput(ev))
		if first != second || fmt.Sprint(err1) != fmt.Sprint(err2) || first && err1 != nil {
			t.Fatalf("%q on %q: %v, %v then %v, %v", expr, data, first, err1, second, err2)
		}
		if err1 != nil && strings.Contains(err1.Error(), "internal error") {
			t.Fatalf("%q on %q: %v", expr, data, err1)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for _, expr := range []string{
		`event.severity == "high"`,
		`event.data.total > 100.0`,
		`event.data.lines.exists(l, l.price > 10)`,
	} {
		p, err := Compile(expr)
		if err != nil {
			b.Fatal(err)
		}
		ev := example()
		b.Run(expr+"/decoding", func(b *testing.B) {
			for b.Loop() {
				if ok, err := p.MatchInput(NewInput(ev)); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
		in := NewInput(ev)
		b.Run(expr+"/decoded", func(b *testing.B) {
			for b.Loop() {
				if ok, err := p.MatchInput(in); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
	p, err := Compile(`event.data.a.exists(x, event.data.a.exists(y, x + y < 0))`)
	if err != nil {
		b.Fatal(err)
	}
	ev := example()
	ev.Data = []byte(`{"a":[` + strings.Repeat("1,", 1000) + `1]}`)
	in := NewInput(ev)
	b.Run("worst", func(b *testing.B) {
		for b.Loop() {
			if ok, err := p.MatchInput(in); ok || err == nil {
				b.Fatal(ok, err)
			}
		}
	})
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := Compile(`event.data.total > 100.0 && event.severity == "high"`); err != nil {
			b.Fatal(err)
		}
	}
}
