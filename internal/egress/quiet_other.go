//go:build !unix

package egress

// quiet tells whether an idle connection has nothing to read. Here that is known of
// what was read already; a connection that was closed shows when it is written to.
func (c *conn) quiet() bool { return c.in.Buffered() == 0 }
