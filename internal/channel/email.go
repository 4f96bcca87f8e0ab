package channel

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	htmltemplate "html/template"
	netmail "net/mail"
	"net/netip"
	"regexp"
	"strings"

	"github.com/wneessen/go-mail"

	"github.com/peal-dev/peal/internal/catalogue"
	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
)

// email sends a message in HTML and plain text by SMTP (RFC 5321, RFC 5322).
type email struct {
	egress *egress.Client
}

// emailConfig is the configuration by the names of email's fields.
type emailConfig struct {
	Host     string   `json:"host"`
	Port     int      `json:"port"`
	TLS      string   `json:"tls"`
	From     string   `json:"from"`
	To       []string `json:"to"`
	Username string   `json:"username"`
	Password string   `json:"password"`
}

// The ways to secure a connection to a mail server.
const (
	startTLS    = "starttls"
	implicitTLS = "implicit"
	noTLS       = "none"
)

func (*email) Kind() string { return "email" }

func (*email) Fields() []Field {
	return append([]Field{
		{Name: "host", Type: String, Required: true, Help: "The mail server that takes the message, such as smtp.example.com."},
		{Name: "port", Type: Integer, Help: "587 for starttls, 465 for implicit and 25 for none, if it is left out."},
		{Name: "tls", Type: String, Enum: []string{startTLS, implicitTLS, noTLS}, Default: startTLS, Help: "How the connection is secured; none is for a server on this machine."},
		{Name: "username", Type: String, Help: "Where the server wants a login."},
		{Name: "password", Type: String, Secret: true, Help: "Where the server wants a login."},
		{Name: "from", Type: String, Required: true, Help: "The sender, such as Peal <alerts@example.com>."},
		{Name: "to", Type: Strings, Required: true, Help: "The recipients."},
	}, wordFields...)
}

// maxRecipients is how many recipients an endpoint may have.
const maxRecipients = 50

func (e *email) Check(ctx context.Context, ep *peal.Endpoint) error {
	cfg, err := configOf[emailConfig](e, ep)
	if err != nil {
		return err
	}
	if !isMailbox(cfg.From) {
		return peal.Invalid("config.from", "config.from is not a mail address such as Peal <alerts@example.com>")
	}
	if len(cfg.To) > maxRecipients {
		return peal.Invalid("config.to", "at most %d recipients", maxRecipients)
	}
	for i, to := range cfg.To {
		if !isMailbox(to) {
			return peal.Invalid(fmt.Sprintf("config.to[%d]", i), "%q is not a mail address in ASCII (domains in other scripts are written in punycode, xn--…)", peal.Clip(to, clipLen))
		}
	}
	if (cfg.Username == "") != (cfg.Password == "") {
		return peal.Invalid("config.username", "a login needs both username and password")
	}
	if cfg.TLS == noTLS && !isLoopback(cfg.Host) {
		return peal.Invalid("config.tls", "config.tls may be none only where config.host is this machine: localhost or a loopback address")
	}
	if err := e.egress.CheckHost(ctx, cfg.Host, cfg.port()); err != nil {
		return inConfig(err)
	}
	return nil
}

// port is the configured one, or by RFC 8314 and RFC 5321 the one of the way to secure it.
func (c *emailConfig) port() int {
	if c.Port != 0 {
		return c.Port
	}
	return map[string]int{startTLS: 587, implicitTLS: 465, noTLS: 25}[c.TLS]
}

// mailbox is what the envelope can say without SMTPUTF8 and quoting, which hardly a
// server takes.
var mailbox = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")

// maxMailbox bounds an address with its name, which a header line must hold.
const maxMailbox = 512

func isMailbox(address string) bool {
	a, err := netmail.ParseAddress(address)
	return err == nil && len(address) <= maxMailbox && mailbox.MatchString(a.Address)
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}

// inConfig names the field of an error as the API does.
func inConfig(err error) error {
	p, ok := err.(*peal.Error) //nolint:errorlint // checks give it bare
	if !ok {
		return err
	}
	in := *p
	in.Field, in.Message = "config."+p.Field, "config."+p.Message
	return &in
}

//go:embed email.html
var emailFiles embed.FS

var emailPage = htmltemplate.Must(htmltemplate.ParseFS(emailFiles, "email.html"))

// Render gives the whole message with its headers. Its Message-ID is made from the
// delivery's id, so that mail programs know a repeat for one.
func (e *email) Render(ep *peal.Endpoint, m *Message) ([]byte, []peal.Header, error) {
	cfg, err := configOf[emailConfig](e, ep)
	if err != nil {
		return nil, nil, err
	}
	id := m.Delivery.String()
	if m.Delivery.IsZero() {
		id = m.Single().ID.String()
	}
	msg := mail.NewMsg(mail.WithBoundary("peal-"+id), mail.WithNoDefaultUserAgent(), mail.WithEncoding(mail.EncodingQP))
	if err := msg.From(cfg.From); err != nil {
		return nil, nil, errConfig
	}
	if err := msg.To(cfg.To...); err != nil {
		return nil, nil, errConfig
	}
	msg.SetMessageIDWithValue(id + "@" + domainOf(cfg.From))
	msg.SetDateWithValue(m.Time.UTC())
	msg.Subject(cut(m.Title, maxSubject))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's vacation answers it
	msg.SetGenHeader("X-Peal-Event", m.Single().ID.String())
	if m.Severity == peal.Critical {
		msg.SetGenHeader("Importance", "high")
		msg.SetGenHeader("X-Priority", "1")
	}
	var page bytes.Buffer
	if err := emailPage.Execute(&page, view(m)); err != nil {
		return nil, nil, err
	}
	msg.SetBodyString(mail.TypeTextPlain, plainText(view(m)))
	msg.AddAlternativeString(mail.TypeTextHTML, page.String())
	var out bytes.Buffer
	if _, err := msg.WriteTo(&out); err != nil {
		return nil, nil, err
	}
	return out.Bytes(), []peal.Header{{Name: "Content-Type", Value: "message/rfc822"}}, nil
}

// emailView is what a mail shows, its texts being no longer than a mail should be.
type emailView struct {
	*Message
	Body   string
	Color  string
	Footer string
	Named  []emailItem
	// Unnamed tells how many events are not named, empty if all are.
	Unnamed string
}

type emailItem struct {
	Title, Body, When, Link string
	Severity                peal.Severity
}

func view(m *Message) emailView {
	v := emailView{Message: m, Body: peal.Clip(m.Text, maxEmailText), Color: emailColors[m.Severity], Footer: footer(m)}
	items, hidden := lastItems(m.Items, mostEmailItems)
	for _, it := range items {
		v.Named = append(v.Named, emailItem{it.Title, peal.Clip(itemText(it), maxEmailItem), catalogue.Time(it.Time), it.Link, it.Severity})
	}
	if hidden > 0 {
		v.Unnamed = more(hidden, "events before these")
	}
	return v
}

var emailColors = map[peal.Severity]string{
	peal.Info: "#46536b", peal.Warning: "#8a5300", peal.High: "#b3261e", peal.Critical: "#8c0f0a",
}

// How much of a message a mail holds: of its text and of the text of each of several
// events in bytes, and of them the last ones. The rest is in the dashboard.
const (
	maxSubject     = 200 // characters
	maxEmailText   = 32 << 10
	maxEmailItem   = 1 << 10
	mostEmailItems = 50
)

// plainText is the message for those who read no HTML.
func plainText(v emailView) string {
	var b strings.Builder
	b.WriteString(v.Body + "\n")
	if len(v.Details) > 0 {
		b.WriteString("\n")
	}
	for _, d := range v.Details {
		sep := " "
		if d.Long {
			sep = "\n"
		}
		b.WriteString(d.Label + ":" + sep + d.Text + "\n")
	}
	if v.Unnamed != "" {
		b.WriteString("\n" + v.Unnamed + "\n")
	}
	for _, it := range v.Named {
		fmt.Fprintf(&b, "\n%s · %s · %s\n", severityWord(it.Severity), it.When, it.Title)
		if it.Body != "" {
			b.WriteString(it.Body + "\n")
		}
	}
	b.WriteString("\n" + v.Footer + "\n")
	if v.Link != "" {
		b.WriteString(v.Link + "\n")
	}
	return b.String()
}

// domainOf is the part of a mail address behind the @.
func domainOf(address string) string {
	a, err := netmail.ParseAddress(address)
	if err != nil {
		return "localhost"
	}
	return a.Address[strings.LastIndexByte(a.Address, '@')+1:]
}
