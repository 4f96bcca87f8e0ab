package bench

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

// EventType is the type of every event that is published.
const EventType = "bench.event"

// Each event carries its number and the time at which it was sent, both of a fixed
// width, so that a request is stamped in place and read back without parsing JSON.
const (
	firstSeq  = 1_000_000_000 // ten digits, like all that follow it
	seqMark   = `"seq":`
	sentMark  = `"sent":`
	seqWidth  = 10
	sentWidth = 19 // nanoseconds since 1970
)

// minPayload leaves room for what every event carries.
const minPayload = 128

// template is a request whose events are stamped before each use.
type template struct {
	bytes      []byte
	seqs, sent []int // offsets of each event's numbers
	// mac signs what is behind body, nil for no signature; in hex it goes to signature.
	mac             hash.Hash
	signature, body int
}

// newSignedTemplate makes a template whose prefix ends where the signature of the body
// goes.
func newSignedTemplate(prefix, body, secret []byte) *template {
	head := append(bytes.Clone(prefix), strings.Repeat("0", 2*sha256.Size)+"\r\n\r\n"...)
	t := newTemplate(head, body)
	t.mac, t.signature, t.body = hmac.New(sha256.New, secret), len(prefix), len(head)
	return t
}

// sign signs the body as it is stamped.
func (t *template) sign() {
	if t.mac == nil {
		return
	}
	t.mac.Reset()
	t.mac.Write(t.bytes[t.body:])
	var sum [sha256.Size]byte
	hex.Encode(t.bytes[t.signature:], t.mac.Sum(sum[:0]))
}

// eventJSON is one event to publish, size bytes long.
func eventJSON(size int) []byte {
	head := fmt.Sprintf(`{"type":%q,"data":{%s%d,%s%d,"pad":"`, EventType, seqMark, int64(firstSeq), sentMark, int64(1e18))
	const tail = `"}}`
	pad := bytes.Repeat([]byte("peal "), size/5+1)
	out := append([]byte(head), pad[:max(0, size-len(head)-len(tail))]...)
	return append(out, tail...)
}

// body makes the template of a request body: one event, or an array of several.
func body(size, events int) []byte {
	one := eventJSON(size)
	if events == 1 {
		return one
	}
	list := bytes.Repeat(append(one, ','), events)
	list[len(list)-1] = ']'
	return append([]byte{'['}, list...)
}

// newTemplate finds the places to stamp behind a prefix that holds none.
func newTemplate(prefix, body []byte) *template {
	t := &template{bytes: append(bytes.Clone(prefix), body...)}
	for at := len(prefix); ; {
		i := bytes.Index(t.bytes[at:], []byte(seqMark))
		if i < 0 {
			return t
		}
		at += i + len(seqMark)
		t.seqs = append(t.seqs, at)
		at += seqWidth + len(",") + len(sentMark)
		t.sent = append(t.sent, at)
	}
}

// stamp numbers the events from seq on.
func (t *template) stamp(seq, sent int64) {
	var digits [sentWidth]byte
	now := strconv.AppendInt(digits[:0], sent, 10)
	for i := range t.seqs {
		strconv.AppendInt(t.bytes[:t.seqs[i]], seq+int64(i), 10)
		copy(t.bytes[t.sent[i]:], now)
	}
}

// readStamp finds an event's number and time in whatever envelope it arrived in.
func readStamp(body []byte) (seq, sent int64, ok bool) {
	seq, ok = numberAfter(body, seqMark, seqWidth)
	if !ok {
		return 0, 0, false
	}
	sent, ok = numberAfter(body, sentMark, sentWidth)
	return seq, sent, ok
}

func numberAfter(body []byte, mark string, width int) (int64, bool) {
	i := bytes.Index(body, []byte(mark))
	if i < 0 || len(body) < i+len(mark)+width {
		return 0, false
	}
	var n int64
	for _, c := range body[i+len(mark) : i+len(mark)+width] {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
