package storetest_test

import (
	"testing"

	"github.com/peal-dev/peal/internal/store/storetest"
)

// A server that crashes may lose what the suite wrote: it asks nothing of one that did.
func forgetful(t testing.TB) string { return storetest.Postgres(t) + "&synchronous_commit=off" }

func TestPostgres(t *testing.T) { storetest.Run(t, forgetful) }
