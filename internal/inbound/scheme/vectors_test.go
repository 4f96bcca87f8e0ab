package scheme

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// vector is a request that a scheme accepts. testdata/vectors.mjs made it, and Origin
// says by whose means.
type vector struct {
	Name     string            `json:"name"`
	Scheme   string            `json:"scheme"`
	Origin   string            `json:"origin"`
	Now      time.Time         `json:"now"`
	URL      string            `json:"url"`
	Secrets  []string          `json:"secrets"`
	Settings map[string]string `json:"settings"`
	Headers  map[string]string `json:"headers"`
	Body     string            `json:"body"`
	Want     struct {
		DeliveryID string `json:"delivery_id"`
		Event      string `json:"event"`
		Confirm    string `json:"confirm"`
		Reply      *struct {
			Status      int    `json:"status"`
			ContentType string `json:"content_type"`
			Body        string `json:"body"`
		} `json:"reply"`
	} `json:"want"`
}

type vectorFile struct {
	Certificate string   `json:"certificate"`
	Vectors     []vector `json:"vectors"`
}

func readVectors(tb testing.TB) vectorFile {
	tb.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		tb.Fatal(err)
	}
	var file vectorFile
	if err := json.Unmarshal(text, &file); err != nil {
		tb.Fatal(err)
	}
	return file
}

// certificateOf serves one certificate at every address.
func certificateOf(text string) Fetch {
	return func(context.Context, string) ([]byte, error) { return []byte(text), nil }
}

func (v vector) request() *Request {
	h := http.Header{}
	for name, value := range v.Headers {
		h.Set(name, value)
	}
	return &Request{URL: v.URL, Header: h, Body: []byte(v.Body), Now: v.Now}
}

func (v vector) config() Config {
	return Config{Secrets: slices.Clone(v.Secrets), Settings: maps.Clone(v.Settings)}
}

func (v vector) verdict() Verdict {
	want := Verdict{DeliveryID: v.Want.DeliveryID, Event: v.Want.Event, Confirm: v.Want.Confirm}
	if r := v.Want.Reply; r != nil {
		want.Reply = &Reply{Status: r.Status, ContentType: r.ContentType}
		if r.Body != "" {
			want.Reply.Body = []byte(r.Body)
		}
	}
	return want
}

func TestVectors(t *testing.T) {
	file := readVectors(t)
	set := All(certificateOf(file.Certificate))
	tried := map[string]bool{}
	for _, v := range file.Vectors {
		t.Run(v.Scheme+"/"+v.Name, func(t *testing.T) {
			if v.Origin == "" {
				t.Error("of unknown origin")
			}
			s, ok := set.Get(v.Scheme)
			if !ok {
				t.Fatal("no such scheme")
			}
			tried[v.Scheme] = true
			if err := s.Check(v.config()); err != nil {
				t.Error(err)
			}
			r := v.request()
			got, err := s.Verify(t.Context(), r, v.config())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v.verdict(), got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(v.request(), r); diff != "" {
				t.Errorf("the request was changed:\n%s", diff)
			}
		})
	}
	for _, s := range set.Schemes() {
		if !tried[s.Name] {
			t.Errorf("no vector for %s", s.Name)
		}
	}
	if _, ok := set.Get("pigeon"); ok {
		t.Error("there is an unknown scheme")
	}
}

func TestCertificatesAreFetchedOnce(t *testing.T) {
	file := readVectors(t)
	v := firstVector(t, file, "sns")
	calls := 0
	s := sns(func(context.Context, string) ([]byte, error) {
		if calls++; calls == 1 {
			return nil, errors.New("no route to host")
		}
		return []byte(file.Certificate), nil
	})
	if _, err := s.Verify(t.Context(), v.request(), v.config()); !unavailable(err) {
		t.Errorf("without a certificate: %v", err)
	}
	for range 2 {
		if _, err := s.Verify(t.Context(), v.request(), v.config()); err != nil {
			t.Error(err)
		}
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := s.Verify(t.Context(), v.request(), v.config()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if calls != 2 {
		t.Errorf("fetched %d times, want once more", calls)
	}
}
