package transform

import "golang.org/x/sys/unix"

// maxMemory is what a worker may hold, the runtime of Go included.
const maxMemory = 512 << 20

func limitMemory() error {
	return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: maxMemory, Max: maxMemory})
}
