package storetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// localPostgres is where a server is looked for that no setting names.
const localPostgres = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"

// Postgres makes an empty schema in the database that PEAL_TEST_POSTGRES names, or in the
// local one, and returns the URL that leads to it. Without a server it skips the test,
// or fails it where PEAL_TEST_REQUIRE is set.
func Postgres(t testing.TB) (at string) {
	t.Helper()
	server := os.Getenv("PEAL_TEST_POSTGRES")
	if server == "" {
		server = localPostgres
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		if os.Getenv("PEAL_TEST_REQUIRE") != "" {
			t.Fatalf("there is no PostgreSQL: %v", err)
		}
		t.Skipf("there is no PostgreSQL (PEAL_TEST_POSTGRES names one): %v", err)
	}
	schema := "peal_" + strings.ToLower(rand.Text())
	if _, err := conn.Exec(ctx, "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if _, err := conn.Exec(ctx, fmt.Sprintf("DROP SCHEMA %s CASCADE", schema)); err != nil {
			t.Error(err)
		}
		if err := conn.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // PostgreSQL's URLs have no +
	return u.String()
}
