package scheme

import (
	"net/http"
	"strconv"
)

// Handshake answers the OPTIONS request with which a sender of CloudEvents asks
// whether it may send at all ("HTTP 1.1 Web Hooks for Event Delivery", section 4): the
// headers of a 200, or false for any other OPTIONS request. perMinute is how many
// events the hook takes; zero is no limit.
func Handshake(asked http.Header, perMinute int) (http.Header, bool) {
	origin := asked.Get("WebHook-Request-Origin")
	if origin == "" {
		return nil, false
	}
	granted := "*"
	if perMinute > 0 {
		if n, err := strconv.Atoi(asked.Get("WebHook-Request-Rate")); err == nil && n > 0 {
			perMinute = min(perMinute, n)
		}
		granted = strconv.Itoa(perMinute)
	}
	answer := http.Header{}
	answer.Set("Allow", http.MethodPost)
	answer.Set("WebHook-Allowed-Origin", origin)
	answer.Set("WebHook-Allowed-Rate", granted)
	return answer, true
}
