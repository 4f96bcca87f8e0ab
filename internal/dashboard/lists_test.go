package dashboard

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/auth"
)

// A page on which nothing fits need not be the last: a list looks at so many rows at a time.
func TestEmptyPagesLeadOn(t *testing.T) {
	pages, err := parseTemplates("test")
	if err != nil {
		t.Fatal(err)
	}
	for _, filter := range []filters{{"type": "rare"}, {"type": "rare", "cursor": "c"}} {
		for _, next := range []*string{new("n"), nil} {
			events := struct {
				list[event]
				SearchedBackTo time.Time
				Filter         filters
			}{list[event]{NextCursor: next}, time.Time{}, filter}
			deliveries := deliveryPage{list: list[delivery]{NextCursor: next}, Filter: filter}
			for name, page := range map[string]any{"events": events, "deliveries": deliveries, "deadletters": deliveries} {
				var out bytes.Buffer
				if err := pages[name].ExecuteTemplate(&out, "main", view{Base: "/dashboard", Page: page}); err != nil {
					t.Fatal(err)
				}
				on := strings.Contains(out.String(), `href="?cursor=n&amp;type=rare"`) && strings.Contains(out.String(), "Nothing found yet")
				if on != (next != nil) {
					t.Errorf("%s, %v, leads on: %v\n%s", name, filter, on, out.String())
				}
			}
		}
	}
}

// What is done to all is done to what was shown.
func TestShownDeadLetters(t *testing.T) {
	const shown, later, earlier = "2026-06-01T12:00:00.5Z", "2026-06-02T00:00:00Z", "2026-05-01T00:00:00Z"
	for _, tc := range []struct {
		form url.Values
		want map[string]string
	}{
		{url.Values{"type": {"a"}, "shown": {shown}}, map[string]string{"type": "a", "until": shown}},
		{url.Values{"until": {later}, "shown": {shown}}, map[string]string{"until": shown}},
		{url.Values{"until": {earlier}, "shown": {shown}}, map[string]string{"until": earlier}},
		{url.Values{"until": {earlier}, "shown": {"x"}}, map[string]string{"until": earlier}},
		{url.Values{"all": {"true"}}, map[string]string{}},
	} {
		r := httptest.NewRequest(http.MethodPost, "/dashboard/dead-letters/discard", strings.NewReader(tc.form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if diff := cmp.Diff(tc.want, (&visit{r: r}).shownDeadLetters()); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tc.form, diff)
		}
	}
}

// The org that is looked at is among those to choose from, though there be many.
func TestOrgsHoldTheOneThatIsLookedAt(t *testing.T) {
	api := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"data":[{"id":"new"}]}`) })
	who := auth.Identity{Admin: true}
	v := view{Who: who, Org: "old", v: &visit{caller: caller{api: api, ctx: t.Context(), who: who}}}
	if got := v.Orgs(); !slices.Equal(got, []string{"new", "old"}) {
		t.Errorf("%v", got)
	}
}

// A number that is none is refused by the API, and not taken for none.
func TestTypedNumbers(t *testing.T) {
	for text, want := range map[string]any{"": nil, "2.5": 2.5, "10": 10.0, "ten": "ten", "inf": "inf", "0x10": "0x10", "1 000": "1 000"} {
		n, got := typed[float64](text)
		if got != want || n != nil && any(*n) != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
