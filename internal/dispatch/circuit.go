package dispatch

import "github.com/peal-dev/peal/internal/peal"

// openAfter is how many distinct deliveries must fail without a success between
// for a circuit to open.
const openAfter = 10

// circuit limits how many attempts a lane makes at once. Open, it lets one at a
// time through; it never changes when a delivery is due.
type circuit struct {
	open bool
	// timedOut says that the last attempt took all of its time.
	timedOut bool
	// ramp is the limit while the lane comes back; zero once it is back.
	ramp   int
	failed map[peal.DeliveryID]struct{}
}

// limit is how many attempts may be under way at once.
func (c *circuit) limit(most int) int {
	switch {
	case c.open:
		return 1
	case c.ramp > 0:
		return min(c.ramp, most)
	}
	return most
}

// suspect lanes share a quarter of all slots, so that hanging receivers cannot
// take them all.
func (c *circuit) suspect() bool { return c.open || c.timedOut }

func (c *circuit) succeeded(most int) {
	c.timedOut = false
	c.failed = nil
	if c.open {
		c.open, c.ramp = false, 1
	}
	if c.ramp > 0 {
		if c.ramp *= 2; c.ramp >= most {
			c.ramp = 0
		}
	}
}

func (c *circuit) failedAt(id peal.DeliveryID, timedOut bool) {
	c.timedOut = timedOut
	if c.open {
		return
	}
	if c.failed == nil {
		c.failed = make(map[peal.DeliveryID]struct{}, openAfter)
	}
	c.failed[id] = struct{}{}
	if len(c.failed) >= openAfter {
		c.open, c.ramp, c.failed = true, 0, nil
	}
}
