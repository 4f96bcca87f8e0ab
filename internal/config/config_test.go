package config

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The tests see only the environment that they set.
func TestMain(m *testing.M) {
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "PEAL_") {
			os.Unsetenv(name)
		}
	}
	m.Run()
}

// parse runs a command line of a program whose serve command embeds Config.
func parse(t *testing.T, args ...string) (Config, error) {
	t.Helper()
	var cli struct {
		Serve struct{ Config } `cmd:""`
		Other struct{}         `cmd:""`
	}
	p, err := kong.New(&cli, append(Mappers(), kong.Exit(func(int) { t.Error("kong wanted to exit") }))...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Parse(append([]string{"serve"}, args...))
	return cli.Serve.Config, err
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "peal.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	want := Config{
		Listen: "127.0.0.1:8080", Database: "sqlite:peal.db", MaxEventBytes: 262144, MaxInboundBytes: 1 << 20, DisableAfter: 120 * time.Hour,
		LaneConcurrency: 32, AttemptSlots: 1024, WorkflowSlots: 256, MemoryBudget: 64 << 20,
		RetentionDeliveries: 720 * time.Hour, RetentionEvents: 2160 * time.Hour, IdempotencyTTL: 24 * time.Hour, UsageLateness: 5 * time.Minute,
		LogFormat: "text", LogLevel: "info",
	}
	got, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Error(diff)
	}
	t.Setenv("PEAL_LISTEN", "0.0.0.0:1") // has no say here
	got, err = Default()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Error(diff)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}

func TestPrecedence(t *testing.T) {
	path := write(t, "listen: 127.0.0.1:1\nlog-format: json\nlog_level: debug\nlane-concurrency: 3\n")
	t.Setenv("PEAL_CONFIG", path)
	t.Setenv("PEAL_LISTEN", "127.0.0.1:2")
	t.Setenv("PEAL_LOG_FORMAT", "text")
	c, err := parse(t, "--listen", "127.0.0.1:3")
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.Listen, c.LogFormat, c.LogLevel, c.LaneConcurrency, c.AttemptSlots}
	want := []any{"127.0.0.1:3", "text", "debug", 3, 1024}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flag, environment, file, file, default: %s", diff)
	}
}

func TestFile(t *testing.T) {
	c, err := parse(t, "--config", write(t, `# everything at once
listen: "[::1]:9000"
database: sqlite:/var/lib/peal/peal.db
admin-key: '0123456789abcdef'
encryption-key: [bmV3, b2xk]
allow-cidr:
  - 10.0.0.0/8
  - fd00::/8
allow-http: true
disable-after: 48h
max-event-bytes: 1024
memory-budget: 1048576
public-url: https://peal.example.com
plans:
  free: {webhooks: true}
  starter: {webhooks: false}
temporal:
  - namespace: payments
    address: temporal.internal:7233
    orgs: [acme]
    plaintext: true
  - {namespace: shop.a1b2c, address: "a1b2c.example.com:7233", orgs: [acme, globex], api-key-file: /etc/peal/temporal.key, server-name: x.example.com}
`))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	want.File = c.File
	want.Listen, want.Database, want.AdminKey = "[::1]:9000", "sqlite:/var/lib/peal/peal.db", "0123456789abcdef"
	want.EncryptionKeys = []string{"bmV3", "b2xk"}
	want.AllowCIDRs = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	want.AllowHTTP, want.DisableAfter, want.MaxEventBytes, want.MemoryBudget = true, 48*time.Hour, 1024, 1<<20
	want.PublicURL = "https://peal.example.com"
	want.Plans = map[string]Plan{"free": {Webhooks: true}, "starter": {}}
	want.Temporal = []TemporalNamespace{
		{Namespace: "payments", Address: "temporal.internal:7233", Orgs: []string{"acme"}, Plaintext: true},
		{
			Namespace: "shop.a1b2c", Address: "a1b2c.example.com:7233", Orgs: []string{"acme", "globex"},
			APIKeyFile: "/etc/peal/temporal.key", ServerName: "x.example.com",
		},
	}
	if diff := cmp.Diff(want, c, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Error(diff)
	}
}

func TestLists(t *testing.T) {
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.0.0/16")}
	t.Setenv("PEAL_ALLOW_CIDR", "10.0.0.0/8,192.168.0.0/16")
	c, err := parse(t)
	if err != nil || !cmp.Equal(want, c.AllowCIDRs, cmpopts.EquateComparable(netip.Prefix{})) {
		t.Errorf("environment: %v, %v", c.AllowCIDRs, err)
	}
	c, err = parse(t, "--allow-cidr=10.0.0.0/8", "--allow-cidr=192.168.0.0/16")
	if err != nil || !cmp.Equal(want, c.AllowCIDRs, cmpopts.EquateComparable(netip.Prefix{})) {
		t.Errorf("flags: %v, %v", c.AllowCIDRs, err)
	}
}

func TestFileErrors(t *testing.T) {
	const secret = "c2VjcmV0c2VjcmV0"
	for text, want := range map[string]string{
		"listen: 127.0.0.1:1\n\nlisen: x\n":                       `peal.yaml:3: unknown setting "lisen"`,
		"config: other.yaml\n":                                    `peal.yaml:1: unknown setting "config"`,
		"help: true\n":                                            `peal.yaml:1: unknown setting "help"`,
		"listen: a:1\nlisten: b:1\n":                              "peal.yaml:2: ",
		"log-level: debug\nlog_level: info\n":                     "peal.yaml:2: log-level is set twice",
		"- listen\n":                                              "peal.yaml:1: want settings as NAME: VALUE",
		"just words\n":                                            "peal.yaml:1: want settings as NAME: VALUE",
		"encryption-key: " + secret + "\nlisten: {a: b}\n":        "peal.yaml:2: want a single value",
		"encryption-key: " + secret + "\nlisten:\n":               "peal.yaml:2: want a single value",
		"allow-cidr: [[10.0.0.0/8]]\n":                            "peal.yaml:1: want a single value",
		"encryption-key: " + secret + "\nlisten: [\n":             "peal.yaml:",
		"encryption-key: " + secret + "\nplans: {a: {webhok: 1}}": "peal.yaml:2: unknown field",
		"plans: {a: {webhooks: maybe}}\n":                         "peal.yaml:1: ",
		"plans: {}\n---\nplans: {}\n":                             "peal.yaml:3: plans is set twice",
		"listen: a:1\ntemporal: [{adress: a}]\n":                  "peal.yaml:2: unknown field",
		"temporal: none\n":                                        "peal.yaml:1: ",
		"temporal: [{address: 'a:1'}]\n":                          "temporal: entry 1 has no namespace",
		"temporal: [{namespace: a, address: a, orgs: [b]}]\n":     "temporal: the namespace a: address must be HOST:PORT",
		"temporal: [{namespace: a, address: 'a:1'}]\n":            "temporal: the namespace a: orgs must name who may use it",
		"temporal: [{namespace: a, address: 'a:1', orgs: ['*']}]": `temporal: the namespace a: orgs: "*" is not the id of an org`,
		"temporal: [{namespace: a, address: 'a:1', orgs: [b]}, {namespace: a, address: 'b:1', orgs: [c]}]": "the namespace a is there twice",
		"temporal: [{namespace: a, address: 'a:1', orgs: [b], cert-file: c}]":                              "cert-file and key-file belong together",
		"temporal: [{namespace: a, address: 'a:1', orgs: [b], plaintext: true, api-key-file: key}]":        "plaintext cannot stand beside",
		"allow-cidr: 127.0.0.1\n": "want a range such as 127.0.0.0/8",
		"max-event-bytes: many\n": "--max-event-bytes",
		"log-level: loud\n":       "--log-level must be one of",
		"disable-after: 5d\n":     "a day is 24h",
	} {
		_, err := parse(t, "--config", write(t, text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
	if _, err := parse(t, "--config", filepath.Join(t.TempDir(), "missing.yaml")); err == nil {
		t.Error("a missing file was taken")
	}
	if _, err := parse(t, "--config", write(t, "# nothing\n")); err != nil {
		t.Errorf("an empty file: %v", err)
	}
}

func TestValidate(t *testing.T) {
	const oidc = "--oidc-client-id=peal --oidc-client-secret=hunter2"
	for args, want := range map[string]string{
		"--listen=8080":                       "listen must be HOST:PORT",
		"--public-url=peal.example.com":       "public-url must be like",
		"--public-url=https://u:p@peal.dev":   "public-url must be like",
		"--database=mysql://root:hunter2@x/y": "database must begin with",
		"--database=sqlite:":                  "database needs a file",
		"--database=postgres://u:hunter2@h/d": "encryption-key must be set with PostgreSQL",
		"--database=postgres:x":               "database must be like",
		"--admin-key=hunter2":                 "admin-key must have 16 characters or more",
		"--usage-lateness=1s":                 "usage-lateness must be at least 1m0s, not 1s",
		"--idempotency-ttl=1h":                "idempotency-ttl must be at least 24h0m0s, not 1h0m0s",
		"--retention-events=0s":               "retention-events must be at least",
		"--retention-deliveries=-1h":          "retention-deliveries must be at least",
		"--disable-after=1s":                  "disable-after must be at least",
		"--max-event-bytes=0":                 "max-event-bytes must be between",
		"--lane-concurrency=0":                "lane-concurrency must be between 1 and 1024",
		"--attempt-slots=0":                   "attempt-slots must be between",
		"--memory-budget=1000":                "memory-budget must be between",
		"--pprof=0.0.0.0:6060":                "pprof must be HOST:PORT on a loopback address",
		"--pprof=6060":                        "pprof must be HOST:PORT on a loopback address",

		"--oidc-client-id=peal":                         "oidc-issuer must be set",
		"--oidc-client-secret=hunter2":                  "oidc-issuer must be set",
		"--oidc-client-secret-file=/x":                  "oidc-issuer must be set",
		"--oidc-trust-emails":                           "oidc-issuer must be set",
		"--oidc-issuer=https://i.dev":                   "oidc-client-id must be set",
		oidc + " --oidc-issuer=i.dev":                   "oidc-issuer must be like",
		oidc + " --oidc-issuer=http://i":                "oidc-issuer must be like",
		oidc + " --oidc-issuer=https://u:hunter2@i.dev": "oidc-issuer must be like",
		oidc + " --oidc-issuer=https://i.dev":           "public-url must be set with oidc-issuer",
		oidc + " --public-url=https://peal.dev --oidc-client-secret-file=/x --oidc-issuer=https://i.dev": "one of oidc-client-secret and oidc-client-secret-file",
		"--oidc-client-id=peal --public-url=https://peal.dev --oidc-issuer=https://i.dev":                "one of oidc-client-secret and oidc-client-secret-file",
	} {
		_, err := parse(t, strings.Fields(args)...)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v; want %q", args, err, want)
		}
	}
	for _, args := range [][]string{
		{"--pprof=127.0.0.1:6060"},
		{"--pprof=[::1]:6060"},
		{"--pprof=localhost:6060"},
		{"--listen=:0"},
		strings.Fields(oidc + " --oidc-issuer=https://i.dev/realms/main --public-url=https://peal.dev"),
		strings.Fields(oidc + " --oidc-issuer=http://127.0.0.1:8081 --public-url=http://localhost:8080 --oidc-trust-emails"),
		{"--database=postgres://h/d", "--encryption-key=a2V5"},
	} {
		if _, err := parse(t, args...); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestAllowsWebhooks(t *testing.T) {
	var c Config
	for plan, want := range map[string]bool{"": true, "free": false, "pro": true} {
		if got := c.AllowsWebhooks(plan); got != want {
			t.Errorf("plan %q: %v", plan, got)
		}
	}
	c.Plans = map[string]Plan{"free": {Webhooks: true}, "starter": {}}
	for plan, want := range map[string]bool{"": true, "free": true, "starter": false, "pro": true} {
		if got := c.AllowsWebhooks(plan); got != want {
			t.Errorf("with plans, %q: %v", plan, got)
		}
	}
}

func TestAllowsRequests(t *testing.T) {
	c := Config{Plans: map[string]Plan{"basic": {Requests: new(false)}, "team": {Requests: new(true)}, "starter": {}}}
	for plan, want := range map[string]bool{"": true, "free": true, "basic": false, "team": true, "starter": true} {
		if got := c.AllowsRequests(plan); got != want {
			t.Errorf("plan %q: %v", plan, got)
		}
	}
}

// docs/configuration.md is written from the struct, so that it cannot drift.
func TestDocs(t *testing.T) {
	var c Config
	app, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	out.WriteString(`# Configuration

Every setting of ` + "`peal serve`" + ` is a flag, an environment variable and a key of the YAML file that ` + "`--config`" + ` names. A flag wins
over the environment, the environment over the file, and the file over the default. Durations are written as ` + "`30s`, `5m` or `24h`" + `;
lists are repeated flags, YAML lists, or separated by commas in the environment.

<!-- Written by go test ./internal/config -update; do not edit. -->

| flag and key | environment | default | |
|---|---|---|---|
`)
	for _, f := range app.Model.Flags {
		if f.Name == "help" {
			continue
		}
		if f.Help == "" || len(f.Envs) != 1 || f.Envs[0] != "PEAL_"+strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_")) {
			t.Errorf("%s: help %q, environment %v", f.Name, f.Help, f.Envs)
		}
		def := ""
		if f.HasDefault {
			def = "`" + f.Default + "`"
		}
		fmt.Fprintf(&out, "| `--%s` | `%s` | %s | %s |\n", f.Name, f.Envs[0], def, f.Help)
	}
	out.WriteString("\n" + `Plans stand in the file alone. They say what the orgs of a plan may use; orgs without a plan and plans that are not
listed have webhooks, ` + "`free`" + ` has none unless the file says so. ` + "`requests: false`" + ` denies
[reservations](governance.md):

` + "```yaml" + `
listen: 0.0.0.0:8080
database: sqlite:/var/lib/peal/peal.db
allow-cidr: [10.20.0.0/16]
plans:
  free: {webhooks: false}
  team: {webhooks: true}
  basic: {webhooks: true, requests: false}
` + "```" + `

So do the namespaces of [Temporal](temporal.md) servers that workflows may hand over to, and whose may:

` + "```yaml" + `
temporal:
  - {namespace: payments, address: "temporal.internal:7233", plaintext: true, orgs: [acme]}
` + "```" + `

Members sign in at an OpenID Connect provider where these are set; which providers need what is at
[the dashboard](dashboard.md#sign-in-at-your-provider). In the environment, the secret is ` + "`PEAL_OIDC_CLIENT_SECRET`" + `.

` + "```yaml" + `
public-url: https://peal.example.com
oidc-issuer: https://accounts.google.com
oidc-client-id: 1234567890-abc.apps.googleusercontent.com
oidc-client-secret-file: /etc/peal/oidc-secret
` + "```" + `
`)
	path := "../../docs/configuration.md"
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("%s is out of date; run go test with -update (-want +got):\n%s", path, diff)
	}
}

func FuzzReadFile(f *testing.F) {
	f.Add("listen: a\nplans: {x: {webhooks: true}}\nallow-cidr: [1, 2]\n")
	f.Add("a: &x [*x]\n? b\n: c\n--- !!str d\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := readFile([]byte(text), []string{"listen", "allow-cidr"})
		if err == nil {
			for name := range s.values {
				if name != "listen" && name != "allow-cidr" {
					t.Errorf("%q was taken", name)
				}
			}
		}
	})
}
