package peal_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/peal"
)

func TestCursors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		place := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "place")
		cursor := peal.Cursor("events", place)
		for _, size := range []int{0, len(place)} {
			if got, err := (peal.Page{Cursor: cursor}).After("events", size); err != nil || got == nil || !bytes.Equal(got, place) {
				t.Fatalf("size %d: %x, %v; want %x", size, got, err, place)
			}
		}
		wrong := func(what, list, cursor string, size int) {
			if got, err := (peal.Page{Cursor: cursor}).After(list, size); peal.CodeOf(err) != peal.CodeInvalidCursor {
				t.Fatalf("%s: %x, %v", what, got, err)
			}
		}
		wrong("another list's", "deliveries", cursor, 0)
		wrong("another size's", "events", cursor, len(place)+1)
		i := rapid.IntRange(0, len(cursor)-1).Draw(t, "at")
		wrong("a shorter one", "events", cursor[:i]+cursor[i+1:], len(place))
		other := rapid.StringMatching(`[A-Za-z0-9_-]`).Filter(func(s string) bool { return s != cursor[i:i+1] }).Draw(t, "instead")
		wrong("a changed one", "events", cursor[:i]+other+cursor[i+1:], 0)
	})
	for _, page := range []peal.Page{{}, {Limit: 3}} {
		if got, err := page.After("events", 16); got != nil || err != nil {
			t.Errorf("the first page goes on after %x, %v", got, err)
		}
		if got, err := page.Before("events"); !bytes.Equal(got, bytes.Repeat([]byte{0xff}, 16)) || err != nil {
			t.Errorf("the first page begins below %x, %v", got, err)
		}
	}
}
