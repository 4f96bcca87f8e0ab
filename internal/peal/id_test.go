package peal

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestIDTextRoundTripsAndSortsAsBytes(t *testing.T) {
	anyID := rapid.Custom(func(t *rapid.T) DeliveryID {
		return DeliveryID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyID.Draw(t, "a"), anyID.Draw(t, "b")
		back, err := ParseDeliveryID(a.String())
		if err != nil || back != a {
			t.Fatalf("ParseDeliveryID(%q) = %v, %v", a, back, err)
		}
		if got, want := strings.Compare(a.String(), b.String()), bytes.Compare(a[:], b[:]); got != want {
			t.Fatalf("text order of %s and %s is %d, byte order %d", a, b, got, want)
		}
	})
}

func TestIDRefusesWhatIsNotOne(t *testing.T) {
	good := NewEndpointID(time.Now())
	for _, s := range []string{
		"", "ep_", "dlv_" + good.text(), good.text(), good.String() + "0", good.String()[:28],
		"ep_8" + good.text()[1:], "ep_" + strings.ToUpper(good.text()[:25]) + "U", "ep_" + strings.Repeat("l", 26),
	} {
		if id, err := ParseEndpointID(s); err == nil {
			t.Errorf("ParseEndpointID(%q) = %s, want an error", s, id)
		}
	}
}

func TestEndpointIDHasASecondSpelling(t *testing.T) {
	id := NewEndpointID(time.Now())
	if got, err := ParseEndpointID(id.As("wh_")); err != nil || got != id {
		t.Errorf("ParseEndpointID(%q) = %v, %v", id.As("wh_"), got, err)
	}
	if _, err := ParseEventID(NewEventID(time.Now()).As("wh_")); err == nil {
		t.Error("an event's id was taken with an endpoint's second prefix")
	}
}

func TestIDKeepsItsTime(t *testing.T) {
	now := time.Date(2026, 5, 4, 14, 23, 0, 123e6, time.UTC)
	if got := NewEventID(now).Time(); !got.Equal(now) {
		t.Errorf("Time() = %s, want %s", got, now)
	}
}

func TestIDInJSONAndSQL(t *testing.T) {
	id := NewEventID(time.Now())
	b, err := json.Marshal(id)
	if err != nil {
		t.Fatal(err)
	}
	var back, scanned EventID
	if err := json.Unmarshal(b, &back); err != nil || back != id {
		t.Errorf("JSON round trip of %s gave %s, %v", id, back, err)
	}
	v, err := id.Value()
	if err != nil {
		t.Fatal(err)
	}
	if err := scanned.Scan(v); err != nil || scanned != id {
		t.Errorf("SQL round trip of %s gave %s, %v", id, scanned, err)
	}
	if err := scanned.Scan("text"); err == nil {
		t.Error("Scan took a string")
	}
	if err := scanned.Scan(nil); err != nil || !scanned.IsZero() {
		t.Errorf("Scan(nil) = %s, %v", scanned, err)
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(NewEndpointID(time.Unix(0, 0)).String())
	f.Add("wh_00000000000000000000000000")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseEndpointID(s)
		if err == nil && id.String() != s && id.As("wh_") != s {
			t.Errorf("ParseEndpointID(%q) = %s: two spellings of one id", s, id)
		}
	})
}
