package channel

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
)

// result reads an HTTP answer as every channel over HTTP does: 2xx alone is success,
// 410 is for good, and 429 and 503 may say when to come back.
func result(r egress.Response, err error) Result {
	res := Result{StatusCode: r.StatusCode, Body: excerpt(r.Body), Gone: r.StatusCode == http.StatusGone, Err: err}
	switch code := r.StatusCode; {
	case err != nil || code >= 200 && code <= 299:
	case code >= 300 && code <= 399:
		res.Err = fmt.Errorf("answered %d, and redirects are not followed", code)
	default:
		res.Err = fmt.Errorf("answered %d", code)
	}
	if r.StatusCode == http.StatusTooManyRequests || r.StatusCode == http.StatusServiceUnavailable {
		res.RetryAfter = retryAfter(r.Header.Get("Retry-After"), answeredAt(r.Header))
	}
	return res
}

// answeredAt is the receiver's time, which its dates are meant in: clocks differ.
func answeredAt(h http.Header) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return date
	}
	return time.Now()
}

// retryAfter reads a Retry-After header, seconds or a date (RFC 9110, 10.2.3), as a
// wait from now of at most peal.MaxRetryAfter; zero where it says nothing.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(peal.MaxRetryAfter/time.Second))) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return min(max(0, date.Sub(now)), peal.MaxRetryAfter)
	}
	return 0
}

// excerpt makes the start of an answer fit to be stored and shown: valid UTF-8, no NUL
// (which PostgreSQL's text refuses), and no longer than what is kept.
func excerpt(b []byte) []byte {
	if utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 {
		return b
	}
	if len(b) >= peal.MaxResponseBody {
		b = cutRune(b)
	}
	b = bytes.ToValidUTF8(bytes.ReplaceAll(b, []byte{0}, []byte("\uFFFD")), []byte("\uFFFD"))
	if len(b) > peal.MaxResponseBody {
		b = cutRune(b[:peal.MaxResponseBody])
	}
	return b
}

// cutRune drops the last rune where the cut went through it.
func cutRune(b []byte) []byte {
	for i := len(b) - 1; i >= max(0, len(b)-utf8.UTFMax); i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return b[:i]
			}
			break
		}
	}
	return b
}
