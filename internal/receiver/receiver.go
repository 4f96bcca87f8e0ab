package receiver

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Arrival is one request that came in.
type Arrival struct {
	// Name is the target that it came to, Profile that of a webhook, else the channel's
	// kind; ID is the event that it carries (webhook-id).
	Name, Profile, ID string
	Header            http.Header
	Body              []byte
	At                time.Time
	// Err says why the signature or the message does not hold, nil if it does.
	Err error
}

// Receiver listens on free loopback ports, one for HTTP and one for mail.
type Receiver struct {
	addr   string
	mail   *mailbox
	server http.Server
	done   chan error
	notify func(Arrival)

	mu      sync.Mutex
	targets map[string]target
	tracker tracker
}

// target is a webhook's, or a channel's where kind is set.
type target struct{ profile, secret, kind string }

func (t target) verify(header http.Header, body []byte) error {
	if t.kind != "" {
		return VerifyMessage(t.kind, body)
	}
	return Verify(t.profile, t.secret, header, body)
}

// maxBody is more than any delivery has.
const maxBody = 4 << 20

// Start listens. For each request to a known target, notify is called before the
// answer is given, from any goroutine: 200 where the signature (or the message, which a
// channel does not sign) holds, 401 where it does not.
func Start(ctx context.Context, notify func(Arrival)) (*Receiver, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Receiver{addr: l.Addr().String(), done: make(chan error, 1), notify: notify, targets: map[string]target{}}
	if r.mail, err = newMailbox(ctx, notify); err != nil {
		_ = l.Close()
		return nil, err
	}
	r.server = http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	go func() { r.done <- r.server.Serve(l) }()
	return r, nil
}

// Close stops the server and waits until it has.
func (r *Receiver) Close() error {
	err := r.server.Close()
	if served := <-r.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, r.mail.close())
}

// Add makes a target whose requests are signed in a profile's format, with a secret
// that every profile takes.
func (r *Receiver) Add(name, profile string) (url, secret string) {
	var key [32]byte
	rand.Read(key[:]) // never fails
	secret = "whsec_" + base64.StdEncoding.EncodeToString(key[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	r.targets[name] = target{profile: profile, secret: secret}
	return "http://" + r.addr + "/" + name, secret
}

// AddChannel makes a target that plays the receiver of a kind of channel, and gives an
// endpoint's configuration that leads to it.
func (r *Receiver) AddChannel(kind string) (config map[string]any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	url := "http://" + r.addr + "/" + kind
	switch kind {
	case "email":
		return map[string]any{
			"host": r.mail.addr.IP.String(), "port": r.mail.addr.Port, "tls": "none",
			"from": "Peal <peal@example.com>", "to": []string{"you@example.com"},
		}
	case "jira":
		token := rand.Text()
		r.tracker = tracker{
			login:  "Basic " + base64.StdEncoding.EncodeToString([]byte(trackerUser+":"+token)),
			labels: map[string]string{},
		}
		return map[string]any{"url": url, "project": trackerProject, "email": trackerUser, "token": token}
	}
	r.targets[kind] = target{profile: kind, kind: kind}
	return map[string]any{"url": url}
}

func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodPost && strings.HasPrefix(req.URL.Path, trackerRoot) {
		r.serveTracker(w, req)
		return
	}
	name := req.URL.Path[1:]
	r.mu.Lock()
	t, ok := r.targets[name]
	r.mu.Unlock()
	if !ok || req.Method != http.MethodPost {
		http.NotFound(w, req)
		return
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(http.MaxBytesReader(w, req.Body, maxBody)); err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	a := Arrival{
		Name: name, Profile: t.profile, ID: req.Header.Get("webhook-id"),
		Header: req.Header, Body: body.Bytes(), At: time.Now(),
		Err: t.verify(req.Header, body.Bytes()),
	}
	r.notify(a)
	if a.Err != nil {
		http.Error(w, "bad signature", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "ok")
}

// serveTracker plays Jira. An issue and a comment are arrivals; a search is none.
func (r *Receiver) serveTracker(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	status, doc, news := r.tracker.answer(req, body)
	r.mu.Unlock()
	if news {
		a := Arrival{
			Name: "jira", Profile: "jira", ID: req.Header.Get("webhook-id"), Header: req.Header, Body: body, At: time.Now(),
			Err: VerifyMessage("jira", body),
		}
		if r.notify(a); a.Err != nil {
			status, doc = http.StatusBadRequest, map[string]any{"errorMessages": []string{a.Err.Error()}}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(doc) // the client may be gone
}
