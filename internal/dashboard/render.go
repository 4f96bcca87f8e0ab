package dashboard

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

//go:embed pages static
var files embed.FS

// templates are the pages by name, each with the layout.
type templates map[string]*template.Template

// view is what the layout shows around a page.
type view struct {
	Title string
	// Base is where the pages of the area begin; Path is the page's own, below it.
	Base, Path string
	Who        auth.Identity
	Org        string
	Portal     *auth.Portal
	// Note says what the form before this page did.
	Note    string
	Version string
	Page    any
	v       *visit
}

// Allows tells whether the person may do what needs a role.
func (v view) Allows(role string) bool { return v.Who.Role.Includes(peal.Role(role)) }

// Has tells whether a feature is there: in the dashboard all are.
func (v view) Has(feature string) bool { return v.Portal == nil || v.Portal.Has(feature) }

// Orgs lists the orgs that an admin may look at, or a member of several.
func (v view) Orgs() []string {
	if v.v == nil || v.Portal != nil {
		return nil
	}
	if !v.Who.Admin {
		return v.v.orgsOf()
	}
	var orgs list[struct {
		ID string `json:"id"`
	}]
	if err := v.v.get("/v1/orgs", url.Values{"limit": {"500"}}, &orgs); err != nil {
		return nil
	}
	var ids []string
	for _, o := range orgs.Data {
		ids = append(ids, o.ID)
	}
	if !slices.Contains(ids, v.Org) {
		ids = append(ids, v.Org) // an old one among many
	}
	return ids
}

// orgsOf are a member's orgs where there are several to choose from.
func (v *visit) orgsOf() []string {
	member := v.memberships(v.r)
	if len(member) < 2 {
		return nil
	}
	var ids []string
	for _, m := range member {
		ids = append(ids, m.Org)
	}
	return ids
}

// Home is where an error leads back to. A portal that is over leads nowhere: whose portal it
// was has no other page.
func (v view) Home() string {
	switch {
	case v.Portal != nil:
		return v.Base
	case strings.HasPrefix(v.v.r.URL.Path, "/portal/"):
		return ""
	}
	return home
}

// Active marks the navigation's entry of the page.
func (v view) Active(prefix string) template.HTMLAttr {
	if v.Path == prefix || strings.HasPrefix(v.Path, prefix+"/") {
		return `aria-current="page"`
	}
	return ""
}

func parseTemplates(version string) (templates, error) {
	layout, err := template.New("layout.html").Funcs(functions(version)).ParseFS(files, "pages/layout.html", "pages/parts.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		return nil, err
	}
	out := templates{}
	for _, file := range names {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" || name == "parts" {
			continue
		}
		page, err := layout.Clone()
		if err == nil {
			page, err = page.ParseFS(files, file)
		}
		if err != nil {
			return nil, err
		}
		out[name] = page
	}
	return out, nil
}

// render writes a page. Where the request asks for a part of it alone, as htmx does for
// what it swaps, the whole page does too: the browser takes the part out of it.
func (v *visit) render(status int, name, title string, data any) error {
	var out bytes.Buffer
	err := v.templates[name].ExecuteTemplate(&out, "layout.html", v.view(title, data))
	if err != nil {
		return fmt.Errorf("dashboard: %s: %w", name, err)
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(out.Bytes()) // a browser that is gone needs no page
	return nil
}

func (v *visit) view(title string, data any) view {
	return view{
		Title: title, Base: v.base, Path: strings.TrimPrefix(v.r.URL.Path, v.base), Who: v.who, Org: v.who.Org, Portal: v.portal,
		Note: notes[v.r.URL.Query().Get("done")], Version: v.Version, Page: data, v: v,
	}
}

// notes are what a page may say after a form, by the word in its address.
var notes = map[string]string{
	"created":    "Created.",
	"saved":      "Saved.",
	"deleted":    "Deleted.",
	"paused":     "Paused. Deliveries wait until you resume.",
	"resumed":    "Resumed. What waited is being delivered.",
	"retried":    "On its way again.",
	"replayed":   "On their way again, a little at a time.",
	"discarded":  "Discarded. They are cancelled deliveries now, which can still be retried.",
	"discarding": "Discarded as many as one step does. There are more: discard again.",
	"none":       "None was selected.",
	"cancelled":  "Cancelled.",
	"ended":      "Ended.",
	"rerun":      "Running again.",
	"approved":   "Approved.",
	"denied":     "Denied.",
	"accepted":   "Accepted.",
	"completed":  "Completed.",

	"signed-out": "Signed out of Peal. The provider may still know you: on a shared computer, sign out there too.",
}

// functions are what templates may call.
func functions(version string) template.FuncMap {
	return template.FuncMap{
		"asset": func(name string) string { return "/dashboard/static/" + name + "?v=" + assetTags[name] },
		"time":  showTime,
		"json":  prettyJSON,
		"lower": strings.ToLower,
		"percent": func(part, whole int) string {
			if whole == 0 {
				return "–"
			}
			return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
		},
		"ms": func(ms float64) string {
			return (time.Duration(ms*1000) * time.Microsecond).Round(100 * time.Microsecond).String()
		},
		"query": func(pairs ...string) string {
			q := url.Values{}
			for i := 0; i+1 < len(pairs); i += 2 {
				if pairs[i+1] != "" {
					q.Set(pairs[i], pairs[i+1])
				}
			}
			return q.Encode()
		},
		"join": strings.Join,
		"span": shortSpan,
		"spans": func(all []string) string {
			out := make([]string, len(all))
			for i, s := range all {
				out[i] = shortSpan(s)
			}
			return strings.Join(out, ", ")
		},
		"label":   fieldLabel,
		"version": func() string { return version },
		// A portal's logo was checked when its link was made.
		"safeImage": func(url string) template.URL { return template.URL(url) }, //nolint:gosec // see above
		"args":      func(v ...any) []any { return v },
	}
}

// showTime writes a time for machines and, until a script puts it into the reader's own
// zone, in UTC; nothing for one that is not set.
func showTime(t any) template.HTML {
	var at time.Time
	switch t := t.(type) {
	case time.Time:
		at = t
	case *time.Time:
		if t != nil {
			at = *t
		}
	}
	if at.IsZero() {
		return "–"
	}
	at = at.UTC()
	utc := at.Format("2006-01-02 15:04:05") + " UTC"
	return template.HTML(`<time datetime="` + at.Format(time.RFC3339Nano) + `" title="` + utc + `">` + utc + `</time>`) //nolint:gosec // digits alone
}

// shortSpan leaves out of a duration what is zero: 1h0m0s is 1h.
func shortSpan(s string) string {
	if short, ok := strings.CutSuffix(s, "m0s"); ok {
		s = short + "m"
	}
	if short, ok := strings.CutSuffix(s, "h0m"); ok {
		s = short + "h"
	}
	return s
}

// fieldLabel is a member's name as the label of an input.
func fieldLabel(name string) string {
	switch name {
	case "url":
		return "URL"
	case "api":
		return "API"
	case "tls":
		return "TLS"
	}
	name = strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(name[:1]) + name[1:]
}

// prettyJSON indents a document; what is none stays as it is.
func prettyJSON(v any) string {
	var raw []byte
	switch v := v.(type) {
	case json.RawMessage:
		raw = v
	case []byte:
		raw = v
	case string:
		raw = []byte(v)
	default:
		raw, _ = json.Marshal(v)
	}
	var out bytes.Buffer
	if json.Indent(&out, raw, "", "  ") != nil {
		return string(raw)
	}
	return out.String()
}

// assetTags tell browsers when a file is another one than they have.
var assetTags = func() map[string]string {
	tags := map[string]string{}
	_ = fs.WalkDir(files, "static", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		sum := sha256.Sum256(content)
		tags[strings.TrimPrefix(name, "static/")] = hex.EncodeToString(sum[:6])
		return err
	})
	return tags
}()

func (d *Dashboard) static() http.Handler {
	root, _ := fs.Sub(files, "static")
	serve := http.StripPrefix("/dashboard/static/", http.FileServerFS(root))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/dashboard/static/")
		if _, ok := assetTags[name]; !ok {
			d.fail(&visit{Dashboard: d, w: w, r: r, base: "/dashboard"}, peal.NotFound("page"))
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		serve.ServeHTTP(w, r)
	})
}
