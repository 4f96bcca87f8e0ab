package store_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/store/queue"
)

func open(t *testing.T, path string) (*store.DB, error) {
	return store.Open(t.Context(), store.Config{URL: "sqlite:" + path, Log: slog.New(slog.DiscardHandler), Now: time.Now})
}

func mustOpen(t *testing.T, path string) *store.DB {
	t.Helper()
	db, err := open(t, path)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func closeDB(t *testing.T, db *store.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFolders(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := open(t, filepath.Join(missing, "a.db")); err == nil || !strings.Contains(err.Error(), missing+" does not exist") {
		t.Errorf("a missing folder: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, filepath.Join(file, "a.db")); err == nil || !strings.Contains(err.Error(), file+" cannot be written") {
		t.Errorf("a folder that is a file: %v", err)
	}
}

func TestURLs(t *testing.T) {
	dir := t.TempDir()
	for _, url := range []string{"", "peal.db", "sqlite:", "mysql://localhost/peal", "postgres://localhost:none/peal"} {
		if _, err := store.Open(t.Context(), store.Config{URL: url}); peal.CodeOf(err) != peal.CodeInvalid {
			t.Errorf("%q: %v", url, err)
		}
	}
	for i, name := range []string{"a b%20c?d#e.db", "plain.db"} {
		path := filepath.Join(dir, name)
		db, err := store.Open(t.Context(), store.Config{
			URL: []string{"sqlite:", "sqlite://"}[i] + path, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		closeDB(t, db)
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peal.db")
	db := mustOpen(t, path)
	if _, err := open(t, path); peal.CodeOf(err) != peal.CodeConflict {
		t.Errorf("open: %v", err)
	}
	if _, err := store.Migrate(t.Context(), "sqlite:"+path); peal.CodeOf(err) != peal.CodeConflict {
		t.Errorf("migrate: %v", err)
	}
	closeDB(t, db)
	closeDB(t, mustOpen(t, path))
}

func TestMigrate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peal.db")
	applied, err := store.Migrate(t.Context(), "sqlite:"+path)
	if err != nil || len(applied) == 0 || applied[0] != 1 || !slices.IsSorted(applied) {
		t.Fatalf("applied %v, %v", applied, err)
	}
	if applied, err = store.Migrate(t.Context(), "sqlite:"+path); err != nil || len(applied) != 0 {
		t.Fatalf("applied again %v, %v", applied, err)
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = raw.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
	if err = errors.Join(err, raw.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, path); peal.CodeOf(err) != peal.CodeConflict {
		t.Errorf("a newer database: %v", err)
	}
	if err := os.WriteFile(path, []byte("this is not a database, but it is long enough to be one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, path); err == nil {
		t.Error("a text file was opened")
	}
}

// A reader is told when its time is up, so that it can answer with what it has.
func TestSlowRead(t *testing.T) {
	db := mustOpen(t, filepath.Join(t.TempDir(), "peal.db"))
	defer closeDB(t, db)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := db.Read(t.Context(), func(ctx context.Context, _ *sql.DB) error {
			<-ctx.Done()
			return ctx.Err()
		})
		if took := time.Since(start); took != 2*time.Second || !errors.Is(err, store.ErrSlowRead) || peal.CodeOf(err) != peal.CodeUnavailable {
			t.Errorf("after %v: %v", took, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err = db.Read(ctx, func(ctx context.Context, _ *sql.DB) error { return ctx.Err() })
		if errors.Is(err, store.ErrSlowRead) || peal.CodeOf(err) != peal.CodeUnavailable {
			t.Errorf("a caller who left: %v", err)
		}
	})
}

// load commits events with one owned delivery each until told to stop, and keeps what
// was accepted.
type load struct {
	q        *queue.Queue
	session  int64
	mu       sync.Mutex
	accepted []*publish.NewEvent
	refused  []error
}

func newEvent(size int) *publish.NewEvent {
	now := time.Now()
	ev := &peal.Event{ID: peal.NewEventID(now), Org: "acme", Type: "t", Time: now, Data: make([]byte, size)}
	return &publish.NewEvent{Event: ev, Deliveries: []*publish.NewDelivery{
		{ID: peal.NewDeliveryID(now), Endpoint: peal.NewEndpointID(now), Status: peal.Pending, Owned: true, Size: size},
	}}
}

// accept commits one event and waits.
func (l *load) accept(size int) (*publish.NewEvent, error) {
	e := newEvent(size)
	done := make(chan error, 1)
	err := l.q.Submit(&publish.Commit{Org: "acme", Now: time.Now(), Events: []*publish.NewEvent{e}, Done: func(err error) { done <- err }})
	if err == nil {
		err = <-done
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.accepted = append(l.accepted, e)
	} else {
		l.refused = append(l.refused, err)
	}
	return e, err
}

func (l *load) outcome(e *publish.NewEvent, done func(error)) *dispatch.Outcome {
	d := e.Deliveries[0]
	return &dispatch.Outcome{
		Job: &dispatch.Job{ID: d.ID, Endpoint: d.Endpoint, Message: dispatch.NewMessage(e.Event), Session: l.session, Size: d.Size},
		Now: time.Now(), Status: peal.Succeeded, Done: done,
		Attempt: &peal.Attempt{Number: 1, StartedAt: time.Now(), StatusCode: 200},
	}
}

func TestFullDisk(t *testing.T) {
	db := mustOpen(t, filepath.Join(t.TempDir(), "peal.db"))
	defer closeDB(t, db)
	l := &load{q: queue.New(db), session: db.Session()}
	if err := db.LimitPages(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	for len(l.refused) == 0 {
		if len(l.accepted) > 1000 {
			t.Fatal("the disk does not fill up")
		}
		_, _ = l.accept(4000)
	}
	var e *peal.Error
	if !errors.As(l.refused[0], &e) || e.Code != peal.CodeUnavailable || e.RetryAfter <= 0 {
		t.Fatalf("refused with %v", l.refused[0])
	}
	if err := db.Ping(t.Context()); peal.CodeOf(err) != peal.CodeUnavailable {
		t.Errorf("ping says %v", err)
	}

	// Outcomes are kept until there is space again.
	recorded := make(chan error, len(l.accepted))
	for _, e := range l.accepted {
		o := l.outcome(e, func(err error) { recorded <- err })
		o.Attempt.ResponseBody = string(make([]byte, 1000))
		l.q.Record(o)
	}
	for db.Stats().Queued == 0 && len(recorded) < len(l.accepted) {
		time.Sleep(time.Millisecond)
	}
	if !db.Stats().Away {
		t.Error("the outcomes found space")
	}
	for { // the writer rests in between, and refuses
		if err := db.LimitPages(t.Context(), 0); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for range l.accepted {
		if err := <-recorded; err != nil {
			t.Fatalf("an outcome was lost: %v", err)
		}
	}
	if _, err := l.accept(4000); err != nil {
		t.Fatalf("after there was space again: %v", err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	for _, e := range l.accepted[:len(l.accepted)-1] {
		d, err := l.q.Delivery(t.Context(), "acme", e.Deliveries[0].ID)
		if err != nil || d.Status != peal.Succeeded {
			t.Fatalf("%+v, %v", d, err)
		}
	}
}

// TestCopyOfRunningDatabase takes the files as a crash would leave them and looks for
// everything that was acknowledged before.
func TestCopyOfRunningDatabase(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "peal.db")
	db := mustOpen(t, path)
	defer closeDB(t, db)
	l := &load{q: queue.New(db), session: db.Session()}
	var stop atomic.Bool
	var loading sync.WaitGroup
	for range 4 {
		loading.Go(func() {
			for !stop.Load() {
				e, err := l.accept(500)
				if err != nil {
					t.Error(err)
					return
				}
				done := make(chan error, 1)
				l.q.Record(l.outcome(e, func(err error) { done <- err }))
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		})
	}
	for round := range 3 {
		time.Sleep(100 * time.Millisecond)
		l.mu.Lock()
		acknowledged := slices.Clone(l.accepted)
		// The database is copied before its log, which has all that a checkpoint copies
		// meanwhile; only the writer could start the log over, and it is held.
		into := filepath.Join(dir, "crashed"+string(rune('a'+round))+".db")
		var copied error
		if err := db.Write(t.Context(), func(*store.Tx) error {
			copied = errors.Join(copyFile(path, into), copyFile(path+"-wal", into+"-wal"))
			return nil
		}); err != nil || copied != nil {
			t.Fatal(err, copied)
		}
		l.mu.Unlock()
		after := mustOpen(t, into)
		q := queue.New(after)
		for _, e := range acknowledged {
			if _, err := q.Delivery(t.Context(), "acme", e.Deliveries[0].ID); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		closeDB(t, after)
	}
	stop.Store(true)
	loading.Wait()
}

// TestLogStaysShort writes more than the log may hold, without a pause.
func TestLogStaysShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peal.db")
	db := mustOpen(t, path)
	defer closeDB(t, db)
	l := &load{q: queue.New(db), session: db.Session()}
	var longest int64
	for range 200 {
		if _, err := l.accept(1 << 20); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		longest = max(longest, info.Size())
	}
	if longest > 128<<20 {
		t.Errorf("the log grew to %d MiB", longest>>20)
	}
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err == nil {
		_, err = io.Copy(out, in)
		err = errors.Join(err, out.Close())
	}
	return errors.Join(err, in.Close())
}
