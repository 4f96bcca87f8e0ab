package queue

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

// appendAttempt appends an attempt as encoding/json would write it, and a newline:
// a delivery's attempts are such lines, so that one more is appended by SQL without
// those before it being read.
func appendAttempt(b []byte, a *peal.Attempt) []byte {
	b = slices.Grow(b, attemptSize(a))
	b = append(b, `{"number":`...)
	b = strconv.AppendInt(b, int64(a.Number), 10)
	b = append(b, `,"started_at":"`...)
	b = a.StartedAt.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","duration":`...)
	b = strconv.AppendInt(b, int64(a.Duration), 10)
	if a.StatusCode != 0 {
		b = append(b, `,"status_code":`...)
		b = strconv.AppendInt(b, int64(a.StatusCode), 10)
	}
	b = appendField(b, "error", a.Error)
	b = appendField(b, "profile", a.Profile)
	if len(a.BodyHash) > 0 {
		b = append(b, `,"body_hash":"`...)
		b = base64.StdEncoding.AppendEncode(b, a.BodyHash)
		b = append(b, '"')
	}
	if len(a.RequestHeaders) > 0 {
		b = append(b, `,"request_headers":{`...)
		names := make([]string, 0, 16)
		for name := range a.RequestHeaders {
			names = append(names, name)
		}
		slices.Sort(names)
		for i, name := range names {
			if i > 0 {
				b = append(b, ',')
			}
			b = strictjson.AppendString(b, name)
			b = append(b, ':')
			b = strictjson.AppendString(b, a.RequestHeaders[name])
		}
		b = append(b, '}')
	}
	b = appendField(b, "response_body", a.ResponseBody)
	if a.Events != 0 {
		b = append(b, `,"events":`...)
		b = strconv.AppendInt(b, int64(a.Events), 10)
	}
	return append(b, "}\n"...)
}

// attemptSize is enough for most attempts.
func attemptSize(a *peal.Attempt) int {
	n := 192 + len(a.Error) + len(a.Profile) + len(a.ResponseBody)
	for name, value := range a.RequestHeaders {
		n += len(name) + len(value) + 8
	}
	return n
}

func appendField(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return strictjson.AppendString(b, value)
}

// parseAttempts reads the last peal.MaxAttempts lines that appendAttempt wrote.
func parseAttempts(lines string) ([]peal.Attempt, error) {
	var all []peal.Attempt
	for line := range strings.Lines(lastLines(lines, peal.MaxAttempts)) {
		var a peal.Attempt
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// lastLines cuts all but the last n lines off.
func lastLines(lines string, n int) string {
	end := len(lines)
	for range n + 1 {
		if end = strings.LastIndexByte(lines[:end], '\n'); end < 0 {
			return lines
		}
	}
	return lines[end+1:]
}
