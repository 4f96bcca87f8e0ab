package scheme

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" // SignatureVersion 1
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

// snsTolerance covers the hour for which SNS repeats a message with its first time.
const snsTolerance = 65 * time.Minute

// sns is Amazon SNS: RSA over chosen fields of the message, with a certificate that
// the message names. Everybody can make SNS sign, so that a hook names its topics.
func sns(fetch Fetch) *Scheme {
	certs := newCertificates(fetch)
	return &Scheme{
		Name:     "sns",
		Provider: "Amazon SNS",
		Fields: []Field{
			{Name: "topic_arn", Type: List, Required: true, Help: "The ARNs of the topics that may send, separated by commas."},
			toleranceField(snsTolerance),
		},
		Tolerance: snsTolerance,
		check: func(o options) error {
			for _, arn := range topics(o) {
				if !topicARN.MatchString(arn) {
					return peal.Invalid("topic_arn", "must be ARNs such as arn:aws:sns:eu-central-1:123456789012:orders")
				}
			}
			return nil
		},
		verify: func(ctx context.Context, c *call) (Verdict, error) {
			m, err := parseSNS(c.Body)
			if err != nil {
				return Verdict{}, err
			}
			if !slices.Contains(topics(c.options), m["TopicArn"]) {
				return Verdict{}, refuse(ErrUntrusted, "the topic is not one of the hook's")
			}
			if err := c.snsSigned(ctx, certs, m); err != nil {
				return Verdict{}, err
			}
			sent, err := time.Parse(time.RFC3339, m["Timestamp"])
			if err != nil {
				return Verdict{}, refuse(ErrMalformed, "the message has no readable Timestamp")
			}
			if err := c.fresh(sent); err != nil {
				return Verdict{}, err
			}
			return m.verdict()
		},
	}
}

var topicARN = regexp.MustCompile(`^arn:aws[a-z-]*:sns:([a-z]{2,}(?:-[a-z]+)+-[0-9]+):[0-9]{12}:[A-Za-z0-9_.-]{1,256}$`)

func topics(o options) []string {
	list := strings.Split(o.setting("topic_arn"), ",")
	for i, arn := range list {
		list[i] = strings.TrimSpace(arn)
	}
	return list
}

// message is the texts of an SNS message, by their exact names.
type message map[string]string

// parseSNS reads a message so strictly that no other reader can see another one: the
// signature is over the fields, not over the bytes.
func parseSNS(body []byte) (message, error) {
	compact, err := strictjson.Compact(nil, body)
	if err != nil {
		return nil, refuse(ErrMalformed, "the body is not an SNS message")
	}
	m := message{}
	err = strictjson.Fields(compact, func(key string, value []byte) error {
		var text string
		if value[0] == '"' && json.Unmarshal(value, &text) == nil {
			m[key] = text
		}
		return nil
	})
	if err != nil || m["Type"] == "" || m["Signature"] == "" {
		return nil, refuse(ErrMissing, "the body is not a signed SNS message")
	}
	return m, nil
}

// canonical is what SNS signs: names and values, each on a line of its own.
func (m message) canonical() []byte {
	names := []string{"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
	if m["Type"] == "Notification" {
		names = []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
	}
	var b []byte
	for _, name := range names {
		value, there := m[name]
		if name == "Subject" && !there {
			continue
		}
		b = append(b, name...)
		b = append(b, '\n')
		b = append(b, value...)
		b = append(b, '\n')
	}
	return b
}

func (c *call) snsSigned(ctx context.Context, certs *certificates, m message) error {
	sig, err := fromBase64(m["Signature"])
	if err != nil {
		return refuse(ErrMalformed, "the message's Signature is malformed")
	}
	algorithm, sum := crypto.SHA1, []byte(nil)
	switch canonical := m.canonical(); m["SignatureVersion"] {
	case "1":
		s := sha1.Sum(canonical)
		sum = s[:]
	case "2":
		s := sha256.Sum256(canonical)
		algorithm, sum = crypto.SHA256, s[:]
	default:
		return refuse(ErrMalformed, "the message's SignatureVersion is neither 1 nor 2")
	}
	if !m.fromSNS("SigningCertURL", ".pem") {
		return refuse(ErrUntrusted, "the message's SigningCertURL is not one of SNS in the topic's region")
	}
	key, err := certs.key(ctx, m["SigningCertURL"], c.Now)
	if err != nil {
		return err
	}
	if rsa.VerifyPKCS1v15(key, algorithm, sum, sig) != nil {
		return mismatch()
	}
	return nil
}

// fromSNS tells whether a URL in the message is served by SNS itself, in the region of
// the message's topic.
func (m message) fromSNS(field, suffix string) bool {
	region := topicARN.FindStringSubmatch(m["TopicArn"])
	u, err := url.Parse(m[field])
	if err != nil || region == nil {
		return false
	}
	host := "sns." + region[1] + ".amazonaws.com"
	if strings.HasPrefix(region[1], "cn-") {
		host += ".cn"
	}
	return u.Scheme == "https" && u.Host == host && u.User == nil && u.Fragment == "" && strings.HasSuffix(u.Path, suffix)
}

func (m message) verdict() (Verdict, error) {
	v := Verdict{DeliveryID: m["MessageId"], Event: m["Type"]}
	switch m["Type"] {
	case "Notification":
	case "SubscriptionConfirmation":
		if !m.fromSNS("SubscribeURL", "/") {
			return Verdict{}, refuse(ErrUntrusted, "the message's SubscribeURL is not one of SNS in the topic's region")
		}
		v.Confirm = m["SubscribeURL"]
	case "UnsubscribeConfirmation":
		// To GET its SubscribeURL would undo what the owner of the topic did.
		v.Reply = &Reply{Status: http.StatusNoContent}
	default:
		return Verdict{}, refuse(ErrMalformed, "the message's Type is unknown")
	}
	return v, nil
}
