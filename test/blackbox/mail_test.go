package blackbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const mailPassword = "hush-hush"

// mailServer is a real one that wants STARTTLS and a login, and knows all but a stranger.
type mailServer struct {
	Port   int
	CAFile string // its authority

	mu   sync.Mutex
	mail []letter
}

type letter struct {
	to     []string
	secure bool
	body   string
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	m := &mailServer{}
	s := smtp.NewServer(m)
	s.ErrorLog = log.New(io.Discard, "", 0)
	s.Domain = "mail.example.com" // logins are taken over TLS alone
	s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{m.certificate(t)}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.Port = l.Addr().(*net.TCPAddr).Port
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() {
		_ = s.Close()
		serving.Wait()
	})
	return m
}

func (m *mailServer) certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	m.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(m.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Got is what arrived so far.
func (m *mailServer) Got() []letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]letter(nil), m.mail...)
}

func (m *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &mailSession{server: m, conn: c}, nil
}

type mailSession struct {
	server *mailServer
	conn   *smtp.Conn
	user   string
	to     []string
}

func (*mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "peal" || password != mailPassword {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no login with " + password}
		}
		s.user = user
		return nil
	}), nil
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	if s.user == "" {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "stranger@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, secure := s.conn.TLSConnectionState()
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.mail = append(s.server.mail, letter{s.to, secure, string(body)})
	return nil
}

func (s *mailSession) Reset()      { s.to = nil }
func (*mailSession) Logout() error { return nil }

// mailConfig is a configuration for the server but for pairs of keys and values.
func (m *mailServer) config(pairs ...any) object {
	return with(object{
		"host": "127.0.0.1", "port": m.Port, "username": "peal", "password": mailPassword,
		"from": "Peal <alerts@example.com>", "to": []string{"ops@example.com", "stranger@example.com"},
	}, pairs...)
}

// An event becomes a mail, and the server's password is shown nowhere.
func TestMail(t *testing.T) {
	t.Parallel()
	m := newMailServer(t)
	s := newServer(t, append([]string{"--ca-file", m.CAFile}, loopback...)...)
	c := s.Admin()
	ep := c.Call(t, 201, "POST", "/v1/endpoints", object{"type": "email", "events": []string{"circuit.*"}, "config": m.config()})
	event := c.Publish(t, "circuit.open", object{"routeId": "chat", "failureCount": 5}, "title", "Open: chat\r\nBcc: evil@example.com")
	d := c.Delivery(t, text(event, "id"), "succeeded")
	got := m.Got()
	if len(got) != 1 || !got[0].secure || strings.Join(got[0].to, " ") != "ops@example.com" {
		t.Fatalf("%+v", got)
	}
	letter, err := mail.ReadMessage(strings.NewReader(got[0].body))
	if err != nil {
		t.Fatal(err)
	}
	if h := letter.Header; h.Get("Bcc") != "" || h.Get("Message-Id") != "<"+text(d, "id")+"@example.com>" || h.Get("X-Peal-Event") != text(event, "id") {
		t.Errorf("headers %v", h)
	}
	path := "/v1/deliveries/" + text(d, "id")
	if shown := c.Try(t, "GET", path, nil); !strings.Contains(string(shown.Body), "1 of 2 recipients accepted; stranger@example.com refused: 550 5.1.1 no such user") {
		t.Errorf("the attempts do not tell who was refused: %s", shown.Body)
	}
	if payload := c.Try(t, "GET", path+"/payload", nil); string(payload.Body) != got[0].body {
		t.Errorf("payload %s, sent %s", payload.Body, got[0].body)
	}
	for _, tc := range []struct {
		config object
		want   string
	}{
		{m.config(), "Delivered"},
		{m.config("password", "wrong-"+mailPassword), "the mail server refused the login: 535 5.7.8 no login with ***"},
		{m.config("to", []string{"stranger@example.com"}), "stranger@example.com refused: 550 5.1.1 no such user"},
		{m.config("tls", "implicit"), "TLS handshake failed: the receiver does not speak TLS"},
	} {
		c.wantTest(t, "email", tc.config, tc.want, mailPassword)
	}
	for _, shown := range []string{path, path + "/payload", "/v1/endpoints", "/v1/endpoints/" + text(ep, "id"), "/nemo/channel/list", "/v1/audit"} {
		if a := c.Try(t, "GET", shown, nil); a.Status != 200 || strings.Contains(string(a.Body), mailPassword) {
			t.Errorf("%s: status %d, %s", shown, a.Status, a.Body)
		}
	}
	if strings.Contains(string(s.log.All()), mailPassword) {
		t.Error("the password is logged")
	}
}

// wantTest tries a configuration on Nemo's surface and as an endpoint, and wants the
// sentence that says what is wrong, without a secret.
func (c *caller) wantTest(t *testing.T, kind string, config object, want, secret string) {
	t.Helper()
	check := func(a *answer) {
		t.Helper()
		if !strings.Contains(string(a.Body), strings.ReplaceAll(want, `"`, `\"`)) || strings.Contains(string(a.Body), secret) {
			t.Errorf("%s: status %d, %s, want %q", kind, a.Status, a.Body, want)
		}
	}
	check(c.Try(t, "POST", "/nemo/channel/test", object{"channel_type": kind, "config": config}))
	made := c.Call(t, 200, "POST", "/nemo/channel/new", object{"name": "n", "channel_type": kind, "config": config, "event_types": []string{"never.*"}})
	check(c.Try(t, "POST", "/v1/endpoints/"+text(made, "id")+"/test", nil))
}

// A server that may not be trusted or found is named in one sentence.
func TestMailServerIsWrong(t *testing.T) {
	t.Parallel()
	m := newMailServer(t)
	c := sharedOrg(t)
	c.wantTest(t, "email", m.config(), "TLS handshake failed: the certificate is signed by an unknown authority", mailPassword)
	for field, config := range map[string]object{
		"config.host": m.config("host", "10.0.0.1"),
		"config.tls":  m.config("host", "mail.example.com", "tls", "none"),
		"config.to":   m.config("to", []string{"a@b\r\nRCPT TO:<x@y>"}),
	} {
		a := c.Try(t, "POST", "/v1/endpoints", object{"type": "email", "config": config})
		if a.Status != 400 || !strings.Contains(string(a.Body), field) || strings.Contains(string(a.Body), mailPassword) {
			t.Errorf("%s: status %d, %s", field, a.Status, a.Body)
		}
	}
	a := c.Try(t, "POST", "/nemo/channel/test", object{"channel_type": "email", "config": m.config("host", "no-such-host.invalid")})
	if !strings.Contains(string(a.Body), "does not resolve") {
		t.Errorf("an unknown host: status %d, %s", a.Status, a.Body)
	}
}

// An attempt that fails for now is made again.
func TestMailIsRetried(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	var refused int
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			refused++
			_, _ = io.WriteString(conn, "421 4.3.2 come back later\r\n")
			_ = conn.Close()
		}
	})
	c := sharedOrg(t)
	c.Call(t, 201, "POST", "/v1/endpoints", object{
		"type": "email", "retry": object{"schedule": []string{"50ms", "50ms"}},
		"config": object{"host": "127.0.0.1", "port": l.Addr().(*net.TCPAddr).Port, "tls": "none", "from": "a@example.com", "to": []string{"b@example.com"}},
	})
	event := c.Publish(t, "order.paid", object{"n": 1})
	d := c.Delivery(t, text(event, "id"), "dead")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	serving.Wait()
	if got := text(d, "last_error"); refused != 3 || !strings.Contains(got, "421 4.3.2 come back later") {
		t.Errorf("%d attempts, last error %q", refused, got)
	}
	if n := fmt.Sprint(d["attempt_count"]); n != "3" {
		t.Errorf("%s attempts", n)
	}
}
