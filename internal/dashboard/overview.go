package dashboard

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// overview is what the first page shows.
type overview struct {
	Stats     peal.OrgStats
	Span      string
	Endpoints []endpoint
	Names     map[peal.EndpointID]string
	Failing   []peal.EndpointCounts
	Stopped   []endpoint
	standing
}

// spans are the stretches of time that can be looked at.
var spans = map[string]time.Duration{"1h": time.Hour, "24h": 24 * time.Hour, "7d": 7 * 24 * time.Hour}

func (d *Dashboard) overviewRoutes(a area) {
	a.handle("GET /overview", "", func(v *visit) error {
		o, err := v.overview()
		if err != nil {
			return err
		}
		return v.render(http.StatusOK, "overview", "Overview", o)
	})
	a.handle("GET /overview/live", "", (*visit).live)
}

func (v *visit) overview() (overview, error) {
	o := overview{Span: v.r.FormValue("span"), Names: map[peal.EndpointID]string{}}
	if spans[o.Span] == 0 {
		o.Span = "24h"
	}
	since := v.Now().Add(-spans[o.Span]).UTC().Format(time.RFC3339)
	if err := v.get("/v1/stats", url.Values{"since": {since}}, &o.Stats); err != nil {
		return o, err
	}
	var err error
	if o.standing, err = v.standing(); err != nil {
		return o, err
	}
	all, err := v.endpoints()
	if err != nil {
		return o, err
	}
	o.Endpoints = all
	for _, ep := range all {
		o.Names[ep.ID] = ep.title()
		if ep.Status != peal.Active {
			o.Stopped = append(o.Stopped, ep)
		}
	}
	for _, c := range o.Stats.Endpoints {
		if _, known := o.Names[c.EndpointID]; known && c.Failed > 0 {
			o.Failing = append(o.Failing, c)
		}
	}
	return o, nil
}

// liveEvery is how often an open overview looks for news.
const liveEvery = 2 * time.Second

// whoNow is who the session belongs to by now: meanwhile it may have ended, a key been
// deleted, a member removed, or a role changed.
func (v *visit) whoNow() (auth.Identity, error) {
	// The request's own context holds the session as it was.
	ctx, cancel := context.WithTimeout(context.Background(), liveEvery)
	defer cancel()
	ctx, err := v.sessions.Load(ctx, v.sessions.Token(v.r.Context()))
	if err != nil {
		return auth.Identity{}, err
	}
	return v.identity(v.r.WithContext(ctx))
}

// live sends the overview anew whenever it has changed, as server-sent events, until the
// browser leaves or the session's hour is up; then the browser comes again.
func (v *visit) live() error {
	out := http.NewResponseController(v.w)
	if err := out.SetWriteDeadline(time.Time{}); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(liveEvery)
	defer tick.Stop()
	end := time.NewTimer(time.Hour)
	defer end.Stop()
	var last []byte
	for {
		if who, err := v.whoNow(); err != nil || who != v.who {
			return nil //nolint:nilerr // the browser comes again and is told
		}
		o, err := v.overview()
		if err != nil {
			return nil //nolint:nilerr // the browser comes again and is told
		}
		var page bytes.Buffer
		if err := v.templates["overview"].ExecuteTemplate(&page, "live", v.view("", o)); err != nil {
			return err
		}
		if !bytes.Equal(page.Bytes(), last) {
			last = page.Bytes()
			event := "event: overview\ndata: " + strings.ReplaceAll(string(last), "\n", "\ndata: ") + "\n\n"
			if _, err := v.w.Write([]byte(event)); err != nil {
				return nil //nolint:nilerr // the browser is gone
			}
			if err := out.Flush(); err != nil {
				return nil //nolint:nilerr // the browser is gone
			}
		}
		select {
		case <-v.r.Context().Done():
			return nil
		case <-end.C:
			return nil
		case <-tick.C:
		}
	}
}
