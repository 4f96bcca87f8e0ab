package channel

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	netmail "net/mail"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/peal-dev/peal/internal/egress"
)

// post is a real mail server that takes everything but what it is told to refuse.
type post struct {
	t       *testing.T
	addr    netip.AddrPort
	roots   *x509.CertPool
	refuse  map[string]*smtp.SMTPError // recipients, or "data"
	auth    bool
	mu      sync.Mutex
	letters []letter
}

type letter struct {
	from string
	to   []string
	user string
	tls  bool
	data string
}

// newPost starts a server; starttls and implicit serve TLS with a certificate of their own.
func newPost(t *testing.T, mode string, auth bool) *post {
	t.Helper()
	p := &post{t: t, roots: x509.NewCertPool(), refuse: map[string]*smtp.SMTPError{}, auth: auth}
	s := smtp.NewServer(p)
	s.Domain, s.AllowInsecureAuth = "mail.example.com", true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = netip.MustParseAddrPort(l.Addr().String())
	if mode != noTLS {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{p.certificate()}}
	}
	if mode == implicitTLS {
		l = tls.NewListener(l, s.TLSConfig)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() {
		_ = s.Close()
		serving.Wait()
	})
	return p
}

func (p *post) certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		p.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		p.t.Fatal(err)
	}
	p.roots.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (p *post) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, secure := c.TLSConnectionState()
	return &desk{post: p, letter: letter{tls: secure}}, nil
}

// desk is one session.
type desk struct {
	*post
	letter letter
}

func (d *desk) AuthMechanisms() []string {
	if !d.auth {
		return nil
	}
	return []string{sasl.Plain}
}

func (d *desk) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "peal" || password != "xyzzy" {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "authentication failed for " + password}
		}
		d.letter.user = user
		return nil
	}), nil
}

func (d *desk) Mail(from string, _ *smtp.MailOptions) error {
	d.letter.from = from
	return nil
}

func (d *desk) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := d.refuse[to]; err != nil {
		return err
	}
	d.letter.to = append(d.letter.to, to)
	return nil
}

func (d *desk) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := d.refuse["data"]; err != nil {
		return err
	}
	d.letter.data = string(data)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.letters = append(d.letters, d.letter)
	return nil
}

func (d *desk) Reset()        { d.letter.to = nil }
func (d *desk) Logout() error { return nil }

// send renders a message and sends it to the server.
func (p *post) send(config map[string]any) Result {
	p.t.Helper()
	c, err := egress.New(egress.Options{AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, RootCAs: p.roots})
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	e := &email{egress: c}
	all := map[string]any{"port": p.addr.Port(), "to": []string{"ops@example.org", "night@example.org"}}
	maps.Copy(all, config)
	ep := mailTo(all)
	if err := Check(p.t.Context(), e, ep); err != nil {
		p.t.Fatal(err)
	}
	body, headers, err := e.Render(ep, sampleMessage(ep, hostileEvent("a title\r\nBcc: <evil@example.com>", ".\r\n.\r\nQUIT", "k", "v")))
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	return e.Send(ctx, ep, Request{Headers: headers, Body: body})
}

func TestMailArrives(t *testing.T) {
	for _, tc := range []struct {
		mode string
		auth bool
	}{{noTLS, false}, {noTLS, true}, {startTLS, false}, {startTLS, true}, {implicitTLS, true}} {
		t.Run(tc.mode, func(t *testing.T) {
			p := newPost(t, tc.mode, tc.auth)
			config := map[string]any{"tls": tc.mode}
			if tc.auth {
				config["username"], config["password"] = "peal", "xyzzy"
			}
			r := p.send(config)
			if r.Err != nil || r.StatusCode != 250 || string(r.Body) != "2 of 2 recipients accepted" {
				t.Fatalf("%+v", r)
			}
			if len(p.letters) != 1 {
				t.Fatalf("%d letters", len(p.letters))
			}
			l := p.letters[0]
			if l.from != "alerts@example.com" || !slices.Equal(l.to, []string{"ops@example.org", "night@example.org"}) || l.tls != (tc.mode != noTLS) || (l.user != "") != tc.auth {
				t.Errorf("%+v", l)
			}
			if strings.Contains(l.data, "\r\nBcc:") || !strings.Contains(l.data, "\r\nMessage-ID: <dlv_") {
				t.Errorf("data %s", l.data)
			}
		})
	}
}

// Many recipients with long names in other scripts are folded into lines that mail may
// have, and all arrive.
func TestMailToMany(t *testing.T) {
	p := newPost(t, noTLS, false)
	var to []string
	for i := range maxRecipients {
		to = append(to, fmt.Sprintf("%q <r%d@example.org>", strings.Repeat("Größe, ", i)+"x", i))
	}
	r := p.send(map[string]any{"to": to})
	if r.Err != nil || string(r.Body) != "50 of 50 recipients accepted" {
		t.Fatalf("%+v", r)
	}
	m, err := netmail.ReadMessage(strings.NewReader(p.letters[0].data))
	if err != nil {
		t.Fatal(err)
	}
	list, err := m.Header.AddressList("To")
	if err != nil || len(list) != maxRecipients || list[9].Address != "r9@example.org" || !strings.HasPrefix(list[9].Name, "Größe, ") {
		t.Errorf("%d recipients: %v", len(list), err)
	}
	for line := range strings.SplitSeq(p.letters[0].data, "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line of %d bytes: %.100s", len(line), line)
		}
	}
}

func TestMailIsRefused(t *testing.T) {
	gone := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	full := &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "mailbox full"}
	for _, tc := range []struct {
		name      string
		config    map[string]any
		refuse    map[string]*smtp.SMTPError
		auth      bool
		mode      string
		code      int
		permanent bool
		err, body string
	}{
		{
			name: "one recipient", refuse: map[string]*smtp.SMTPError{"night@example.org": gone}, code: 250,
			body: "1 of 2 recipients accepted; night@example.org refused: 550 5.1.1 no such user",
		},
		{
			name: "all recipients for good", refuse: map[string]*smtp.SMTPError{"night@example.org": gone, "ops@example.org": gone}, code: 550, permanent: true,
			err: "the mail server refused the recipients: 0 of 2 recipients accepted; ops@example.org refused: 550 5.1.1 no such user; night@example.org refused: 550 5.1.1 no such user",
		},
		{
			name: "all recipients, one for now", refuse: map[string]*smtp.SMTPError{"night@example.org": full, "ops@example.org": gone}, code: 452,
			err: "the mail server refused the recipients: 0 of 2 recipients accepted; ops@example.org refused: 550 5.1.1 no such user; night@example.org refused: 452 4.2.2 mailbox full",
		},
		{name: "the message for now", refuse: map[string]*smtp.SMTPError{"data": full}, code: 452, err: "the mail server refused the message: 452 4.2.2 mailbox full"},
		{name: "the message for good", refuse: map[string]*smtp.SMTPError{"data": gone}, code: 550, permanent: true, err: "the mail server refused the message: 550 5.1.1 no such user"},
		{
			name: "the login", auth: true, config: map[string]any{"username": "peal", "password": "wrong one"}, code: 535, permanent: true,
			err: "the mail server refused the login: 535 5.7.8 authentication failed for ***",
		},
		{name: "no login offered", config: map[string]any{"username": "peal", "password": "xyzzy"}, permanent: true, err: "the mail server offers no way to sign in that is known here"},
		{name: "no starttls", config: map[string]any{"tls": "starttls"}, permanent: true, err: "the mail server offers no STARTTLS; if it speaks TLS from the start, set tls to implicit"},
		{name: "no tls", config: map[string]any{"tls": "implicit"}, err: "TLS handshake failed: the receiver does not speak TLS"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPost(t, noTLS, tc.auth)
			p.refuse = tc.refuse
			r := p.send(tc.config)
			if r.StatusCode != tc.code || message(r.Err) != tc.err || r.Permanent != tc.permanent || tc.body != "" && string(r.Body) != tc.body {
				t.Errorf("%d %q permanent %v %q", r.StatusCode, message(r.Err), r.Permanent, r.Body)
			}
		})
	}
}

// TestMailServerMisbehaves has servers that are none.
func TestMailServerMisbehaves(t *testing.T) {
	for name, tc := range map[string]struct {
		serve func(net.Conn)
		err   string
	}{
		"closes":      {func(net.Conn) {}, "the connection to the mail server was lost"},
		"is a web":    {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }, "the answer is not a mail server's: is this its port?"},
		"never stops": {func(c net.Conn) { _, _ = io.Copy(c, endless{}) }, "the connection to the mail server was lost"},
		"is full":     {func(c net.Conn) { _, _ = io.WriteString(c, "421 4.3.2 come back later\r\n") }, "the mail server refused the session: 421 4.3.2 come back later"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var serving sync.WaitGroup
			serving.Go(func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				tc.serve(c)
				_ = c.Close()
			})
			defer serving.Wait()
			defer l.Close()
			p := &post{t: t, addr: netip.MustParseAddrPort(l.Addr().String())}
			if r := p.send(nil); message(r.Err) != tc.err || r.Permanent {
				t.Errorf("%+v", r)
			}
		})
	}
}

// endless is a line without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '2'
	}
	return len(p), nil
}

func TestMailTimesOut(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // nobody accepts: the connection stands, and nothing comes
	addr := netip.MustParseAddrPort(l.Addr().String())
	e := &email{egress: clientFor(t)}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	r := e.Send(ctx, mailTo(map[string]any{"port": addr.Port()}), Request{Body: []byte("x")})
	if message(r.Err) != "timed out: the mail server did not answer in time" || r.Permanent {
		t.Errorf("%+v", r)
	}
}
