package bench

import (
	"encoding/json"
	"testing"
)

func TestTemplateStampsEveryEvent(t *testing.T) {
	const sent = 1_767_323_045_123_456_789
	for _, events := range []int{1, 3} {
		prefix := "POST / HTTP/1.1\r\n\r\n"
		b := body(512, events)
		tpl := newTemplate([]byte(prefix), b)
		tpl.stamp(firstSeq+41, sent)

		stamped := tpl.bytes[len(prefix):]
		if len(stamped) != len(b) || string(tpl.bytes[:len(prefix)]) != prefix {
			t.Fatalf("%d events: stamping moved bytes", events)
		}
		if events == 1 {
			stamped = append(append([]byte("["), stamped...), ']')
		}
		var raw []json.RawMessage
		if err := json.Unmarshal(stamped, &raw); err != nil {
			t.Fatal(err)
		}
		if len(raw) != events {
			t.Fatalf("%d events, want %d", len(raw), events)
		}
		for i, one := range raw {
			if len(one) != 512 {
				t.Errorf("an event has %d bytes, want 512", len(one))
			}
			seq, at, ok := readStamp(one)
			if !ok || seq != firstSeq+41+int64(i) || at != sent {
				t.Errorf("event %d carries %d, %d, %t", i, seq, at, ok)
			}
		}
	}
}

func TestReadStampRefusesWhatIsNone(t *testing.T) {
	for _, s := range []string{
		``, `{}`, `{"seq":`, `{"seq":123,"sent":4}`, `{"seq":1000000000}`,
		`{"seq":10000x0000,"sent":1767323045123456789}`, `{"seq":1000000000,"sent":17673230451234`,
	} {
		if _, _, ok := readStamp([]byte(s)); ok {
			t.Errorf("%s was read", s)
		}
	}
}
