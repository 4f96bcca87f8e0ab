package blackbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

const adminKey = "an-admin-key-of-the-tests"

// loopback lets deliveries reach the receivers of the tests.
var loopback = []string{"--allow-http", "--allow-cidr", "127.0.0.0/8", "--allow-cidr", "::1/128"}

// server is a running peal serve. It can be stopped and started again on its data.
type server struct {
	URL string
	Dir string // holds the database and whatever Peal puts beside it

	program  string // binary where it is empty
	database string // a file in Dir where it is empty
	flags    []string

	cmd   *exec.Cmd
	log   *logBuffer
	ended chan struct{} // closed when the process is gone
}

// newServer starts a server on an empty database of its own. Without flags, it may
// deliver to this machine.
func newServer(t *testing.T, flags ...string) *server {
	t.Helper()
	if flags == nil {
		flags = loopback
	}
	s := &server{Dir: t.TempDir(), flags: flags}
	s.run(t)
	return s
}

// newNode starts a server on a PostgreSQL that others may share.
func newNode(t *testing.T, database string, flags ...string) *server {
	t.Helper()
	const key = "dGhlIGtleSB0aGF0IHRoZSB0ZXN0cyBzZWFsIHdpdGg="
	s := &server{database: database, flags: slices.Concat(flags, []string{"--encryption-key", key}, loopback)}
	s.run(t)
	return s
}

// run starts the server until the test ends.
func (s *server) run(t *testing.T) {
	t.Helper()
	s.Start(t)
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("the server's last lines:\n%s", s.log.Tail())
		}
	})
}

func (s *server) command() *exec.Cmd {
	database := s.database
	if database == "" {
		database = "sqlite:" + filepath.Join(s.Dir, "peal.db")
	}
	args := []string{
		"serve", "--listen", "127.0.0.1:0", "--admin-key", adminKey, "--log-format", "json", "--database", database,
	}
	program := s.program
	if program == "" {
		program = binary
	}
	cmd := exec.Command(program, append(args, s.flags...)...)
	cmd.Env = environment()
	return cmd
}

// environment is the test's own without settings for Peal or a proxy.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
}

// Start runs the server and waits until it listens.
func (s *server) Start(t *testing.T) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("%v\n%s", err, s.log.Tail())
	}
}

func (s *server) start() error {
	s.cmd, s.log, s.ended = s.command(), &logBuffer{}, make(chan struct{})
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	address := make(chan string, 1)
	go func() {
		defer close(s.ended)
		s.log.read(stderr, address)
		// The exit status is in cmd.ProcessState for those who ask.
		_ = s.cmd.Wait()
	}()
	select {
	case addr := <-address:
		s.URL = "http://" + addr
		return nil
	case <-s.ended:
		return fmt.Errorf("the server ended before it listened: %v", s.cmd.ProcessState)
	case <-time.After(30 * time.Second):
		s.Kill()
		return errors.New("the server did not listen within 30 s")
	}
}

// Kill ends the process as a power cut would.
func (s *server) Kill() {
	_ = s.cmd.Process.Kill()
	<-s.ended
}

// Terminate sends SIGTERM and reports how the process ended.
func (s *server) Terminate() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-s.ended:
	case <-time.After(35 * time.Second):
		s.Kill()
		return errors.New("the server did not end within 35 s of SIGTERM")
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the server ended with %d\n%s", code, s.log.Tail())
	}
	return nil
}

// Admin calls the server with the admin key, in the default org.
func (s *server) Admin() *caller { return &caller{URL: s.URL, Key: adminKey} }

// logBuffer keeps the start and the end of what a server logged.
type logBuffer struct {
	mu    sync.Mutex
	lines [][]byte
}

const maxLogLines = 2000

func (l *logBuffer) read(r io.Reader, address chan<- string) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		var entry struct{ Msg, Addr string }
		if json.Unmarshal(line, &entry) == nil && entry.Msg == "listening" {
			select {
			case address <- entry.Addr:
			default:
			}
		}
		l.mu.Lock()
		if l.lines = append(l.lines, line); len(l.lines) > maxLogLines {
			l.lines = l.lines[maxLogLines/2:]
		}
		l.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Tail is the end of the log.
func (l *logBuffer) Tail() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Join(l.lines[max(0, len(l.lines)-40):], nil)
}

// All is what is left of the log.
func (l *logBuffer) All() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Join(l.lines, nil)
}

var shared struct {
	sync.Mutex
	server *server
}

// sharedOrg gives a test an org of its own on a server that many tests use.
func sharedOrg(t *testing.T, fields ...any) *caller {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		dir, err := os.MkdirTemp("", "peal-shared")
		if err != nil {
			t.Fatal(err)
		}
		s := &server{Dir: dir, flags: loopback}
		s.Start(t)
		shared.server = s
	}
	return newOrg(t, shared.server, fields...)
}

// stopShared ends the shared server, which must drain and exit 0.
func stopShared() error {
	if shared.server == nil {
		return nil
	}
	defer os.RemoveAll(shared.server.Dir)
	return shared.server.Terminate()
}

// plain is an HTTP client that keeps no connection between tests' servers.
var plain = &http.Client{Timeout: 40 * time.Second}
