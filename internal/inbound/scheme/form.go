package scheme

import (
	"encoding/json"
	"errors"
	"net/url"
)

// FormJSON gives a posted form as a JSON object: a text for each field, and an array
// of texts for a field that stands in it several times. A form that has nothing but a
// field payload with JSON in it, as GitHub and Slack send, is that JSON.
func FormJSON(body []byte) ([]byte, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("scheme: the body is not a form")
	}
	if payload := form["payload"]; len(form) == 1 && len(payload) == 1 && json.Valid([]byte(payload[0])) {
		return []byte(payload[0]), nil
	}
	object := make(map[string]any, len(form))
	for name, values := range form {
		object[name] = values
		if len(values) == 1 {
			object[name] = values[0]
		}
	}
	return json.Marshal(object)
}
