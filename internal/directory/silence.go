package directory

import (
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Silences hold back deliveries for some time.
var Silences = Objects[peal.Silence]{Kind: "silence", derive: func(d *Directory, s *peal.Silence) any {
	return d.matcher(&s.Match, "silence", s.Org, s.ID)
}}

// Quiet is what holds back an event at a time, for any of its endpoints.
type Quiet struct {
	directory *Directory
	now       time.Time
	silences  []*object // those in force that match the event
	event     *peal.Event
}

// Quiet looks for what holds back an event of the org at a time.
func (d *Directory) Quiet(org string, ev *peal.Event, now time.Time) Quiet {
	q := Quiet{directory: d, now: now, event: ev}
	d.mu.RLock()
	var all []*object
	if t := d.tenants[org]; t != nil {
		if list := t.objects[Silences.Kind]; list != nil {
			all = append(all, list.items...)
		}
	}
	d.mu.RUnlock()
	in := input{event: ev}
	for _, o := range all {
		if Silences.value(o).Status(now) == peal.SilenceActive && o.derived.(*matcher).takes(&in) {
			q.silences = append(q.silences, o)
		}
	}
	return q
}

// For says what holds the event back for the endpoint, as the reason of its delivery;
// empty where nothing does.
func (q *Quiet) For(ep *peal.Endpoint) string {
	for _, o := range q.silences {
		if s := Silences.value(o); s.Covers(ep.ID) {
			return peal.ReasonSilence + " " + s.ID.String()
		}
	}
	if ep.MuteHours == nil || q.event.Severity == peal.Critical && !ep.MuteHours.IncludeCritical {
		return ""
	}
	if e := q.directory.endpointEntry(ep.ID); e != nil && e.muted != nil && e.muted.Cover(q.now) {
		return peal.ReasonMuteHours
	}
	return ""
}

// NextDigest is when what is collected for the endpoint after a time is sent; at once
// where it gets no digests any more.
func (d *Directory) NextDigest(ep *peal.Endpoint, after time.Time) time.Time {
	if e := d.endpointEntry(ep.ID); e != nil && e.digest != nil {
		return e.digest.Next(after)
	}
	return after
}
