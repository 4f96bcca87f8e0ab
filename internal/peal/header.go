package peal

// Header is one HTTP header of a request, kept in the order of sending.
type Header struct {
	Name  string
	Value string
}

// Limits of a header, in bytes.
const (
	MaxHeaderName  = 128
	MaxHeaderValue = 8 << 10
)

// TransportHeader tells whether a header, in lower case, is the HTTP client's own to
// write or belongs to one connection (RFC 9110, 7.6.1). An Accept-Encoding could bring
// back bodies that nobody decodes; a Content-Encoding would deny what the body is.
func TransportHeader(lower string) bool {
	switch lower {
	case "accept-encoding", "connection", "content-encoding", "content-length", "expect", "host", "http2-settings",
		"keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
		"transfer-encoding", "upgrade", "user-agent":
		return true
	}
	return false
}

// FormatHeader tells whether a header, in lower case, is one that every format writes.
func FormatHeader(lower string) bool { return lower == "content-type" || lower == "webhook-id" }

// BuiltinHeader tells whether a header, in lower case, is one that a built-in format
// writes.
func BuiltinHeader(lower string) bool {
	switch lower {
	case "webhook-timestamp", "webhook-signature", "x-webhook-signature", "x-webhook-event", "x-webhook-timestamp",
		"x-nemo-signature", "x-nolxy-signature":
		return true
	}
	return FormatHeader(lower)
}
