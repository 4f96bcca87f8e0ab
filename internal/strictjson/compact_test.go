package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/peal-dev/peal/internal/strictjson"
)

func TestCompactAccepts(t *testing.T) {
	digits := strings.Repeat("7", strictjson.MaxIntDigits)
	for _, c := range []struct{ in, want string }{
		{`{}`, `{}`},
		{" { \"a\" : [ 1 , 2.50 ,\t-0 ] ,\r\n\"b\":{ } } ", `{"a":[1,2.50,-0],"b":{}}`},
		{`"a b"`, `"a b"`},
		{` null `, `null`},
		{`[true,false, []]`, `[true,false,[]]`},
		{`123456789012345678901234567890.10e-5`, `123456789012345678901234567890.10e-5`},
		{`[1E5,0e999,1e-999,1e308,0.0]`, `[1E5,0e999,1e-999,1e308,0.0]`},
		{digits, digits},
		{"-" + digits, "-" + digits},
		{`"é€😀\u00e9\ud83d\ude00\/"`, `"é€😀\u00e9\ud83d\ude00\/"`},
		{"\"\x7f\u2028\"", "\"\x7f\u2028\""},
		{`{"a":{"a":{"a":1}},"b":{"a":1}}`, `{"a":{"a":{"a":1}},"b":{"a":1}}`},
		{nest(strictjson.MaxDepth), nest(strictjson.MaxDepth)},
		{members(5000, ""), members(5000, "")},
	} {
		got, err := strictjson.Compact([]byte("x"), []byte(c.in))
		if err != nil || string(got) != "x"+c.want {
			t.Errorf("%.60q: got %.60q, %v; want %.60q", c.in, got, err, c.want)
		}
	}
}

// nest is arrays and objects by turns, n in all.
func nest(n int) string {
	if n == 0 {
		return "1"
	}
	if n%2 == 0 {
		return "[" + nest(n-1) + "]"
	}
	return `{"a":` + nest(n-1) + "}"
}

// members is an object of n members and what is added.
func members(n int, add string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"k%d":%d,`, i, i)
	}
	return strings.TrimSuffix("{"+b.String()+add, ",") + "}"
}

func TestCompactRefuses(t *testing.T) {
	for _, c := range []struct {
		in     string
		offset int
		msg    string
	}{
		{``, 0, "unexpected end"},
		{`  `, 2, "unexpected end"},
		{`{"a":1`, 6, "unexpected end"},
		{`{"a" 1}`, 5, "unexpected character"},
		{`{"a":1,}`, 7, "unexpected character"},
		{`{a:1}`, 1, "unexpected character"},
		{`[1,]`, 3, "unexpected character"},
		{`[1 2]`, 3, "unexpected character"},
		{`1 2`, 2, "data after the value"},
		{`{}x`, 2, "data after the value"},
		{"\ufeff{}", 0, "unexpected character"},
		{`NaN`, 0, "unexpected character"},
		{`-Infinity`, 1, "unexpected character"},
		{`nul`, 3, "unexpected end"},
		{`trux`, 3, "unexpected character"},
		{`01`, 1, "data after the value"},
		{`+1`, 0, "unexpected character"},
		{`.5`, 0, "unexpected character"},
		{`1.`, 2, "unexpected end"},
		{`[1.e5]`, 3, "unexpected character"},
		{`1e`, 2, "unexpected end"},
		{`-`, 1, "unexpected end"},
		{`"a`, 2, "unexpected end"},
		{"\"a\nb\"", 2, "control character in a string"},
		{"\"\x00\"", 1, "control character in a string"},
		{"\x00", 0, "unexpected character"},
		{"\"\xff\"", 1, "invalid UTF-8"},
		{"\"\xed\xa0\x80\"", 1, "invalid UTF-8"}, // a surrogate in bytes
		{"\"\xc0\x80\"", 1, "invalid UTF-8"},
		{`"\x"`, 1, "bad escape"},
		{`"\u12g4"`, 1, "bad escape"},
		{`"\ud800"`, 1, "bad escape"},
		{`"\ud800x"`, 1, "bad escape"},
		{`"\ud800\u0041"`, 1, "bad escape"},
		{`"\udc00\ud800"`, 1, "bad escape"},
		{`"\`, 1, "bad escape"},
		{`1e400`, 0, "number beyond double range"},
		{`[-1.0E+309]`, 1, "number beyond double range"},
		{strings.Repeat("9", 310) + ".0", 0, "number beyond double range"},
		{strings.Repeat("9", 300) + "e99", 0, "number beyond double range"},
		{`1e99999999999999999999`, 0, "number beyond double range"},
		{strings.Repeat("7", strictjson.MaxIntDigits+1), 0, "integer with too many digits"},
		{`{"a":1,"a":2}`, 7, "duplicate key"},
		{`{"a":1,"\u0061":2}`, 7, "duplicate key"},
		{`{"\ud83d\ude00":1,"😀":2}`, 18, "duplicate key"},
		{`{"":1,"b":2,"":3}`, 12, "duplicate key"},
		{`{"a":{"b":1,"c":2,"b":3}}`, 18, "duplicate key"},
		{members(23, `"k0":0`), len(members(23, "")), "duplicate key"},
		{members(24, `"k23":0`), len(members(24, "")), "duplicate key"},
		{members(25, `"k24":0`), len(members(25, "")), "duplicate key"},
		{members(5000, `"\u006b4999":0`), len(members(5000, "")), "duplicate key"},
		{nest(strictjson.MaxDepth + 1), 384, "nesting is too deep"},
		{strings.Repeat("[", 1_000_000), strictjson.MaxDepth, "nesting is too deep"},
	} {
		got, err := strictjson.Compact([]byte("x"), []byte(c.in))
		var bad *strictjson.Error
		if !errors.As(err, &bad) || bad.Msg != c.msg || bad.Offset != c.offset {
			t.Errorf("%.60q: got %v, want %s at byte %d", c.in, err, c.msg, c.offset)
		}
		if string(got) != "x" {
			t.Errorf("%.60q: dst became %.60q", c.in, got)
		}
	}
}

func TestCompactAllocatesNothing(t *testing.T) {
	dst := make([]byte, 0, 2048)
	if n := testing.AllocsPerRun(100, func() { _, _ = strictjson.Compact(dst, oneKiB) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestFields(t *testing.T) {
	obj := `{"a":1,"\u0062\n":"x\\\"}","c":{"d":[1,{"e":"]"}]},"":null,"f":"\\"}`
	want := "a=1;b\n=\"x\\\\\\\"}\";c={\"d\":[1,{\"e\":\"]\"}]};=null;f=\"\\\\\";"
	got := ""
	collect := func(key string, value []byte) error {
		got += key + "=" + string(value) + ";"
		return nil
	}
	if err := strictjson.Fields([]byte(obj), collect); err != nil || got != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	stop := errors.New("stop")
	if err := strictjson.Fields([]byte(obj), func(string, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want the callback's error", err)
	}
	for _, bad := range []string{``, `[]`, `1`, `{`, `{"a"}`, `{a:1}`, `{"a":}`, `{"a":1]}`, `{"a"1}`, `{"}`} {
		var e *strictjson.Error
		if err := strictjson.Fields([]byte(bad), collect); !errors.As(err, &e) {
			t.Errorf("%q: got %v, want an *Error", bad, err)
		}
	}
}

func TestStrings(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", `""`},
		{"a\"\\/\b\f\n\r\t\x00\x1f\x7f<>&", `"a\"\\/\b\f\n\r\t\u0000\u001f` + "\x7f" + `<>&"`},
		{"é€😀\u2028", "\"é€😀\u2028\""},
		{"a\xffb", "\"a\ufffdb\""},
		{"\ufffd", "\"\ufffd\""},
	} {
		got := strictjson.AppendString([]byte("x"), c.text)
		if string(got) != "x"+c.want {
			t.Errorf("%q: got %s, want %s", c.text, got, c.want)
		}
		back, ok := strictjson.String(got[1:])
		if !ok || back != strings.ToValidUTF8(c.text, "\ufffd") {
			t.Errorf("%q: read back as %q, %t", c.text, back, ok)
		}
	}
	for _, bad := range []string{``, `"`, `1`, `null`, `["a"]`, `"a`} {
		if s, ok := strictjson.String([]byte(bad)); ok {
			t.Errorf("%q read as the string %q", bad, s)
		}
	}
}

func TestIsNumber(t *testing.T) {
	for s, want := range map[string]bool{
		"0": true, "-0": true, "42": true, "2.50": true, "1e5": true, "123456789012345678901234567890": true,
		"": false, "042": false, "+1": false, "1.": false, " 1": false, "1 ": false, "0x1": false, "1e400": false, "NaN": false, "-": false,
	} {
		if got := strictjson.IsNumber(s); got != want {
			t.Errorf("%q: %t", s, got)
		}
	}
}

// stricter are the refusals that encoding/json knows nothing of.
var stricter = map[string]bool{
	"invalid UTF-8": true, "bad escape": true, "duplicate key": true, "number beyond double range": true,
	"integer with too many digits": true, "nesting is too deep": true,
}

func FuzzCompact(f *testing.F) {
	for _, s := range []string{string(oneKiB), `{"a":1,"\u0061":2}`, ` [ 1e400 , "\ud800" ] `, nest(130), `{"a":[{},[],"é"]}`, "\"\xff\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := strictjson.Compact(nil, in)
		var bad *strictjson.Error
		if errors.As(err, &bad) {
			if json.Valid(in) && !stricter[bad.Msg] {
				t.Fatalf("%q refused: %v", in, err)
			}
			return
		}
		var want bytes.Buffer
		if err := json.Compact(&want, in); err != nil {
			t.Fatalf("%q accepted: %v", in, err)
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("%q became %q, want %q", in, got, want.Bytes())
		}
		if again, err := strictjson.Compact(nil, got); err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%q became %q the second time: %v", got, again, err)
		}
		checkPython(t, got)
		if got[0] == '{' {
			checkFields(t, got)
		}
	})
}

// checkFields compares Fields with encoding/json's reading of the same object.
func checkFields(t *testing.T, obj []byte) {
	var want map[string]json.RawMessage
	if err := json.Unmarshal(obj, &want); err != nil {
		t.Fatal(err)
	}
	err := strictjson.Fields(obj, func(key string, value []byte) error {
		if !bytes.Equal(want[key], value) {
			t.Errorf("%q: %q is %q, want %q", obj, key, value, want[key])
		}
		delete(want, key)
		return nil
	})
	if err != nil || len(want) > 0 {
		t.Errorf("%q: %v, not seen: %v", obj, err, want)
	}
}
