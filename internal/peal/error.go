package peal

import (
	"errors"
	"fmt"
	"time"
)

// Code says what kind of failure an error is. The API turns it into a status and
// a stable problem type; nothing else decides on it.
type Code string

// The codes, each with the HTTP status that the API answers for it.
const (
	CodeInvalid         Code = "invalid"           // 400
	CodeInvalidCursor   Code = "invalid_cursor"    // 400
	CodeUnauthorized    Code = "unauthorized"      // 401
	CodePlan            Code = "plan_required"     // 402
	CodeForbidden       Code = "forbidden"         // 403
	CodeNotFound        Code = "not_found"         // 404
	CodeConflict        Code = "conflict"          // 409
	CodeGone            Code = "gone"              // 410
	CodeTooLarge        Code = "too_large"         // 413
	CodeUnsupported     Code = "unsupported"       // 415
	CodeUnprocessable   Code = "unprocessable"     // 422
	CodeTooManyRequests Code = "too_many_requests" // 429
	CodeInternal        Code = "internal"          // 500
	CodeUnavailable     Code = "unavailable"       // 503
)

// Error is a failure with a message that is safe to show to a client: it never
// carries a secret, a database's words or an internal address.
type Error struct {
	Code    Code
	Message string
	// Field is the JSON pointer-like path of the offending input, if there is one,
	// such as "retry.schedule[2]".
	Field string
	// RetryAfter is when trying again makes sense; zero says nothing.
	RetryAfter time.Duration
	// Err is the cause, for logs alone.
	Err error
}

func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Message
	if e.Field != "" {
		s += " (" + e.Field + ")"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error whose whole text is shown to the client; a cause that may
// hold internals belongs in Wrap.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes an Error whose message is safe and whose cause is for logs.
func Wrap(code Code, err error, message string) *Error {
	return &Error{Code: code, Message: message, Err: err}
}

// Invalid makes the error for one bad field of an input.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Code: CodeInvalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// NotFound makes the error for an object that does not exist in the org.
func NotFound(what string) *Error {
	return &Error{Code: CodeNotFound, Message: what + " not found"}
}

// CodeOf is the code of the first Error in err's chain, CodeInternal without one.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
