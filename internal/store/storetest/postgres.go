package storetest

import (
	"testing"

	"github.com/peal-dev/peal/test/pgtest"
)

// Postgres makes an empty schema and returns the URL that leads to it.
func Postgres(t testing.TB) (at string) {
	t.Helper()
	return pgtest.Schema(t)
}
