package queue

import (
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// lockGroups locks the groups that have deliveries due, before these are looked at: of
// two nodes one takes all of a group, and what a commit is adding to a message is seen
// or goes with the next. A group that somebody else has locked is left for later.
func (c *claim) lockGroups(query string) error {
	c.locked = map[peal.GroupID]bool{}
	return c.tx.Query(func(r store.Row) error {
		c.locked[groupID(r.Blob(0))] = true
		return nil
	}, query, c.Endpoint[:], store.Micros(c.Now))
}

// leaveWhole leaves a group of which not all fits to the next claim, unless it is the
// only one.
func (c *claim) leaveWhole(cut peal.GroupID) {
	n := len(c.taken)
	if !c.Grouped || cut.IsZero() {
		return
	}
	for n > 0 && c.taken[n-1].job.Group == cut {
		n--
	}
	if n > 0 {
		c.taken = c.taken[:n]
	}
}

// takeGroups notes the messages that the claim takes.
func (c *claim) takeGroups() error {
	events := map[peal.GroupID]int64{}
	for _, t := range c.taken {
		if id := t.job.Group; !id.IsZero() {
			events[id]++
		}
	}
	for _, t := range c.taken {
		id := t.job.Group
		if events[id] == 0 {
			continue
		}
		if err := c.tx.Send(takeGroup, id[:], store.Micros(c.Now), events[id]); err != nil {
			return err
		}
		delete(events, id)
	}
	return nil
}
