package receiver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/mail"
)

// Channels are the kinds of channels that a Receiver plays the other end of, beside
// webhooks.
func Channels() []string { return []string{"slack", "teams", "email", "jira"} }

// VerifyMessage checks that a body is a message of the form that a channel's receiver
// takes. Nothing signs these: their URL or a login is the secret.
func VerifyMessage(kind string, body []byte) error {
	if kind == "email" {
		return verifyMail(body)
	}
	var m struct {
		Text        string           `json:"text"`
		Blocks      []map[string]any `json:"blocks"`
		Type        string           `json:"type"`
		Attachments []struct {
			ContentType string         `json:"contentType"`
			Content     map[string]any `json:"content"`
		} `json:"attachments"`
		Fields *struct {
			Summary     string         `json:"summary"`
			Description map[string]any `json:"description"`
		} `json:"fields"`
		Body map[string]any `json:"body"`
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return fmt.Errorf("receiver: the message is not JSON: %w", err)
	}
	switch {
	case kind == "slack" && (m.Text == "" || len(m.Blocks) == 0):
		return errors.New("receiver: the message has no text or no blocks")
	case kind == "teams" && (m.Type != "message" || len(m.Attachments) != 1 || m.Attachments[0].Content["type"] != "AdaptiveCard"):
		return errors.New("receiver: the message has no Adaptive Card")
	case kind == "jira" && m.Fields != nil && (m.Fields.Summary == "" || m.Fields.Description["type"] != "doc"):
		return errors.New("receiver: the issue has no summary or no document")
	case kind == "jira" && m.Fields == nil && m.Body["type"] != "doc":
		return errors.New("receiver: the comment has no document")
	}
	return nil
}

func verifyMail(body []byte) error {
	m, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("receiver: the mail cannot be read: %w", err)
	}
	if kind, _, err := mime.ParseMediaType(m.Header.Get("Content-Type")); err != nil || kind != "multipart/alternative" {
		return errors.New("receiver: the mail has no alternatives")
	}
	if m.Header.Get("Message-Id") == "" || m.Header.Get("Subject") == "" {
		return errors.New("receiver: the mail has no Message-ID or no subject")
	}
	return nil
}
