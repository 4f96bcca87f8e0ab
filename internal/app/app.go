package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/api"
	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/config"
	"github.com/peal-dev/peal/internal/dashboard"
	"github.com/peal-dev/peal/internal/desk"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/dispatch"
	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/inbound"
	"github.com/peal-dev/peal/internal/inbound/scheme"
	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/secret"
	"github.com/peal-dev/peal/internal/settings"
	"github.com/peal-dev/peal/internal/sso"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/store/flow"
	"github.com/peal-dev/peal/internal/store/ledger"
	"github.com/peal-dev/peal/internal/store/queue"
	storesettings "github.com/peal-dev/peal/internal/store/settings"
	"github.com/peal-dev/peal/internal/store/signin"
	"github.com/peal-dev/peal/internal/telemetry"
	"github.com/peal-dev/peal/internal/transform"
	"github.com/peal-dev/peal/internal/workflow"
)

// App is a server, listening from New on and serving in Run.
type App struct {
	cfg      config.Config
	log      *slog.Logger
	adminKey string

	db         *store.DB
	egress     *egress.Client
	directory  *directory.Directory
	settings   *settings.Service
	publisher  *publish.Publisher
	dispatcher *dispatch.Dispatcher
	workflows  *workflow.Engine
	programs   *transform.Pool
	temporal   workflow.Temporal // nil in builds without it
	desk       *desk.Desk
	janitor    *janitor.Janitor
	governance *governance.Engine
	// accountant purges the ledger.
	accountant *janitor.Janitor
	metrics    *telemetry.Metrics
	// sso is nil where no provider is configured.
	sso *sso.Provider

	// closeTemporal is nil where there is nothing to close.
	closeTemporal func()

	listener net.Listener
	server   *http.Server
	ready    chan struct{}
}

// New opens the database, builds every part, and listens. What it opened is closed
// when it fails, and by Run when it does not.
func New(ctx context.Context, cfg config.Config, version string, log *slog.Logger) (_ *App, err error) {
	a := &App{cfg: cfg, log: log, ready: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	// First what fails without leaving a trace: a key that is made must be shown.
	if a.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
		return nil, fmt.Errorf("cannot listen on %s; choose another address with --listen: %w", cfg.Listen, err)
	}
	profiles, err := loadProfiles(cfg.Profiles)
	if err != nil {
		return nil, err
	}
	roots, err := loadRoots(cfg.CAFile)
	if err != nil {
		return nil, err
	}
	clientSecret, err := clientSecret(cfg)
	if err != nil {
		return nil, err
	}
	a.egress, err = egress.New(egress.Options{
		AllowCIDRs: cfg.AllowCIDRs, AllowHTTP: cfg.AllowHTTP, RootCAs: roots, UserAgent: "Peal/" + version,
	})
	if err != nil {
		return nil, err
	}
	if a.temporal, a.closeTemporal, err = openTemporal(cfg, log); err != nil {
		return nil, err
	}
	a.db, err = store.Open(ctx, store.Config{URL: cfg.Database, Log: log, Now: time.Now})
	if err != nil {
		return nil, err
	}
	ring, err := keyring(cfg)
	if err != nil {
		return nil, err
	}
	a.sso = newSSO(cfg, clientSecret, roots, a.db.Now)
	if err := a.join(ring, profiles, version); err != nil {
		return nil, err
	}
	if err := a.prepare(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

// join builds the engines and hands each what it needs of the others.
func (a *App) join(ring *secret.Keyring, profiles *profile.Set, version string) error {
	cfg := a.cfg
	q := queue.New(a.db)
	stored := storesettings.New(a.db)
	executions := flow.New(a.db)
	channels := channel.All(a.egress)
	schemes := scheme.All(a.fetch)

	names := make([]string, 0, len(profiles.All()))
	for _, p := range profiles.All() {
		names = append(names, p.Name)
	}
	a.metrics = telemetry.NewMetrics(version, names)
	a.directory = directory.New(stored, ring, a.log)
	a.settings = settings.New(settings.Config{
		Store: stored, Directory: a.directory, Ring: ring, Profiles: profiles, Channels: channels, Schemes: schemes,
		Now: a.db.Now, AllowsWebhooks: cfg.AllowsWebhooks,
	})
	a.dispatcher = dispatch.New(dispatch.Config{
		Store: q, Lanes: q.Lanes(), Hand: q, Health: q, Events: q,
		Directory: a.directory, Profiles: profiles, Channels: channels, PublicURL: cfg.PublicURL, Disable: a.settings.Disable,
		MayStart: a.db.MayStart, MayGoOn: a.db.MayGoOn, Session: a.db.Session, Now: a.db.Now, Random: rand.Float64, Log: a.log,
		Observe: a.metrics.Outcome,
		Slots:   cfg.AttemptSlots, LaneConcurrency: cfg.LaneConcurrency, MemoryBudget: cfg.MemoryBudget,
		DisableAfter: cfg.DisableAfter, DrainTimeout: drainTimeout,
	})
	a.publisher = publish.New(publish.Config{
		Store: q, Reader: q, Directory: a.directory, Profiles: profiles,
		Lanes: a.dispatcher, Sender: a.dispatcher, Now: a.db.Now,
		MaxEventBytes: cfg.MaxEventBytes, IdempotencyTTL: cfg.IdempotencyTTL, Observe: a.metrics.Accepted,
		Finished: func(s peal.Status) { a.metrics.Outcome("", nil, s) },
	})
	a.programs = transform.NewPool(worker)
	a.desk = desk.New(desk.Config{
		Store: executions, Clock: executions, Directory: a.directory, Wake: func() { a.workflows.Wake() }, Now: a.db.Now, Log: a.log,
	})
	books := ledger.New(a.db)
	kinds := workflow.All(workflow.Deps{
		Egress: a.egress, Publisher: stepPublisher{a.publisher}, Programs: a.programs, Desk: a.desk, Approvals: stepApprovals{books},
		Temporal: a.temporal,
	})
	a.settings.Workflows = kinds
	a.workflows = workflow.New(workflow.Config{
		Store: executions, Ledger: executions, Fence: executions, Events: q, Kinds: kinds, Desk: a.desk, Secrets: a.secretOf, MayStart: a.db.MayStart, Now: a.db.Now, Log: a.log,
		Slots: cfg.WorkflowSlots, MemoryBudget: cfg.MemoryBudget, DrainTimeout: drainTimeout,
	})
	receiver := inbound.New(inbound.Config{
		Directory: a.directory, Schemes: schemes, Starter: a.workflows, Refusals: executions, Settings: settings.HookConfig,
		Confirm: a.fetch, Now: a.db.Now,
	})
	a.janitor = janitor.New(janitor.Config{
		Store: purges{q, executions}, Now: a.db.Now, Log: a.log,
		Deliveries: cfg.RetentionDeliveries, Events: cfg.RetentionEvents, Orgs: a.retentions,
	})
	a.governance = governance.New(governance.Config{
		Store: books, Reader: books, Hours: books, Books: books, History: books, Directory: a.directory, AllowsRequests: cfg.AllowsRequests,
		Now: a.db.Now, IDsKept: cfg.IdempotencyTTL, Lateness: cfg.UsageLateness, Log: a.log,
	})
	a.accountant = janitor.New(janitor.Config{
		Store: books, Now: a.db.Now, Log: a.log,
		Deliveries: cfg.RetentionDeliveries, Events: cfg.RetentionEvents, Orgs: a.retentions,
	})
	a.db.OnNewSession(a.dispatcher.Forget)
	a.db.OnUnknown(a.dispatcher.Doubt)
	a.db.OnNewSession(a.workflows.Forget)
	a.watch()

	var adminKeys [][32]byte
	if cfg.AdminKey != "" {
		adminKeys = append(adminKeys, secret.HashKey(cfg.AdminKey))
	}
	authenticator := auth.New(a.directory, adminKeys...)
	signedIn := signin.New(a.db)
	links := auth.NewLinks(signedIn, a.db.Now)
	handler := api.New(api.Config{
		Auth: authenticator, Links: links, Directory: a.directory, Settings: a.settings,
		Profiles: profiles, Channels: channels, Events: q, Deliveries: q, DeadLetters: q, Groups: q,
		Publisher: a.publisher, Dispatcher: a.dispatcher, Governance: a.governance,
		Executions: executions, Runner: a.workflows, Workflows: kinds, Inbound: receiver,
		Desk: a.desk, Inbox: executions,
		Ready: a.db.Ping, Metrics: a.metrics.Handler(), Log: a.log, Now: a.db.Now,
		MaxEventBytes: cfg.MaxEventBytes, MaxInboundBytes: cfg.MaxInboundBytes, PublicURL: cfg.PublicURL,
	})
	pages, err := dashboard.New(dashboard.Config{
		API: handler, Auth: authenticator, Links: links, Sessions: signedIn, Now: a.db.Now, Log: a.log,
		SSO: a.sso, Ring: ring, PublicURL: cfg.PublicURL, Version: version,
	})
	if err != nil {
		return err
	}
	a.server = api.NewServer(a.metrics.Instrument(dashboard.Beside(handler, pages)), a.log)
	a.server.RegisterOnShutdown(a.governance.EndWaits)
	return nil
}

// secretOf gives the value of an org's secret to its workflows.
func (a *App) secretOf(org, name string) (string, bool) {
	s, ok := directory.Secrets.Get(a.directory, org, name)
	if !ok {
		return "", false
	}
	return s.Sealed.Value, true
}

// retentions are those of orgs that keep something for a shorter time.
func (a *App) retentions() []janitor.OrgRetention {
	var all []janitor.OrgRetention
	for _, o := range a.directory.KeptShorter() {
		all = append(all, janitor.OrgRetention{
			Org: o.ID, Deliveries: time.Duration(o.RetentionDeliveries), Events: time.Duration(o.RetentionEvents),
		})
	}
	return all
}

func (a *App) watch() {
	load := func(of func(dispatch.Load) int) func() float64 {
		return func() float64 { return float64(of(a.dispatcher.Load())) }
	}
	stats := func(of func(store.Stats) int64) func() float64 {
		return func() float64 { return float64(of(a.db.Stats())) }
	}
	a.metrics.Watch(telemetry.State{
		Lanes:             load(func(l dispatch.Load) int { return l.Lanes }),
		OpenCircuits:      load(func(l dispatch.Load) int { return l.OpenCircuits }),
		InFlight:          load(func(l dispatch.Load) int { return l.InFlight }),
		HeldBytes:         load(func(l dispatch.Load) int { return l.HeldBytes }),
		StoreQueue:        stats(func(s store.Stats) int64 { return s.Queued }),
		StoreTransactions: stats(func(s store.Stats) int64 { return s.Transactions }),
		StoreRows:         stats(func(s store.Stats) int64 { return s.Rows }),
	})
}

// prepare makes the configuration usable: read, with a default org and a key to
// begin with.
func (a *App) prepare(ctx context.Context) error {
	if err := a.directory.Refresh(ctx); err != nil {
		return err
	}
	if err := a.settings.EnsureDefaults(ctx); err != nil {
		return err
	}
	if err := a.settings.CheckProfiles(a.log); err != nil {
		return err
	}
	if a.adminKey = a.cfg.AdminKey; a.adminKey != "" {
		return a.settings.RetireAdminKey(ctx)
	}
	var err error
	a.adminKey, err = a.settings.EnsureAdminKey(ctx)
	return err
}

// Addr is where the server listens.
func (a *App) Addr() string { return a.listener.Addr().String() }

// AdminKey is the configured admin key, or the one that was made for a new
// database; empty where there is one that was made before.
func (a *App) AdminKey() string { return a.adminKey }

// Ready is closed once requests are answered.
func (a *App) Ready() <-chan struct{} { return a.ready }

// close closes what is open, for a server that never ran or has ended.
func (a *App) close() error {
	var errs []error
	if a.listener != nil {
		errs = append(errs, ignoreClosed(a.listener.Close()))
	}
	if a.db != nil {
		errs = append(errs, a.db.Close())
	}
	if a.egress != nil {
		a.egress.Close()
	}
	if a.programs != nil {
		a.programs.Close()
	}
	if a.closeTemporal != nil {
		a.closeTemporal()
	}
	return errors.Join(errs...)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// keyring holds the keys of the configuration or, without any, the one in a file
// beside an embedded database.
func keyring(cfg config.Config) (*secret.Keyring, error) {
	var keys [][]byte
	for _, text := range cfg.EncryptionKeys {
		key, err := secret.ParseKey(text)
		if err != nil {
			return nil, fmt.Errorf("encryption-key: %w", err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		path, ok := strings.CutPrefix(cfg.Database, "sqlite:")
		if !ok {
			return nil, peal.Invalid("encryption-key", "encryption-key must be set with PostgreSQL, the same on every node")
		}
		key, err := secret.LoadOrCreateKeyFile(strings.TrimPrefix(path, "//") + ".key")
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return secret.NewKeyring(keys[0], keys[1:]...)
}

func loadProfiles(file string) (*profile.Set, error) {
	if file == "" {
		return profile.Builtin(), nil
	}
	document, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	set, err := profile.Load(document)
	var known *peal.Error
	if errors.As(err, &known) {
		return nil, peal.Errorf(known.Code, "%s: %s", file, known.Message)
	}
	return set, err
}

// loadRoots adds a file's certificates to the system's; nil means the system's.
func loadRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ca-file: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("ca-file: the system's certificates cannot be read: %w", err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca-file: %s holds no certificate", file)
	}
	return roots, nil
}
