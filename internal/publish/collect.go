package publish

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// collect has a delivery go with others, where its endpoint wants that.
func (p *Publisher) collect(d *NewDelivery, ev *peal.Event, ep *peal.Endpoint, now time.Time) {
	critical := ev.Severity == peal.Critical
	switch {
	case ep.Grouping != nil && (!critical || ep.Grouping.IncludeCritical):
		g := ep.Grouping
		d.Group = newGroup(ep.ID, labelsOf(g.By, ev))
		d.Group.Opens, d.Group.Interval = now.Add(time.Duration(g.Wait)), time.Duration(g.Interval)
		if g.RepeatInterval > 0 {
			id := d.Group.ID.String()
			d.DedupKey, d.DedupName, d.DedupWindow = id, fingerprint(ev), time.Duration(g.RepeatInterval)
			d.DedupReason = peal.ReasonRepeat + " " + id
		}
	case ep.Digest != nil && (!critical || ep.Digest.IncludeCritical):
		d.Group = newGroup(ep.ID, []label{})
		d.Group.Opens = p.Directory.NextDigest(ep, now)
	}
}

type label struct{ name, value string }

// labelsOf are the event's values of what it is grouped by; what it lacks is empty.
func labelsOf(by []string, ev *peal.Event) []label {
	labels := make([]label, len(by))
	for i, name := range by {
		labels[i] = label{name, labelOf(name, ev)}
	}
	return labels
}

func labelOf(name string, ev *peal.Event) string {
	switch name {
	case "type":
		return ev.Type
	case "severity":
		return string(ev.Severity)
	case "source":
		return ev.Source
	case "subject":
		return ev.Subject
	}
	value := json.RawMessage(ev.Data)
	for _, member := range strings.Split(name, ".")[1:] { // after data
		var object map[string]json.RawMessage
		if json.Unmarshal(value, &object) != nil {
			return ""
		}
		value = object[member]
	}
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// maxLabel is how much of a value is shown; groups are told apart by all of it.
const maxLabel = 256

// newGroup names the group of an endpoint with the labels. The id is made of both, so
// that every node gives the same.
func newGroup(ep peal.EndpointID, labels []label) *Group {
	hash := sha256.New()
	hash.Write(ep[:])
	shown := make(map[string]string, len(labels))
	for _, l := range labels {
		for _, part := range []string{l.name, l.value} {
			sum := sha256.Sum256([]byte(part)) // of one length, so that no two lists look the same
			hash.Write(sum[:])
		}
		shown[l.name] = peal.Clip(l.value, maxLabel)
	}
	var doc bytes.Buffer
	enc := json.NewEncoder(&doc)
	enc.SetEscapeHTML(false)
	if enc.Encode(shown) != nil {
		doc.Reset() // strings always marshal
	}
	return &Group{ID: peal.GroupID(hash.Sum(nil)), Labels: strings.TrimSpace(doc.String())}
}

// fingerprint is equal for events that tell the same: all but their ids and times.
func fingerprint(ev *peal.Event) string {
	hash := sha256.New()
	for _, part := range []string{ev.Type, ev.Source, ev.Subject, string(ev.Severity), ev.Title, ev.Message, string(ev.Data)} {
		sum := sha256.Sum256([]byte(part))
		hash.Write(sum[:])
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}
