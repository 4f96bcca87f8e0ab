package channel

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                                       0,
		"soon":                                   0,
		"-5":                                     0,
		"1.5":                                    0,
		"0":                                      0,
		"5":                                      5 * time.Second,
		"99999999999999999999":                   0,
		"18446744073709551615":                   peal.MaxRetryAfter,
		"Mon, 05 Jan 2026 10:00:30 GMT":          30 * time.Second,
		"Mon, 05 Jan 2026 09:00:00 GMT":          0,
		"Mon, 05 Jan 2099 10:00:30 GMT":          peal.MaxRetryAfter,
		now.Add(time.Minute).Format(time.RFC850): time.Minute,
		http.TimeFormat:                          0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

// A date to come back at is meant in the receiver's time, however wrong its clock or the
// node's is.
func TestRetryAfterOfAnotherClock(t *testing.T) {
	receivers := time.Now().Add(-time.Hour)
	r := egress.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{
		"Date": {receivers.UTC().Format(http.TimeFormat)}, "Retry-After": {receivers.Add(time.Minute).UTC().Format(http.TimeFormat)},
	}}
	if got := result(r, nil).RetryAfter; got != time.Minute {
		t.Errorf("%v, want a minute", got)
	}
}

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("a", peal.MaxResponseBody-1)
	for _, tc := range []struct{ in, want string }{
		{"", ""},
		{"grüße", "grüße"},
		{"a\xffb", "a\uFFFDb"},
		{"a\x00b", "a\uFFFDb"},
		{"cut \xe2\x82", "cut \uFFFD"}, // short: the receiver's own mistake
		{long + "\xe2", long},          // full: the cut's
		{long + "é", long},
	} {
		in := []byte(tc.in)
		if got := string(excerpt(in[:min(len(in), peal.MaxResponseBody)])); got != tc.want {
			t.Errorf("%q: %q, want %q", tc.in, got, tc.want)
		}
	}
}

func FuzzExcerpt(f *testing.F) {
	f.Add([]byte("a\x00\xffé"))
	f.Add([]byte(strings.Repeat("\x00", peal.MaxResponseBody)))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:min(len(b), peal.MaxResponseBody)]
		got := excerpt(b)
		if !utf8.Valid(got) || strings.ContainsRune(string(got), 0) || len(got) > peal.MaxResponseBody {
			t.Errorf("%q becomes %q", b, got)
		}
		if utf8.Valid(b) && !strings.ContainsRune(string(b), 0) && string(got) != string(b) {
			t.Errorf("%q is fine and becomes %q", b, got)
		}
	})
}
