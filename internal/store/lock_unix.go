//go:build unix

package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/peal-dev/peal/internal/peal"
)

// lockFile takes the lock that keeps a second process from the database. The system
// drops it with the process, however that ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, folderError(path, err)
	}
	if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, peal.Errorf(peal.CodeConflict, "the database %s is in use by another process", path)
	}
	return nil, peal.Wrap(peal.CodeUnavailable, err, "the database could not be locked")
}
