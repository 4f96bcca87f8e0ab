package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the processor time that a process of this machine has used, in user
// mode and in the kernel. The kernel numbers a process's clock by its id: see
// clock_getcpuclockid(3).
func cpuTime(pid int) (time.Duration, bool) {
	const scheduler = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduler), &ts); err != nil {
		return 0, false
	}
	return time.Duration(ts.Nano()), true
}
