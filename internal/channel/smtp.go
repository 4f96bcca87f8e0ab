package channel

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"os"
	"strings"

	"github.com/wneessen/go-mail/smtp"

	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
)

// maxSMTPAnswers is how much a mail server may say in one session, TLS included.
const maxSMTPAnswers = 256 << 10

// Send hands the message to the mail server, for every recipient that it takes. A server
// that refuses some is told of in the result's body, since the others have the message:
// another attempt would send it to them again.
func (e *email) Send(ctx context.Context, ep *peal.Endpoint, req Request) Result {
	cfg, err := configOf[emailConfig](e, ep)
	if err != nil {
		return Result{Err: err, Permanent: true}
	}
	stream, err := e.egress.Dial(ctx, cfg.Host, cfg.port(), maxSMTPAnswers)
	if err != nil {
		return Result{Err: err}
	}
	stop := context.AfterFunc(ctx, func() { _ = stream.Close() })
	defer func() {
		stop()
		_ = stream.Close()
	}()
	s := &mailing{ctx: ctx, cfg: cfg, stream: stream}
	if err := s.begin(); err != nil {
		return s.failure(err)
	}
	if err := s.recipients(); err != nil {
		return s.failure(err)
	}
	if err := s.data(req.Body); err != nil {
		return s.failure(err)
	}
	_ = s.client.Quit() // the message is taken already
	return Result{StatusCode: 250, Body: excerpt([]byte(s.told()))}
}

// mailing is one session with a mail server.
type mailing struct {
	ctx    context.Context
	cfg    emailConfig
	stream *egress.Stream
	client *smtp.Client
	step   string
	// taken counts the recipients that the server took, refused says which it did not.
	taken   int
	refused []refusal
}

type refusal struct {
	address string
	err     error
}

// errNoTLS says that a password or a message would go in the clear.
type errNoTLS string

func (e errNoTLS) Error() string { return string(e) }

// begin connects, secures the connection and signs in.
func (s *mailing) begin() error {
	s.step = "greeting"
	var conn net.Conn = s.stream
	if s.cfg.TLS == noTLS && !s.stream.Loopback() {
		return errNoTLS("tls none is for a mail server on this machine alone")
	}
	if s.cfg.TLS == implicitTLS {
		secure := tls.Client(s.stream, s.stream.TLSConfig())
		if err := secure.HandshakeContext(s.ctx); err != nil {
			return s.stream.HandshakeError(s.ctx, err)
		}
		conn = secure
	}
	var err error
	if s.client, err = smtp.NewClient(conn, s.cfg.Host); err != nil {
		return err
	}
	// The machine's own name is seldom one that the world knows; the sender's domain is.
	if err := s.client.Hello(domainOf(s.cfg.From)); err != nil {
		return err
	}
	if s.cfg.TLS == startTLS {
		if ok, _ := s.client.Extension("STARTTLS"); !ok {
			return errNoTLS("the mail server offers no STARTTLS; if it speaks TLS from the start, set tls to implicit")
		}
		if err := s.client.StartTLS(s.stream.TLSConfig()); err != nil {
			var reply *textproto.Error
			if errors.As(err, &reply) {
				return err
			}
			return s.stream.HandshakeError(s.ctx, err)
		}
	}
	if s.cfg.Username == "" {
		return nil
	}
	s.step = "login"
	return s.login()
}

// login signs in by the strongest way that the server offers.
func (s *mailing) login() error {
	_, offered := s.client.Extension("AUTH")
	c := s.cfg
	for _, way := range []struct {
		name string
		auth smtp.Auth
	}{
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(c.Username, c.Password)},
		{"PLAIN", smtp.PlainAuth("", c.Username, c.Password, c.Host, s.stream.Loopback())},
		{"LOGIN", smtp.LoginAuth(c.Username, c.Password, c.Host, s.stream.Loopback())},
		{"CRAM-MD5", smtp.CRAMMD5Auth(c.Username, c.Password)},
	} {
		for _, name := range strings.Fields(offered) {
			if strings.EqualFold(name, way.name) {
				return s.client.Auth(way.auth)
			}
		}
	}
	return errNoTLS("the mail server offers no way to sign in that is known here")
}

// tooMany is what servers say of more recipients than they take at once, which by
// RFC 5321, 4.5.3.1.10, is to be taken for a 452.
const tooMany = 552

// recipients says who sends to whom. It fails where nobody is left to send to.
func (s *mailing) recipients() error {
	s.step = "sender"
	if err := s.client.Mail(envelope(s.cfg.From)); err != nil {
		return err
	}
	s.step = "recipient"
	var last error
	for _, to := range s.cfg.To {
		err := s.client.Rcpt(envelope(to))
		var reply *textproto.Error
		switch {
		case err == nil:
			s.taken++
		case !errors.As(err, &reply):
			return err
		default:
			s.refused = append(s.refused, refusal{to, err})
			if last == nil || reply.Code < 500 || reply.Code == tooMany {
				last = err // one that may be taken later is worth another attempt
			}
		}
	}
	if s.taken == 0 {
		return last
	}
	return nil
}

func (s *mailing) data(message []byte) error {
	s.step = "message"
	w, err := s.client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(message); err != nil {
		return err
	}
	return w.Close()
}

// told sums up who has the message and who has not.
func (s *mailing) told() string {
	text := fmt.Sprintf("%d of %d recipients accepted", s.taken, len(s.cfg.To))
	for _, r := range s.refused {
		text += fmt.Sprintf("; %s refused: %s", peal.Clip(r.address, clipLen), s.reply(r.err))
	}
	return text
}

// failure tells what went wrong in one sentence. By RFC 5321, 4.2.1, a reply of 5yz would
// be the same again, and one of 4yz may be another later.
func (s *mailing) failure(err error) Result {
	var (
		known  *egress.Error
		own    errNoTLS
		answer *textproto.Error
		noSMTP textproto.ProtocolError
	)
	switch {
	case errors.As(err, &known):
		return Result{Err: known}
	case errors.As(err, &own):
		return Result{Err: own, Permanent: true}
	case errors.As(err, &answer):
		r := Result{StatusCode: answer.Code, Body: excerpt([]byte(peal.Readable(s.hide(answer.Msg)))), Permanent: answer.Code >= 500 && (s.step != "recipient" || answer.Code != tooMany)}
		what := map[string]string{
			"greeting": "the mail server refused the session", "login": "the mail server refused the login",
			"sender": "the mail server refused the sender", "recipient": "the mail server refused the recipients",
			"message": "the mail server refused the message",
		}[s.step]
		if s.step == "recipient" {
			what += ": " + s.told()
			r.Err = errors.New(what)
			return r
		}
		r.Err = fmt.Errorf("%s: %s", what, s.reply(err))
		return r
	case errors.Is(s.ctx.Err(), context.Canceled):
		return Result{Err: errors.New("the attempt was cancelled")}
	case s.ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
		text := "timed out: the mail server did not answer in time"
		if s.step == "greeting" && s.client == nil && s.cfg.TLS == startTLS {
			text += "; if it speaks TLS from the start, set tls to implicit"
		}
		return Result{Err: errors.New(text)}
	case errors.As(err, &noSMTP):
		return Result{Err: errors.New("the answer is not a mail server's: is this its port?")}
	}
	return Result{Err: errors.New("the connection to the mail server was lost")}
}

// maxReply is how much of a server's words an error repeats.
const maxReply = 200

func (s *mailing) reply(err error) string {
	var answer *textproto.Error
	if errors.As(err, &answer) {
		return fmt.Sprintf("%d %s", answer.Code, peal.Clip(peal.ReadableLine(s.hide(answer.Msg)), maxReply))
	}
	return "no answer"
}

// hide takes the password out of what a server says, which may repeat a command.
func (s *mailing) hide(text string) string {
	if s.cfg.Password == "" {
		return text
	}
	plain := "\x00" + s.cfg.Username + "\x00" + s.cfg.Password
	return strings.NewReplacer(
		base64.StdEncoding.EncodeToString([]byte(plain)), secret.Redacted,
		base64.StdEncoding.EncodeToString([]byte(s.cfg.Password)), secret.Redacted,
		s.cfg.Password, secret.Redacted,
	).Replace(text)
}

// envelope is a mail address as the envelope has it.
func envelope(address string) string {
	a, err := netmail.ParseAddress(address)
	if err != nil {
		return "<>"
	}
	return "<" + a.Address + ">"
}
