//go:build unix

package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Bouncer is a PgBouncer in transaction mode: every transaction may run on another
// connection of the server.
type Bouncer struct {
	dir  string
	port string

	mu    sync.Mutex
	known bytes.Buffer
}

const bouncerConfig = `%%include %s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = trust
auth_file = %s
admin_users = postgres
pool_mode = transaction
default_pool_size = 12
max_client_conn = 2000
server_idle_timeout = 2
`

// NewBouncer starts a PgBouncer of the test's own. Where it is not installed the test is
// skipped, or fails where PEAL_TEST_REQUIRE is set.
func NewBouncer(t testing.TB) *Bouncer {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program = "/usr/sbin/pgbouncer"; !exists(program) {
			required(t, "pgbouncer is not installed")
		}
	}
	b := &Bouncer{port: freePort(t)}
	if b.dir, err = os.MkdirTemp("", "peal-pgbouncer"); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(b.dir, "pgbouncer.ini")
	users := b.write(t, "users", `"postgres" ""`)
	b.write(t, "pgbouncer.ini", fmt.Sprintf(bouncerConfig, b.write(t, "databases", "[databases]\n"), b.port, users))
	cmd := exec.CommandContext(context.Background(), program, "-q", config)
	var log bytes.Buffer
	cmd.Stderr = &log
	cmd.SysProcAttr = unprivileged(t, b.dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("pgbouncer's last lines: %s", log.Bytes()[max(0, log.Len()-2000):])
		}
		if err := os.RemoveAll(b.dir); err != nil {
			t.Error(err)
		}
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := dial(net.JoinHostPort("127.0.0.1", b.port))
		if err == nil {
			_ = conn.Close()
			return b
		}
		if time.Now().After(deadline) {
			t.Fatal("pgbouncer does not listen")
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// unprivileged has a program run as the user postgres where the test is root's, and
// lets that user into the directory.
func unprivileged(t testing.TB, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		required(t, "there is no user postgres: %v", err)
	}
	uid, err := strconv.Atoi(who.Uid)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.Atoi(who.Gid)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func (b *Bouncer) write(t testing.TB, name, content string) (path string) {
	t.Helper()
	path = filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Through gives the URL that leads to a database through the pooler. Poolers do not pass
// on parameters such as the schema, so each URL gets a name of its own.
func (b *Bouncer) Through(t testing.TB, to string) string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	through := with(t, to, func(u *url.URL, q url.Values) {
		var set []string
		for name, value := range q {
			if name != "sslmode" {
				set = append(set, fmt.Sprintf("SET %s TO %s", name, value[0]))
				q.Del(name)
			}
		}
		slices.Sort(set)
		name := fmt.Sprint("peal", b.known.Len())
		fmt.Fprintf(&b.known, "%s = host=%s port=%s dbname=%s connect_query='%s'\n",
			name, u.Hostname(), u.Port(), strings.TrimPrefix(u.Path, "/"), strings.Join(set, "; "))
		u.Host, u.Path = net.JoinHostPort("127.0.0.1", b.port), name
	})
	b.write(t, "databases", "[databases]\n"+b.known.String())
	b.reload(t)
	return through
}

func (b *Bouncer) reload(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, fmt.Sprintf("postgres://postgres@127.0.0.1:%s/pgbouncer?sslmode=disable", b.port))
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(ctx, "RELOAD").ReadAll()
	if err := errors.Join(err, conn.Close(ctx)); err != nil {
		t.Fatal(err)
	}
}
