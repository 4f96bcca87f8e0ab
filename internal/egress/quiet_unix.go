//go:build unix

package egress

import "syscall"

// quiet tells whether an idle connection is open with nothing to read. Bytes that
// nobody asked for, or the end, make it useless: the next answer must not be what a
// receiver said after the last one.
func (c *conn) quiet() bool {
	if c.in.Buffered() > 0 {
		return false
	}
	quiet := false
	// Control, not Read, which fails once the last deadline has passed.
	err := c.raw.Control(func(fd uintptr) {
		var b [1]byte
		_, err := syscall.Read(int(fd), b[:])
		quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
	})
	return err == nil && quiet
}
