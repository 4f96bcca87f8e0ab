package channel

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	htmltemplate "html/template"
	netmail "net/mail"
	"strings"

	"github.com/wneessen/go-mail"

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
		{Name: "port", Type: Integer, Required: true, Help: "587 for starttls, 465 for implicit."},
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
	if _, err := netmail.ParseAddress(cfg.From); err != nil {
		return peal.Invalid("config.from", "config.from is not a mail address such as Peal <alerts@example.com>")
	}
	if len(cfg.To) > maxRecipients {
		return peal.Invalid("config.to", "at most %d recipients", maxRecipients)
	}
	for i, to := range cfg.To {
		if _, err := netmail.ParseAddress(to); err != nil {
			return peal.Invalid(fmt.Sprintf("config.to[%d]", i), "%q is not a mail address", peal.Clip(to, clipLen))
		}
	}
	if (cfg.Username == "") != (cfg.Password == "") {
		return peal.Invalid("config.username", "a login needs both username and password")
	}
	if err := e.egress.CheckHost(ctx, cfg.Host, cfg.Port); err != nil {
		return inConfig(err)
	}
	return nil
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
	msg.Subject(m.Title)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's vacation answers it
	if m.Severity == peal.Critical {
		msg.SetImportance(mail.ImportanceHigh)
	}
	var page bytes.Buffer
	if err := emailPage.Execute(&page, emailView{m, emailText(m.Text), emailColors[m.Severity], footer(m)}); err != nil {
		return nil, nil, err
	}
	msg.SetBodyString(mail.TypeTextPlain, plainText(m))
	msg.AddAlternativeString(mail.TypeTextHTML, page.String())
	var out bytes.Buffer
	if _, err := msg.WriteTo(&out); err != nil {
		return nil, nil, err
	}
	return out.Bytes(), []peal.Header{{Name: "Content-Type", Value: "message/rfc822"}}, nil
}

// emailView is what the HTML shows.
type emailView struct {
	*Message
	Body   string
	Color  string
	Footer string
}

var emailColors = map[peal.Severity]string{
	peal.Info: "#46536b", peal.Warning: "#8a5300", peal.High: "#b3261e", peal.Critical: "#8c0f0a",
}

// maxEmailText is how much of a message's text a mail holds, in bytes; the rest is on the
// event's page.
const maxEmailText = 32 << 10

func emailText(text string) string { return peal.Clip(text, maxEmailText) }

// plainText is the message for those who read no HTML.
func plainText(m *Message) string {
	var b strings.Builder
	b.WriteString(emailText(m.Text) + "\n")
	if len(m.Details) > 0 {
		b.WriteString("\n")
	}
	for _, d := range m.Details {
		sep := " "
		if d.Long {
			sep = "\n"
		}
		b.WriteString(d.Label + ":" + sep + d.Text + "\n")
	}
	for _, it := range m.Items {
		fmt.Fprintf(&b, "\n[%s] %s\n", it.Severity, it.Title)
		if it.Text != it.Title {
			b.WriteString(emailText(it.Text) + "\n")
		}
	}
	b.WriteString("\n" + footer(m) + "\n")
	if m.Link != "" {
		b.WriteString(m.Link + "\n")
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
