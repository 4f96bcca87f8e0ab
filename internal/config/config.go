package config

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/alecthomas/kong"
)

// Config is embedded in a kong command, which gives the command all of its flags,
// reads the file and validates the whole.
type Config struct {
	File string `name:"config" env:"PEAL_CONFIG" placeholder:"FILE" help:"YAML file with these settings, by their names here. Flags and the environment win over it."`

	Listen    string `default:"127.0.0.1:8080" env:"PEAL_LISTEN" placeholder:"HOST:PORT" help:"Address to serve on. Port 0 picks a free one."`
	PublicURL string `env:"PEAL_PUBLIC_URL" placeholder:"URL" help:"How this server is reached from outside: where messages to people link to, the server of the OpenAPI document, and the address in the commands at /docs."`
	Database  string `default:"sqlite:peal.db" env:"PEAL_DATABASE" placeholder:"URL" help:"sqlite:FILE or postgres://…"`

	AdminKey       string   `env:"PEAL_ADMIN_KEY" placeholder:"KEY" help:"Key that may act in every org, 16 characters or more. Unset on a new database, one is made and printed once; a set one ends it. Prefer the environment: other processes can read flags."`
	EncryptionKeys []string `name:"encryption-key" env:"PEAL_ENCRYPTION_KEY" placeholder:"BASE64" help:"32 bytes that seal secrets at rest. Of several, the first seals and all open, so that a key is changed by putting the new one in front. Unset, a key file is kept beside an embedded database."`

	AllowCIDRs []netip.Prefix `name:"allow-cidr" env:"PEAL_ALLOW_CIDR" placeholder:"CIDR" help:"Private or local range that deliveries may reach, such as 10.20.0.0/16. Repeatable."`
	AllowHTTP  bool           `name:"allow-http" env:"PEAL_ALLOW_HTTP" help:"Permit http:// targets. By default, https:// alone."`
	CAFile     string         `name:"ca-file" env:"PEAL_CA_FILE" placeholder:"PEM" help:"File of root certificates that deliveries and sign-in by OIDC trust besides the system's."`

	OIDCIssuer           string `name:"oidc-issuer" env:"PEAL_OIDC_ISSUER" placeholder:"URL" help:"OpenID Connect provider at which members sign in to the dashboard, such as https://accounts.google.com. It sends them back to the public URL, at /dashboard/sign-in/oidc/callback."`
	OIDCClientID         string `name:"oidc-client-id" env:"PEAL_OIDC_CLIENT_ID" placeholder:"ID" help:"What the provider calls this server."`
	OIDCClientSecret     string `name:"oidc-client-secret" env:"PEAL_OIDC_CLIENT_SECRET" placeholder:"SECRET" help:"The secret that the provider gave it. Prefer the environment or a file: other processes can read flags."`
	OIDCClientSecretFile string `name:"oidc-client-secret-file" env:"PEAL_OIDC_CLIENT_SECRET_FILE" placeholder:"FILE" help:"File that holds the secret instead."`
	OIDCTrustEmails      bool   `name:"oidc-trust-emails" env:"PEAL_OIDC_TRUST_EMAILS" help:"Take mail addresses as verified where the provider does not say whether they are. Only for a provider whose own administrators give them out."`

	Profiles        string        `env:"PEAL_PROFILES" placeholder:"FILE" help:"YAML file of profiles of your own, beside the built-in ones."`
	MaxEventBytes   int           `default:"262144" env:"PEAL_MAX_EVENT_BYTES" placeholder:"N" help:"Size of the largest event that is accepted, in bytes."`
	MaxInboundBytes int           `default:"1048576" env:"PEAL_MAX_INBOUND_BYTES" placeholder:"N" help:"Size of the largest request that a hook accepts, in bytes."`
	DisableAfter    time.Duration `default:"120h" env:"PEAL_DISABLE_AFTER" placeholder:"DURATION" help:"An endpoint is disabled when every attempt failed for this long."`

	LaneConcurrency int `default:"32" env:"PEAL_LANE_CONCURRENCY" placeholder:"N" help:"Attempts at once to one endpoint, unless the endpoint sets fewer."`
	AttemptSlots    int `default:"1024" env:"PEAL_ATTEMPT_SLOTS" placeholder:"N" help:"Attempts at once to all endpoints."`
	WorkflowSlots   int `default:"256" env:"PEAL_WORKFLOW_SLOTS" placeholder:"N" help:"Executions of workflows that run at once; the others wait."`
	MemoryBudget    int `default:"67108864" env:"PEAL_MEMORY_BUDGET" placeholder:"BYTES" help:"Bytes of deliveries held in memory, ready to be sent; the others wait in the database."`

	RetentionDeliveries time.Duration `default:"720h" env:"PEAL_RETENTION_DELIVERIES" placeholder:"DURATION" help:"How long finished deliveries are kept, dead letters included, and executions that have ended."`
	RetentionEvents     time.Duration `default:"2160h" env:"PEAL_RETENTION_EVENTS" placeholder:"DURATION" help:"How long events are kept, and requests and tasks that are finished."`
	IdempotencyTTL      time.Duration `name:"idempotency-ttl" default:"24h" env:"PEAL_IDEMPOTENCY_TTL" placeholder:"DURATION" help:"How long an Idempotency-Key is remembered; at least 24h."`
	UsageLateness       time.Duration `default:"5m" env:"PEAL_USAGE_LATENESS" placeholder:"DURATION" help:"How long after its end an hour of usage is closed; what is reported of it later changes sums, but tells of no anomaly. At least 1m."`

	LogFormat string `enum:"text,json" default:"text" env:"PEAL_LOG_FORMAT" placeholder:"FORMAT" help:"text or json."`
	LogLevel  string `enum:"debug,info,warn,error" default:"info" env:"PEAL_LOG_LEVEL" placeholder:"LEVEL" help:"debug, info, warn or error."`
	Pprof     string `env:"PEAL_PPROF" placeholder:"HOST:PORT" help:"Loopback address to serve Go profiles on. By default, they are not served."`

	// Plans and Temporal can only be set in the file.
	Plans    map[string]Plan     `kong:"-"`
	Temporal []TemporalNamespace `kong:"-"`
}

// Plan is what the orgs of a plan may use.
type Plan struct {
	Webhooks bool `yaml:"webhooks"`
	// Requests allows reservations; absent is true.
	Requests *bool `yaml:"requests"`
}

// PlanFree is the plan that has no webhooks unless the file says otherwise.
const PlanFree = "free"

// AllowsWebhooks tells whether orgs of a plan may have endpoints. Every plan does
// that the file does not mention, and so do orgs without a plan, but not PlanFree.
func (c *Config) AllowsWebhooks(plan string) bool {
	if p, ok := c.Plans[plan]; ok {
		return p.Webhooks
	}
	return plan != PlanFree
}

// AllowsRequests tells whether orgs of a plan may reserve requests, which every plan
// does unless the file says otherwise.
func (c *Config) AllowsRequests(plan string) bool {
	p := c.Plans[plan]
	return p.Requests == nil || *p.Requests
}

// Default is the configuration without flags, environment and file.
func Default() (Config, error) {
	var c Config
	app, err := kong.New(&c, Mappers()...)
	if err != nil {
		return c, fmt.Errorf("config: %w", err)
	}
	for _, f := range app.Model.Flags {
		if f.HasDefault {
			if err := f.Parse(kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: f.Default}), f.Target); err != nil {
				return c, fmt.Errorf("config: %s: %w", f.Name, err)
			}
		}
	}
	return c, nil
}
