package api

import (
	"encoding/json"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/secret"
)

// Hook is an inbound URL.
type Hook struct {
	ID           peal.HookID  `json:"id" example:"whk_01h455vb4pex5vsknk084sn02q"`
	Name         string       `json:"name" example:"GitHub Push Events"`
	URL          string       `json:"url" example:"https://peal.example.com/v1/webhooks/inbound/whk_01h455vb4pex5vsknk084sn02q" doc:"Where the sender posts to."`
	Workflow     *string      `json:"workflow" example:"wf_01h455vb4pex5vsknk084sn02q" doc:"What a request starts."`
	Offering     *string      `json:"offering" doc:"What a request is made of."`
	Verification Verification `json:"verification"`
	RateLimit    float64      `json:"rate_limit" doc:"Requests a second, on each node; 0 for no limit."`
	Warnings     []string     `json:"warnings" nullable:"false" doc:"What is dangerous about it, such as verification that is switched off."`
	CreatedAt    time.Time    `json:"created_at"`
	UpdatedAt    time.Time    `json:"updated_at"`
}

// HookWithSecret is a hook with the secret that was made or given, shown once.
type HookWithSecret struct {
	Hook
	Secret string `json:"secret,omitempty" example:"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" doc:"What the sender signs with."`
}

// Verification is how a hook knows its senders.
type Verification struct {
	Scheme   string            `json:"scheme" example:"github"`
	Enabled  bool              `json:"enabled"`
	Settings map[string]string `json:"settings,omitempty" doc:"The scheme's own; secret ones are hidden."`
}

// HookCreate makes a hook.
type HookCreate struct {
	Name         string           `json:"name" example:"GitHub Push Events"`
	Workflow     string           `json:"workflow,omitempty" example:"wf_01h455vb4pex5vsknk084sn02q" doc:"What a request starts."`
	Offering     string           `json:"offering,omitempty" doc:"What a request is made of. A hook needs a workflow or an offering."`
	Verification VerificationBody `json:"verification,omitempty"`
	RateLimit    float64          `json:"rate_limit,omitempty" doc:"Requests a second, on each node."`
}

// HookPatch changes a hook.
type HookPatch struct {
	Name         Change[string]           `json:"name,omitempty"`
	Workflow     Change[string]           `json:"workflow,omitempty"`
	Offering     Change[string]           `json:"offering,omitempty"`
	Verification Change[VerificationBody] `json:"verification,omitempty"`
	RateLimit    Change[float64]          `json:"rate_limit,omitempty"`
}

// VerificationBody is what a client says of how a hook knows its senders. The scheme's own
// settings stand beside the others.
type VerificationBody map[string]any

// HookPath names a hook.
type HookPath struct {
	ID string `path:"id" example:"whk_01h455vb4pex5vsknk084sn02q"`
}

// warningUnverified is shown wherever a hook is.
const warningUnverified = "Verification is switched off: whoever knows the address can start the workflow. Switch it on before production."

func (a *api) showHook(base string) func(*peal.Hook) Hook {
	return func(h *peal.Hook) Hook {
		out := Hook{
			ID: h.ID, Name: h.Name, URL: base + inboundPath + h.ID.String(), RateLimit: h.RateLimit, Warnings: []string{},
			Verification: Verification{Scheme: h.Verification.Scheme, Enabled: h.Verification.Enabled, Settings: map[string]string{}},
			CreatedAt:    h.CreatedAt, UpdatedAt: h.UpdatedAt,
		}
		if !h.Workflow.IsZero() {
			out.Workflow = new(h.Workflow.String())
		}
		if h.Offering != "" {
			out.Offering = new(h.Offering)
		}
		for name, value := range h.Verification.Settings {
			out.Verification.Settings[name] = value
		}
		for name := range h.Sealed.Settings {
			out.Verification.Settings[name] = secret.Redacted
		}
		if !h.Verification.Enabled {
			out.Warnings = append(out.Warnings, warningUnverified)
		}
		return out
	}
}

// apply puts what a client says into a hook.
func (v VerificationBody) apply(a *api, h *peal.Hook) error {
	settings := map[string]string{}
	for name, value := range h.Verification.Settings {
		settings[name] = value
	}
	for name, value := range h.Sealed.Settings {
		settings[name] = value
	}
	if s, ok := v["scheme"].(string); ok && s != h.Verification.Scheme {
		h.Verification.Scheme = s
		settings = map[string]string{}
	}
	nested, err := v.nested()
	if err != nil {
		return err
	}
	for name, value := range nested {
		if value == nil {
			if name == "enabled" {
				h.Verification.Enabled = true
			}
			delete(settings, name)
			continue
		}
		text, isText := value.(string)
		switch name {
		case "enabled":
			on, ok := value.(bool)
			if !ok {
				return peal.Invalid("verification.enabled", "enabled is true or false")
			}
			h.Verification.Enabled = on
		case "scheme":
			if !isText {
				return peal.Invalid("verification.scheme", "scheme is a text")
			}
		case "secret":
			if !isText || text == "" {
				return peal.Invalid("verification.secret", "secret is a text that is not empty")
			}
			h.Sealed.Secrets = []peal.SigningSecret{{Value: text}}
		default:
			if !isText {
				doc, err := json.Marshal(value)
				if err != nil {
					return err
				}
				text = string(doc)
			}
			if text != secret.Redacted { // a client that sends back what it was shown
				settings[name] = text
			}
		}
	}
	a.Settings.SetHookSettings(h, settings)
	return nil
}

// nested are the members with those of settings, which may stand beside or inside.
func (v VerificationBody) nested() (map[string]any, error) {
	out := map[string]any{}
	for name, value := range v {
		if name != "settings" {
			out[name] = value
			continue
		}
		inner, ok := value.(map[string]any)
		if !ok && value != nil {
			return nil, peal.Invalid("verification.settings", "settings is an object")
		}
		for name, value := range inner {
			out[name] = value
		}
	}
	return out, nil
}

// workflowID reads the workflow that a hook starts.
func workflowID(text string) (id peal.WorkflowID, err error) {
	if text == "" {
		return id, nil
	}
	if id, err = peal.ParseWorkflowID(text); err != nil {
		return id, peal.Invalid("workflow", "%v", err)
	}
	return id, nil
}
