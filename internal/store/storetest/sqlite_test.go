package storetest_test

import (
	"path/filepath"
	"testing"

	"github.com/peal-dev/peal/internal/store/storetest"
)

func sqlite(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "peal.db") }

func TestSQLite(t *testing.T) { storetest.Run(t, sqlite) }
