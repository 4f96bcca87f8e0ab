package scheme

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Request is what arrived at a hook.
type Request struct {
	// URL is the whole address that the sender called, query included, as the outside
	// world spells it. Twilio signs it.
	URL    string
	Header http.Header
	Body   []byte    // exactly as it arrived
	Now    time.Time // when it arrived
}

// Config is how one hook is verified.
type Config struct {
	// Secrets stand newest first; each of them is accepted, so that one can replace
	// another without a gap.
	Secrets []string
	// Settings are the values of the scheme's fields other than the secret, by name.
	Settings map[string]string
}

// Verdict is what a verified request means.
type Verdict struct {
	// DeliveryID is the sender's name for this delivery, the same when it tries again;
	// empty where it has none. It is printable UTF-8 of at most 200 bytes.
	DeliveryID string
	// Event names what happened, for display; it may be empty.
	Event string
	// Reply, if set, is the whole answer: the request was a question to the hook, and
	// starts nothing.
	Reply *Reply
	// Confirm, if set, is an address to GET once: it subscribes the hook. The request
	// starts nothing.
	Confirm string
}

// Reply is an HTTP answer.
type Reply struct {
	Status      int
	ContentType string // empty without a body
	Body        []byte
}

// Fetch gets a small public document over https. A request causes one call at most,
// before it is known to be genuine, so that a hook's rate limit is that of its fetches.
type Fetch func(ctx context.Context, url string) ([]byte, error)

// Scheme is one way to verify. It is safe for concurrent use, and nothing changes it
// after it was made.
type Scheme struct {
	Name string
	// Provider is whose requests it verifies.
	Provider string
	// Fields describes what it needs to know, in the order in which people fill it in.
	Fields []Field
	// Headers are those without which a request is refused.
	Headers []string
	// Tolerance is how far the signed time may be from now, unless the setting
	// tolerance says otherwise; zero where the sender signs no time.
	Tolerance time.Duration
	// Forms tells that the sender may post forms rather than JSON: see FormJSON.
	Forms bool
	// Accepted is the status that the sender takes for success where it does not take
	// every 2xx; zero where it does.
	Accepted int

	// check looks at what the fields alone do not tell.
	check func(options) error
	// verify runs once secrets and headers are known to be there.
	verify func(context.Context, *call) (Verdict, error)
}

// Verify tells whether the sender knows the secret, and what it wants. The error is
// a *peal.Error whose message is safe to answer: unauthorized if the request is
// refused, unavailable if it could not be judged and should come again.
func (s *Scheme) Verify(ctx context.Context, r *Request, cfg Config) (Verdict, error) {
	if s.checkSecrets(cfg) != nil {
		return Verdict{}, refuse(ErrSecret, "the hook has no usable secret")
	}
	for _, name := range s.Headers {
		if r.Header.Get(name) == "" {
			return Verdict{}, missing(name)
		}
	}
	v, err := s.verify(ctx, &call{r, options{s, cfg}})
	if err != nil {
		return Verdict{}, err
	}
	v.DeliveryID = storable(v.DeliveryID)
	if !peal.Printable(v.Event) {
		v.Event = ""
	}
	v.Event = peal.Clip(v.Event, maxEvent)
	return v, nil
}

// storable makes an id fit to be stored and compared. One that is not is replaced by
// its hash, because without an id a repetition would run twice.
func storable(id string) string {
	if len(id) <= maxID && peal.Printable(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Set is all schemes of a server.
type Set struct {
	list []*Scheme
}

// All makes every scheme there is. SNS signs with certificates that come through
// fetch.
func All(fetch Fetch) *Set {
	return &Set{list: []*Scheme{
		pealScheme(),
		standard(),
		svix(),
		github(),
		gitlab(),
		gitea(),
		bitbucket(),
		stripe(),
		shopify(),
		slack(),
		linear(),
		paddle(),
		pagerduty(),
		zoom(),
		twilio(),
		sendgrid(),
		sns(fetch),
		discord(),
		basic(),
		bearer(),
		apiKey(),
		genericHMAC(),
	}}
}

// Get finds a scheme by its name.
func (s *Set) Get(name string) (*Scheme, bool) {
	for _, sch := range s.list {
		if sch.Name == name {
			return sch, true
		}
	}
	return nil, false
}

// Schemes lists all schemes. The slice is the caller's not to change.
func (s *Set) Schemes() []*Scheme { return s.list }
