package receiver

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Channels are the kinds of channels that a Receiver plays the other end of, beside
// webhooks.
func Channels() []string { return []string{"slack", "teams"} }

// VerifyMessage checks that a body is a message of the form that a channel's receiver
// takes. Nothing signs these: their URL is the secret.
func VerifyMessage(kind string, body []byte) error {
	var m struct {
		Text        string           `json:"text"`
		Blocks      []map[string]any `json:"blocks"`
		Type        string           `json:"type"`
		Attachments []struct {
			ContentType string         `json:"contentType"`
			Content     map[string]any `json:"content"`
		} `json:"attachments"`
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return fmt.Errorf("receiver: the message is not JSON: %w", err)
	}
	switch {
	case kind == "slack" && (m.Text == "" || len(m.Blocks) == 0):
		return errors.New("receiver: the message has no text or no blocks")
	case kind == "teams" && (m.Type != "message" || len(m.Attachments) != 1 || m.Attachments[0].Content["type"] != "AdaptiveCard"):
		return errors.New("receiver: the message has no Adaptive Card")
	}
	return nil
}
