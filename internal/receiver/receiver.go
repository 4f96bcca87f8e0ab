package receiver

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Arrival is one request that came in.
type Arrival struct {
	// Name is the target that it came to, ID the event that it carries (webhook-id).
	Name, Profile, ID string
	Header            http.Header
	Body              []byte
	At                time.Time
	// Err says why the signature does not hold, nil if it does.
	Err error
}

// Receiver listens on a free loopback port.
type Receiver struct {
	addr   string
	server http.Server
	done   chan error
	notify func(Arrival)

	mu      sync.Mutex
	targets map[string]target
}

type target struct{ profile, secret string }

// maxBody is more than any delivery has.
const maxBody = 4 << 20

// Start listens. For each request to a known target, notify is called before the
// answer is given, from any goroutine: 200 where the signature holds, 401 where it
// does not.
func Start(ctx context.Context, notify func(Arrival)) (*Receiver, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Receiver{addr: l.Addr().String(), done: make(chan error, 1), notify: notify, targets: map[string]target{}}
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
	return err
}

// Add makes a target whose requests are signed in a profile's format, with a secret
// that every profile takes.
func (r *Receiver) Add(name, profile string) (url, secret string) {
	var key [32]byte
	rand.Read(key[:]) // never fails
	secret = "whsec_" + base64.StdEncoding.EncodeToString(key[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	r.targets[name] = target{profile, secret}
	return "http://" + r.addr + "/" + name, secret
}

func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
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
		Err: Verify(t.profile, t.secret, req.Header, body.Bytes()),
	}
	r.notify(a)
	if a.Err != nil {
		http.Error(w, "bad signature", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "ok")
}
