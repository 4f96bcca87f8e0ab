package peal

import "time"

// Hook is an inbound URL. Each request that it accepts starts an execution.
type Hook struct {
	ID       HookID     `json:"id"`
	Org      string     `json:"org"`
	Name     string     `json:"name"`
	Workflow WorkflowID `json:"workflow,omitzero"`
	// Offering is what requests are made of, empty for none.
	Offering     string       `json:"offering,omitempty"`
	Verification Verification `json:"verification"`
	// RateLimit is requests a second, zero without a limit.
	RateLimit float64     `json:"rate_limit,omitempty"`
	CreatedAt time.Time   `json:"created_at"`
	UpdatedAt time.Time   `json:"updated_at"`
	Sealed    HookPrivate `json:"-"`
}

// Verification is how a hook knows its senders.
type Verification struct {
	// Scheme names the sender's way of signing.
	Scheme  string `json:"scheme"`
	Enabled bool   `json:"enabled"`
	// Settings are the scheme's own that are no secrets.
	Settings map[string]string `json:"settings,omitempty"`
}

// HookPrivate is what of a hook is sealed at rest.
type HookPrivate struct {
	// Secrets are the newest first; all that have not expired are good.
	Secrets  []SigningSecret   `json:"secrets,omitempty"`
	Settings map[string]string `json:"settings,omitempty"`
}

// Private points to what is sealed at rest.
func (h *Hook) Private() any { return &h.Sealed }

// Secrets are the texts of those that are good at a time, the newest first.
func (h *Hook) Secrets(now time.Time) []string {
	var good []string
	for _, s := range h.Sealed.Secrets {
		if s.ExpiresAt.IsZero() || s.ExpiresAt.After(now) {
			good = append(good, s.Value)
		}
	}
	return good
}
