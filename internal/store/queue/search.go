package queue

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// What one search looks at, after which its cursor leads on: no index over texts is kept,
// since every event would pay for it when it is accepted.
const (
	searchRows = 10_000
	searchTime = time.Second
	// searchChunk is how many rows are read at once, so that no reader lasts long and no
	// database sends what is not looked at.
	searchChunk = 250
)

const searchQuery = eventColumns + "WHERE org = ? AND id >= ? AND id < ? ORDER BY id DESC LIMIT ?"

// SearchEvents lists the events that have a text, without their data, the newest first.
func (q *Queue) SearchEvents(ctx context.Context, f peal.EventFilter, text string, p peal.Page) (found peal.FoundEvents, err error) {
	p = p.Clamp()
	from, to := idRange(f.Since, f.Until)
	if to, err = pageEnd("events", p, to); err != nil {
		return found, err
	}
	text = strings.ToLower(text)
	over := time.After(searchTime)
	for seen := 0; ; {
		rows, full := 0, false
		err := q.rows(ctx, func(scan scanner) error {
			if full = len(found.Events) == p.Limit; full {
				return errEnough
			}
			ev, err := scanEvent(scan)
			if err != nil {
				return err
			}
			rows++
			to = peal.DeliveryID(ev.ID)
			if typeFits(f.Type, ev.Type) && (f.Subject == "" || f.Subject == ev.Subject) && hasText(ev, text) {
				ev.Data = nil
				found.Events = append(found.Events, ev)
			}
			return nil
		}, searchQuery, f.Org, from, to, int64(searchChunk))
		seen += rows
		switch {
		case seen > 0 && errors.Is(err, store.ErrSlowRead):
			full = true
		case err != nil:
			return peal.FoundEvents{}, err
		case rows < searchChunk && !full:
			return found, nil
		}
		select {
		case <-over:
			full = true
		default:
		}
		if full || seen >= searchRows {
			found.Cursor, found.Back = peal.Cursor("events", to[:]), to.Time()
			return found, nil
		}
	}
}

// typeFits tells whether a list's filter takes a type: all, one, or those with a prefix
// such as budget.*.
func typeFits(want, have string) bool {
	base, prefix := strings.CutSuffix(want, "*")
	return want == "" || want == have || prefix && strings.HasPrefix(have, base)
}

// typeSieve is typeFits in SQL, of a column and the parameter that holds the base.
func typeSieve(column, base, want string) string {
	if strings.HasSuffix(want, "*") {
		return " AND substr(" + column + ", 1, length(CAST(" + base + " AS text))) = CAST(" + base + " AS text)"
	}
	return " AND " + column + " = " + base
}

// typeBase is a filter's type without the star.
func typeBase(want string) string { return strings.TrimSuffix(want, "*") }

// hasText looks for a text, which is in lower case, wherever people read an event.
func hasText(ev *peal.Event, text string) bool {
	for _, s := range []string{ev.Type, ev.Subject, ev.Title, ev.Message} {
		if strings.Contains(strings.ToLower(s), text) {
			return true
		}
	}
	data := bytes.ToLower(ev.Data)
	return bytes.Contains(data, []byte(text)) || bytes.IndexByte(data, '\\') >= 0 && bytes.Contains(bytes.ToLower(unescaped(ev.Data)), []byte(text))
}

// unescaped is a JSON text with what its strings escape as people read it.
func unescaped(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		plain := bytes.IndexByte(text, '\\')
		if plain < 0 || plain+1 == len(text) {
			return append(out, text...)
		}
		out, text = append(out, text[:plain]...), text[plain:]
		r, rest := escape(text)
		out, text = utf8.AppendRune(out, r), rest
	}
	return out
}

// escape reads the escape that a text begins with.
func escape(text []byte) (rune, []byte) {
	kind, rest := text[1], text[2:]
	switch kind {
	case 'n':
		return '\n', rest
	case 't':
		return '\t', rest
	case 'r':
		return '\r', rest
	case 'b':
		return '\b', rest
	case 'f':
		return '\f', rest
	case 'u':
		if r, ok := codeUnit(rest); ok {
			rest = rest[4:]
			if len(rest) > 2 && rest[0] == '\\' && rest[1] == 'u' {
				if low, ok := codeUnit(rest[2:]); ok && utf16.IsSurrogate(r) {
					return utf16.DecodeRune(r, low), rest[6:]
				}
			}
			return r, rest
		}
	}
	return rune(kind), rest
}

func codeUnit(hex []byte) (rune, bool) {
	if len(hex) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(hex[:4]), 16, 16)
	return rune(n), err == nil
}
