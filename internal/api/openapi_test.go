package api

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write api/openapi.json anew")

func TestDocumentIsGolden(t *testing.T) {
	const golden = "../../api/openapi.json"
	got, err := build(Config{}).document()
	if err != nil {
		t.Fatal(err)
	}
	again, err := build(Config{}).document()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, again) {
		t.Error("the document differs from one build to the next")
	}
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("api/openapi.json is not what the server serves; run the test with -update (-file +server):\n%s", diff)
	}
}
