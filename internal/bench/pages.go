package bench

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
)

// PagesConfig says how to measure pages.
type PagesConfig struct {
	// Deliveries is how many the database is filled with.
	Deliveries int
	// Fetches is how often each page is asked for.
	Fetches int
	// Database is the URL of a PostgreSQL, in which a schema is made and dropped again;
	// empty is a fresh SQLite file.
	Database string
	// Progress gets lines while it is filled, Log what the server writes.
	Progress, Log io.Writer
}

// PagesReport is what was measured.
type PagesReport struct {
	Database   string      `json:"database"`
	Deliveries int         `json:"deliveries"`
	Fetches    int         `json:"fetches"`
	LimitMS    float64     `json:"limit_ms"`
	Pages      []PageTimes `json:"pages"`
}

// PageTimes are a page's. Times are in milliseconds, from the request to the answer's end.
type PageTimes struct {
	Path   string  `json:"path"`
	Bytes  int     `json:"bytes"`
	P50    float64 `json:"p50_ms"`
	P95    float64 `json:"p95_ms"`
	Max    float64 `json:"max_ms"`
	Failed int     `json:"failed,omitempty"`        // fetches that were not answered with the page
	CPU    float64 `json:"server_cpu_ms,omitempty"` // mean; Linux alone, without the database's
}

// pageLimit is what 95 of 100 fetches of every page have to stay under.
const pageLimit = 100 * time.Millisecond

// Slow are the pages that take too long.
func (r *PagesReport) Slow() (slow []string) {
	for _, p := range r.Pages {
		if p.P95 >= r.LimitMS || p.Failed > 0 {
			slow = append(slow, p.Path)
		}
	}
	return slow
}

// WriteTable writes the report for people.
func (r *PagesReport) WriteTable(w io.Writer) error {
	fmt.Fprintf(w, "%s, %d deliveries, %d fetches of each page\n\n", r.Database, r.Deliveries, r.Fetches)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "p50 ms\tp95 ms\tmax ms\tCPU ms\tKiB\t\tpage")
	for _, p := range r.Pages {
		mark := ""
		switch {
		case p.Failed > 0:
			mark = "failed"
		case p.P95 >= r.LimitMS:
			mark = "slow"
		}
		fmt.Fprintf(t, "%.1f\t%.1f\t%.1f\t%.1f\t%d\t%s\t%s\n", p.P50, p.P95, p.Max, p.CPU, p.Bytes/1024, mark, p.Path)
	}
	return t.Flush()
}

// pages is a measurement of pages under way.
type pages struct {
	PagesConfig
	name, database string
	adminKey       string
}

// RunPages fills a database, then fetches each page of a server over it, as somebody who is
// signed in.
func RunPages(ctx context.Context, cfg PagesConfig) (report *PagesReport, err error) {
	p := &pages{PagesConfig: cfg, name: "SQLite", adminKey: "peal-bench-admin-key"}
	if cfg.Database == "" {
		dir, err := os.MkdirTemp("", "peal-bench-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		p.database = "sqlite:" + filepath.Join(dir, "peal.db")
	} else {
		s, err := makeSchema(ctx, cfg.Database)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, s.drop()) }()
		p.name, p.database = "PostgreSQL", s.url
	}
	var s *stage
	err = p.serve(ctx, func(server *process) (err error) {
		s, err = prepare(ctx, "http://"+server.address, p.adminKey)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := p.fill(ctx, s); err != nil {
		return nil, err
	}
	err = p.serve(ctx, func(server *process) (err error) {
		report, err = p.measure(ctx, server, s)
		return err
	})
	return report, err
}

// serve runs a server for as long as f takes.
func (p *pages) serve(ctx context.Context, f func(*process) error) error {
	server, err := startProcess(ctx, []string{"PEAL_ADMIN_KEY=" + p.adminKey}, p.Log, "serve", "--listen=127.0.0.1:0",
		"--database="+p.database, "--log-level=warn")
	if err != nil {
		return err
	}
	return errors.Join(f(server), server.stop())
}

func (p *pages) fill(ctx context.Context, s *stage) (err error) {
	db, err := openHistory(ctx, p.database, p.Log)
	if err != nil {
		return err
	}
	const seed = 7
	h := &history{db: db, random: mathrand.New(mathrand.NewPCG(seed, seed)), now: time.Now(), size: p.Deliveries, orgs: s.orgs}
	if err := errors.Join(h.fill(ctx, p.Progress), db.Close()); err != nil {
		return err
	}
	if p.Database != "" {
		return analyze(ctx, p.database)
	}
	return nil
}

// measure fetches every page as often as is asked for.
func (p *pages) measure(ctx context.Context, server *process, s *stage) (*PagesReport, error) {
	base := "http://" + server.address
	g := &gateway{addr: server.address, key: s.key, org: s.orgs[0].id}
	samples, err := s.samples(ctx, g, time.Now())
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	person := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if err := signIn(ctx, person, base, s.key); err != nil {
		return nil, err
	}
	report := &PagesReport{Database: p.name, Deliveries: p.Deliveries, Fetches: p.Fetches, LimitMS: millis(pageLimit)}
	for _, part := range []struct {
		base, label string
		views       []view
		client      *http.Client
		key         string
	}{
		{base + "/dashboard", "/dashboard", dashboardViews, person, ""},
		{base + s.portal, "/portal/{token}", portalViews, &http.Client{}, ""},
		{base + "/v1", "/v1", apiViews, &http.Client{}, s.key},
	} {
		for _, v := range part.views {
			f := fetcher{client: part.client, base: part.base, key: part.key, view: v, samples: samples}
			times, err := f.times(ctx, server, p.Fetches)
			if err != nil {
				return nil, err
			}
			times.Path = part.label + v.path
			report.Pages = append(report.Pages, times)
		}
	}
	return report, nil
}

func signIn(ctx context.Context, person *http.Client, base, key string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/dashboard/sign-in", strings.NewReader(url.Values{"key": {key}}.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := person.Do(req)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("bench: signing in was answered %s", resp.Status)
	}
	return nil
}

// fetcher asks for one page again and again.
type fetcher struct {
	client  *http.Client
	base    string
	key     string // of the API
	view    view
	samples map[string][]string
}

func (f *fetcher) times(ctx context.Context, server *process, n int) (PageTimes, error) {
	var t PageTimes
	took := make([]time.Duration, 0, n)
	before, known := cpuTime(server.pid())
	for i := range n {
		began := time.Now()
		size, err := f.fetch(ctx, i)
		if errors.Is(err, errNotThePage) {
			t.Failed++
		} else if err != nil {
			return t, err
		}
		took = append(took, time.Since(began))
		t.Bytes = max(t.Bytes, size)
	}
	if after, _ := cpuTime(server.pid()); known {
		t.CPU = millis(after-before) / float64(n)
	}
	slices.Sort(took)
	t.P50, t.P95, t.Max = millis(percentile(took, 50)), millis(percentile(took, 95)), millis(took[len(took)-1])
	return t, nil
}

var errNotThePage = errors.New("bench: the page was not answered")

// fetch asks once, and tells how many bytes came.
func (f *fetcher) fetch(ctx context.Context, i int) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	path, err := fillIn(f.view.path, f.samples, i)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.base+path, nil)
	if err != nil {
		return 0, err
	}
	if f.key != "" {
		req.Header.Set("Authorization", "Bearer "+f.key)
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, errNotThePage
	}
	if !f.view.stream {
		n, err := io.Copy(io.Discard, resp.Body)
		return int(n), err
	}
	size, lines := 0, bufio.NewReader(resp.Body)
	for {
		line, err := lines.ReadString('\n')
		if size += len(line); err != nil || line == "\n" {
			return size, err
		}
	}
}

// schema is one of a PostgreSQL that is there for a benchmark alone.
type schema struct {
	server, name, url string
}

func makeSchema(ctx context.Context, server string) (*schema, error) {
	at, err := url.Parse(server)
	if err != nil || !strings.HasPrefix(at.Scheme, "postgres") {
		return nil, errors.New("bench: the database is given as postgres://…")
	}
	s := &schema{server: server, name: "peal_bench_" + strings.ToLower(rand.Text())}
	q := at.Query()
	q.Set("search_path", s.name)
	at.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // PostgreSQL's URLs have no +
	s.url = at.String()
	return s, execute(ctx, server, "CREATE SCHEMA "+s.name)
}

// drop is done in the end, whatever became of the context.
func (s *schema) drop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return execute(ctx, s.server, "DROP SCHEMA "+s.name+" CASCADE")
}

// analyze does at once what PostgreSQL does by itself some time after rows were written.
func analyze(ctx context.Context, database string) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	rows, err := conn.Query(ctx, "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')")
	if err != nil {
		return errors.Join(err, conn.Close(ctx))
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil {
		_, err = conn.Exec(ctx, "VACUUM ANALYZE "+strings.Join(tables, ", "))
	}
	return errors.Join(err, conn.Close(ctx))
}

func execute(ctx context.Context, server, statement string) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}
