package peal

import "encoding/json"

// Raised is an event that Peal itself reports. An engine stores it in the same
// transaction as the change that it reports; publish turns it into an Event and
// deletes it in the event's transaction, so that it happens exactly once.
type Raised struct {
	// Seq is the store's number for it, zero until it is stored.
	Seq      int64           `json:"-"`
	Org      string          `json:"org"`
	Type     string          `json:"type"`
	Subject  string          `json:"subject,omitempty"`
	Severity Severity        `json:"severity,omitempty"`
	Title    string          `json:"title,omitempty"`
	Message  string          `json:"message,omitempty"`
	Data     json.RawMessage `json:"data"`
	// Exclude is the endpoint that the event is about, which is not told of it.
	Exclude EndpointID `json:"exclude,omitzero"`
}
