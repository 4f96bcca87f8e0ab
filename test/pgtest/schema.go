package pgtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// local is where a server is looked for that no setting names.
const local = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"

// Schema makes an empty schema in the database that PEAL_TEST_POSTGRES names, or in the
// local one, and returns the URL that leads to it. Without a server it skips the test,
// or fails it where PEAL_TEST_REQUIRE is set.
func Schema(t testing.TB) (at string) {
	t.Helper()
	server := os.Getenv("PEAL_TEST_POSTGRES")
	if server == "" {
		server = local
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		required(t, "there is no PostgreSQL (PEAL_TEST_POSTGRES names one): %v", err)
	}
	schema := "peal_" + strings.ToLower(rand.Text())
	if _, err := conn.Exec(ctx, "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if _, err := conn.Exec(ctx, "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			t.Error(err)
		}
		if err := conn.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return with(t, server, func(u *url.URL, q url.Values) { q.Set("search_path", schema) })
}

// with changes a URL.
func with(t testing.TB, at string, change func(*url.URL, url.Values)) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	change(u, q)
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // PostgreSQL's URLs have no +
	return u.String()
}

// required turns a skip into a failure where the tests must be complete.
func required(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("PEAL_TEST_REQUIRE") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
