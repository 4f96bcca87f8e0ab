package receiver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/mail"
	"net/textproto"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// mailbox is a mail server that takes everything that is a message of Peal's.
type mailbox struct {
	addr   *net.TCPAddr
	l      net.Listener
	server *smtp.Server
	notify func(Arrival)
	done   chan error

	mu       sync.Mutex
	closed   bool
	sessions sync.WaitGroup
}

func newMailbox(ctx context.Context, notify func(Arrival)) (*mailbox, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &mailbox{l: l, notify: notify, done: make(chan error, 1)}
	m.addr, _ = l.Addr().(*net.TCPAddr)
	m.server = smtp.NewServer(m)
	m.server.Domain, m.server.MaxMessageBytes = "localhost", maxBody
	m.server.ReadTimeout, m.server.WriteTimeout = 10*time.Second, 10*time.Second
	m.server.ErrorLog = log.New(io.Discard, "", 0) // what fails is told by who sends
	go func() { m.done <- m.server.Serve(l) }()
	return m, nil
}

// close stops the server and waits until the last session has ended.
func (m *mailbox) close() error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	err := m.server.Close()
	// The server does not know a listener that it has not begun to serve.
	if closed := m.l.Close(); !errors.Is(closed, net.ErrClosed) {
		err = errors.Join(err, closed)
	}
	err = errors.Join(err, <-m.done)
	m.sessions.Wait()
	return err
}

// NewSession begins a connection's.
func (m *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "closing"}
	}
	m.sessions.Add(1)
	return letter{m}, nil
}

// letter is a session.
type letter struct{ *mailbox }

func (letter) Mail(string, *smtp.MailOptions) error { return nil }
func (letter) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (letter) Reset()                               {}

func (l letter) Logout() error {
	l.sessions.Done()
	return nil
}

func (l letter) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	a := Arrival{Name: "email", Profile: "email", Header: http.Header{}, Body: body, At: time.Now(), Err: VerifyMessage("email", body)}
	if m, err := mail.ReadMessage(bytes.NewReader(body)); err == nil {
		a.Header, a.ID = http.Header(textproto.MIMEHeader(m.Header)), m.Header.Get("X-Peal-Event")
	}
	l.notify(a)
	if a.Err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "bad message"}
	}
	return nil
}
