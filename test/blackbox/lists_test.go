package blackbox

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// Every list of the API's document is paged alike: by limits of the same bounds, and by
// cursors that it tells from everything else, another list's included.
func TestListsArePagedAlike(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	r := newReceiver(t, nil)
	// What stands for {id} below a list.
	ids := map[string]string{
		"groups": "", "hooks": "",
		"endpoints": text(c.Call(t, 201, "POST", "/v1/endpoints", object{
			"type": "slack", "config": object{"url": r.URL + "/services/x"}, "group": object{"by": []string{"type"}},
		}), "id"),
		"events": text(c.Publish(t, "list.first", object{}), "id"),
	}
	c.Publish(t, "list.second", object{})
	ids["groups"] = text(c.List(t, "/v1/groups")[0], "id")
	for _, name := range []string{"first", "second"} {
		ids["hooks"], _, _ = c.hook(t, []any{step("end", "transform", object{"jq": "."})}, "name", name)
		c.Call(t, 201, "POST", "/v1/keys", object{"name": name, "role": "viewer"})
		c.Call(t, 201, "POST", "/v1/rules", object{"kind": "balance", "threshold": "1"})
	}

	paths := map[string]string{}
	doc := c.Call(t, 200, "GET", "/openapi.json", nil)
	for template, methods := range doc["paths"].(object) {
		get, _ := methods.(object)["get"].(object)
		var query []string
		for _, p := range list(get, "parameters") {
			if text(p, "in") == "query" {
				query = append(query, text(p, "name"))
			}
		}
		if !slices.Contains(query, "cursor") {
			continue
		}
		of, below, _ := strings.Cut(strings.TrimPrefix(template, "/v1/"), "/{id}")
		paths[template] = template
		if below != "" {
			if ids[of] == "" {
				t.Fatalf("nothing is made that %s could be of", template)
			}
			paths[template] = "/v1/" + of + "/" + ids[of] + below
		}
	}
	if len(paths) < 20 {
		t.Fatalf("the document has lists at %q alone", slices.Sorted(maps.Keys(paths)))
	}

	cursors := map[string]string{}
	for template, path := range paths {
		if cursor := text(c.Call(t, 200, "GET", path+"?limit=1", nil), "next_cursor"); cursor != "" {
			cursors[template] = cursor
		}
	}
	if len(cursors) < 10 {
		t.Fatalf("only %q have a second page", slices.Sorted(maps.Keys(cursors)))
	}
	for template, path := range paths {
		refused := func(parameter, value, code string) {
			p := c.Call(t, 400, "GET", path+"?"+parameter+"="+url.QueryEscape(value), nil)
			if text(p, "code") != code || text(p, "field") != parameter {
				t.Errorf("%s of %q: %v", path, value, p)
			}
		}
		for _, cursor := range []string{"x", "!", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAA", "\x00", strings.Repeat("A", 2000)} {
			refused("cursor", cursor, "invalid_cursor")
		}
		for _, limit := range []string{"0", "-1", "x", "1.5", "99999999999999999999"} {
			refused("limit", limit, "invalid")
		}
		c.Call(t, 200, "GET", path+"?limit=500", nil)
		c.Call(t, 200, "GET", path+"?limit=501", nil)
		for other, cursor := range cursors {
			switch {
			case other == template:
				c.Call(t, 200, "GET", path+"?limit=1&cursor="+cursor, nil)
				refused("cursor", cursor+"A", "invalid_cursor")
			case strings.HasSuffix(other, "/deliveries") && strings.HasSuffix(template, "/deliveries"):
				// Deliveries are one list, seen by endpoint, event or group.
			default:
				refused("cursor", cursor, "invalid_cursor")
			}
		}
	}
}
