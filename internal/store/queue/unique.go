package queue

import (
	"bytes"
	"cmp"
	"encoding/json"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/store"
)

const reasonDedup = "dedup"

// usedKey is an idempotency key that was used, in this group or before.
type usedKey struct {
	hash    []byte
	expires int64
	answers []answer
}

// checkKey answers a commit whose key was used before.
func (g *group) checkKey(c *commit) (done bool, err error) {
	used, err := g.key(name{c.Org, c.Key.Key})
	if err != nil || used == nil || used.expires <= store.Micros(c.Now) {
		return false, err
	}
	if !bytes.Equal(used.hash, c.Key.Hash[:]) || len(used.answers) != len(c.Events) {
		c.err = peal.Errorf(peal.CodeUnprocessable, "the idempotency key was used before with another request")
		return true, nil
	}
	c.duplicate = true
	for _, a := range used.answers {
		a.duplicate = true
		c.answers = append(c.answers, a)
	}
	return true, nil
}

func (g *group) key(n name) (*usedKey, error) {
	if used, ok := g.keys[n]; ok {
		return used, nil
	}
	used, err := g.readKey(n)
	if err == nil && used != nil {
		g.keys[n] = used
	}
	return used, err
}

func (g *group) addKey(c *commit) error {
	used := &usedKey{hash: c.Key.Hash[:], expires: store.Micros(c.Key.Expires), answers: c.answers}
	doc, err := json.Marshal(used.answers)
	if err != nil {
		return err
	}
	g.keys[name{c.Org, c.Key.Key}] = used
	g.batch.keys = append(g.batch.keys, c.Org, c.Key.Key, used.hash, string(doc), used.expires)
	return nil
}

// usedRef is a publisher's own event id that was used, in this group or before.
type usedRef struct {
	hash       []byte
	deliveries int
}

// checkRefs refuses a commit that uses an id again for another event.
func (g *group) checkRefs(c *commit) error {
	var own map[string]*publish.NewEvent // the first of each id within the commit
	for _, e := range c.Events {
		id := e.Event.ClientID
		if id == "" {
			continue
		}
		used, err := g.ref(name{c.Org, id})
		if err != nil {
			return err
		}
		var hash []byte
		if used != nil {
			hash = used.hash
		} else if first := own[id]; first != nil {
			hash = first.Hash[:]
		} else if len(c.Events) > 1 {
			if own == nil {
				own = map[string]*publish.NewEvent{}
			}
			own[id] = e
		}
		if hash != nil && !bytes.Equal(hash, e.Hash[:]) {
			c.err = &peal.Error{Code: peal.CodeUnprocessable, Field: "id", Message: "the event's id was used before for another event"}
			return nil
		}
	}
	return nil
}

func (g *group) ref(n name) (*usedRef, error) {
	if used, ok := g.refs[n]; ok {
		return used, nil
	}
	used, err := g.readRef(n)
	if err == nil && used != nil {
		g.refs[n] = used
	}
	return used, err
}

func (g *group) addRef(c *commit, e *publish.NewEvent, deliveries int) {
	g.refs[name{c.Org, e.Event.ClientID}] = &usedRef{e.Hash[:], deliveries}
	g.batch.refs = append(g.batch.refs, c.Org, e.Event.ClientID, e.Event.ID[:], e.Hash[:], int64(deliveries))
}

type windowName struct{ org, key, eventType string }

// windowOf names the dedup window of a delivery.
func windowOf(c *commit, e *publish.NewEvent, d *publish.NewDelivery) windowName {
	return windowName{c.Org, d.DedupKey, cmp.Or(d.DedupName, e.Event.Type)}
}

func reasonOf(d *publish.NewDelivery) string { return cmp.Or(d.DedupReason, reasonDedup) }

// window is a dedup window; all deliveries of the event that opened it pass.
type window struct {
	until  int64
	opener *publish.NewEvent
}

// passes tells whether a delivery gets through its dedup window, and opens the window
// where none is open.
func (g *group) passes(c *commit, e *publish.NewEvent, d *publish.NewDelivery) (bool, error) {
	if d.DedupKey == "" || d.Status != peal.Pending {
		return true, nil
	}
	n := windowOf(c, e, d)
	w, ok := g.windows[n]
	if !ok {
		until, err := g.readWindow(n)
		if err != nil {
			return false, err
		}
		w.until = until
		g.windows[n] = w
	}
	now := store.Micros(c.Now)
	if w.opener == e {
		return true, nil
	}
	if now < w.until {
		return false, nil
	}
	w = window{until: now + int64(d.DedupWindow/time.Microsecond), opener: e}
	g.windows[n] = w
	g.batch.windows = append(g.batch.windows, n.org, n.key, n.eventType, w.until)
	return true, nil
}

// nextSeq numbers the deliveries of an ordered endpoint.
func (g *group) nextSeq(ep peal.EndpointID) (next int64, err error) {
	next, ok := g.seqs[ep]
	if !ok {
		if next, err = g.readSeq(ep); err != nil {
			return 0, err
		}
	}
	g.seqs[ep] = next + 1
	return next, nil
}
