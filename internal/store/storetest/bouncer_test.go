//go:build unix

package storetest_test

import (
	"testing"

	"github.com/peal-dev/peal/internal/store/storetest"
	"github.com/peal-dev/peal/test/pgtest"
)

// TestPgBouncer runs the suite through a pooler that gives every transaction another
// connection.
func TestPgBouncer(t *testing.T) {
	bouncer := pgtest.NewBouncer(t)
	storetest.Cases(t, func(t testing.TB) string { return bouncer.Through(t, forgetful(t)) })
}
