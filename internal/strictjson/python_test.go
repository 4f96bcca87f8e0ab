package strictjson_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/strictjson"
)

var update = flag.Bool("update", false, "record the vectors anew with python3")

const vectors = "testdata/python.tsv" // lines of a document, a tab, and Python's spelling

// documents are what the vectors record.
func documents() []string {
	docs := []string{
		`{"b":1,"a":{"d":[],"c":{}},"A":null,"":true,"aa":false}`,
		`[-0,0,-1,123456789012345678901234567890,-0.0,0.0,0e0,-0e5]`,
		`[2.50,1e5,1e15,1e16,123456789012345678,1234567890123456.7,12345678901234567.8,1e-4,1e-5,0.0001,0.00001,9.5e-5]`,
		`[1E+2,1e22,1e23,1e100,1e308,1.7976931348623157e308,5e-324,4e-324,2e-324,2.2250738585072014e-308,1e-999]`,
		`[9007199254740993.0,0.1,0.30000000000000004,100.0,1.0e0,3.14159265358979323846,48.1234,50.00,4.27]`,
		"[\"\x7f\",\"\u0080\",\"\u2028\",\"é\",\"€\",\"😀\",\"\ufffd\",\"\uffff\",\"\u007e\"]",
		`["\u0000\u0001\b\t\n\u000b\f\r\u001f","\"\\\/","\ud83d\ude00\u00E9","<>&'"]`,
		"{\"\uffff\":1,\"😀\":2,\"é\":3,\"z\":4,\"\\u0041\":5,\"\x7f\":6,\"\\n\":7}",
		`{"title":"[Nemo Router] low","severity":"HIGH","details":{"threshold":10,"current_balance":4.27}}`,
		strings.Repeat("7", strictjson.MaxIntDigits),
		`"x"`, `null`, `[]`, `{}`,
	}
	return append(docs, string(oneKiB))
}

// python is a process that answers each line with the spelling that json.dumps gives it.
type python struct {
	in  io.Writer
	out *bufio.Reader
}

const pythonProgram = `
import json, sys
for line in sys.stdin:
    print(json.dumps(json.loads(line), separators=(",", ":"), sort_keys=True), flush=True)
`

// startPython skips the test where there is no python3, or fails it where all it
// needs has to be there.
func startPython(t *testing.T) *python {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil && os.Getenv("PEAL_TEST_REQUIRE") != "" {
		t.Fatal("python3 is missing")
	} else if err != nil {
		t.Skip("python3 is missing; the recorded vectors stand for it")
	}
	cmd := exec.CommandContext(t.Context(), path, "-c", pythonProgram)
	cmd.Env = append(os.Environ(), "PYTHONUTF8=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait() // an error has shown in the answers, or the test's end killed it
	})
	return &python{in, bufio.NewReader(out)}
}

func (p *python) dumps(doc []byte) (string, error) {
	if _, err := fmt.Fprintf(p.in, "%s\n", doc); err != nil {
		return "", err
	}
	line, err := p.out.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

func TestPythonVectors(t *testing.T) {
	if *update {
		record(t)
	}
	file, err := os.ReadFile(vectors)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(file), "\n"), "\n")
	if len(lines) < len(documents()) {
		t.Fatalf("%d vectors for %d documents: record them with -update", len(lines), len(documents()))
	}
	for _, line := range lines {
		doc, want, _ := strings.Cut(line, "\t")
		got, err := strictjson.AppendPython([]byte("x"), []byte(doc))
		if err != nil || string(got) != "x"+want {
			t.Errorf("%.80s: got %.200s, %v; want %.200s", doc, got, err, want)
		}
	}
}

// record writes the fixed documents and some that rapid draws.
func record(t *testing.T) {
	py := startPython(t)
	docs := documents()
	for seed := range 200 {
		docs = append(docs, value(3).Example(seed))
	}
	var b bytes.Buffer
	for _, doc := range docs {
		want, err := py.dumps([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\t%s\n", doc, want)
	}
	if err := os.WriteFile(vectors, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestPythonAgrees(t *testing.T) {
	py := startPython(t)
	rapid.Check(t, func(rt *rapid.T) {
		docs := rapid.SliceOfN(value(4), 1, 20).Draw(rt, "documents")
		for _, doc := range docs {
			compact, err := strictjson.Compact(nil, []byte(doc))
			if err != nil {
				rt.Fatalf("%s: %v", doc, err)
			}
			want, err := py.dumps(compact)
			if err != nil {
				rt.Fatalf("%s: python3: %v", doc, err)
			}
			got, err := strictjson.AppendPython(nil, compact)
			if err != nil || string(got) != want {
				rt.Fatalf("%s:\n got %s, %v\nwant %s", doc, got, err, want)
			}
		}
	})
}

// value draws a JSON text of at most so many levels.
func value(depth int) *rapid.Generator[string] {
	scalars := []*rapid.Generator[string]{rapid.SampledFrom([]string{"true", "false", "null", "0", "-0"}), number(), str()}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	inner := rapid.Deferred(func() *rapid.Generator[string] { return value(depth - 1) })
	array := rapid.Custom(func(t *rapid.T) string {
		return "[" + strings.Join(rapid.SliceOfN(inner, 0, 6).Draw(t, "items"), ",") + "]"
	})
	object := rapid.Custom(func(t *rapid.T) string {
		keys := rapid.SliceOfNDistinct(str(), 0, 8, func(s string) string {
			var name string
			if err := json.Unmarshal([]byte(s), &name); err != nil {
				t.Fatal(err)
			}
			return name
		}).Draw(t, "keys")
		for i, key := range keys {
			keys[i] = key + ":" + inner.Draw(t, "value")
		}
		return "{" + strings.Join(keys, ",") + "}"
	})
	return rapid.OneOf(append(scalars, array, object, object)...)
}

// number draws integers, spellings of random doubles, and random spellings.
func number() *rapid.Generator[string] {
	double := rapid.Custom(func(t *rapid.T) string {
		f := rapid.Float64().Draw(t, "float")
		format := rapid.SampledFrom([]byte("eEfg")).Draw(t, "format")
		precision := rapid.SampledFrom([]int{-1, 0, 3, 17, 20}).Draw(t, "precision")
		return strconv.FormatFloat(f, format, precision, 64)
	}).Filter(strictjson.IsNumber)
	spelled := rapid.StringMatching(`-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?`).Filter(strictjson.IsNumber)
	return rapid.OneOf(double, spelled, rapid.StringMatching(`-?[1-9][0-9]{0,40}`))
}

// str draws strings of plain characters, of any characters and of escapes.
func str() *rapid.Generator[string] {
	any := rapid.SampledFrom(strings.Split("aAzZ~\x7f\u0080é\u07ff€\u2028\ud7ff\ue000\ufffd\uffff😀\U0010ffff/<", ""))
	escape := rapid.SampledFrom([]string{`\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\u0000`, `\u001F`, `\u007f`, `\u00e9`, `\uFFFF`, `\ud83d\ude00`, `\uDBFF\uDFFF`})
	plain := rapid.StringMatching(`[a-c]{0,3}`)
	return rapid.Map(rapid.SliceOfN(rapid.OneOf(plain, plain, any, escape), 0, 6), func(parts []string) string {
		return `"` + strings.Join(parts, "") + `"`
	})
}

func TestPythonRefuses(t *testing.T) {
	for _, bad := range []string{``, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `{1:2}`, `[1`, `[1,]`, `"`, `"a`, `tru`, `-`, `1e400`, `1 `, `{}{}`, nest(200)} {
		if got, err := strictjson.AppendPython([]byte("x"), []byte(bad)); err == nil || string(got) != "x" {
			t.Errorf("%.40q: got %q, %v", bad, got, err)
		}
	}
}

// checkPython holds AppendPython to what can be said of it without Python: it is
// ASCII, means the same document, and leaves its own output as it is.
func checkPython(t *testing.T, compact []byte) {
	got, err := strictjson.AppendPython(nil, compact)
	if err != nil {
		t.Fatalf("%q: %v", compact, err)
	}
	if i := bytes.IndexFunc(got, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
		t.Fatalf("%q: %q is not ASCII", compact, got)
	}
	if !reflect.DeepEqual(meaning(t, got), meaning(t, compact)) {
		t.Fatalf("%q became another document: %q", compact, got)
	}
	if again, err := strictjson.Compact(nil, got); err != nil || !bytes.Equal(again, got) {
		t.Fatalf("%q is not compact: %v", got, err)
	}
	if again, err := strictjson.AppendPython(nil, got); err != nil || !bytes.Equal(again, got) {
		t.Fatalf("%q became %q the second time: %v", got, again, err)
	}
}

// meaning reads a document, its integers exact and its other numbers as doubles.
func meaning(t *testing.T, doc []byte) any {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return exact(v)
}

func exact(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, ok := new(big.Int).SetString(v.String(), 10); ok {
			return n.String()
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = exact(v[key])
		}
	}
	return v
}
