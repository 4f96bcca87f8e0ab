package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Problem is an answer that says what went wrong, as RFC 9457 has it
// (application/problem+json), with Peal's own members Code and Field.
type Problem struct {
	// Status is the HTTP status code.
	Status int `json:"status"`
	// Type is a stable URI of the kind of problem, Title its name.
	Type  string `json:"type"`
	Title string `json:"title"`
	// Detail says what happened this time.
	Detail string `json:"detail"`
	// Code is the short stable name: invalid, not_found, conflict, …
	Code string `json:"code"`
	// Field is the path of the offending input, such as retry.schedule[2].
	Field string `json:"field"`
	// RetryAfter is how long the server asks to be left alone; zero says nothing.
	RetryAfter time.Duration `json:"-"`
}

func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString("peal: ")
	switch {
	case p.Detail != "":
		b.WriteString(p.Detail)
	case p.Title != "":
		b.WriteString(p.Title)
	default:
		b.WriteString(http.StatusText(p.Status))
	}
	if p.Field != "" && !strings.Contains(p.Detail, p.Field) {
		b.WriteString(" (" + p.Field + ")")
	}
	fmt.Fprintf(&b, " [%d", p.Status)
	if p.Code != "" {
		b.WriteString(" " + p.Code)
	}
	b.WriteString("]")
	return b.String()
}

func (p *Problem) temporary() bool {
	return p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable
}

// problemOf reads a problem; an answer that is none (a proxy's page) keeps its
// status alone.
func problemOf(resp *http.Response, body []byte) *Problem {
	p := new(Problem)
	if json.Unmarshal(body, p) != nil {
		*p = Problem{}
	}
	p.Status = resp.StatusCode
	if p.Title == "" {
		p.Title = http.StatusText(resp.StatusCode)
	}
	p.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), resp.Header.Get("Date"))
	return p
}

// retryAfter reads RFC 9110's two forms, seconds or a date, which it measures from
// the server's own Date so that the clocks need not agree.
func retryAfter(value, date string) time.Duration {
	if s, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(s, 0), 1<<31)) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(date)
	if err != nil {
		return 0
	}
	return max(0, at.Sub(now))
}
