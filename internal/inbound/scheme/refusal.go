package scheme

import (
	"errors"

	"github.com/peal-dev/peal/internal/peal"
)

// Why a request is refused; match them with errors.Is.
var (
	// ErrSecret means that the hook has no secret with which anything can be verified.
	ErrSecret = errors.New("scheme: no usable secret")
	// ErrMissing means that the request lacks what the scheme looks at.
	ErrMissing = errors.New("scheme: signature or credentials are missing")
	// ErrMalformed means that what the scheme looks at cannot be read.
	ErrMalformed = errors.New("scheme: signature or credentials are malformed")
	// ErrStale means that the request was signed too long ago, or in the future.
	ErrStale = errors.New("scheme: the signed time is too far from now")
	// ErrMismatch means that no secret made the signature over these bytes.
	ErrMismatch = errors.New("scheme: the signature does not match")
	// ErrUntrusted means that the signature names a signer that the hook does not trust.
	ErrUntrusted = errors.New("scheme: the signer is not trusted")
)

func refuse(reason error, format string, args ...any) *peal.Error {
	e := peal.Errorf(peal.CodeUnauthorized, format, args...)
	e.Err = reason
	return e
}

func missing(header string) *peal.Error {
	return refuse(ErrMissing, "the header %s is missing", header)
}

func malformed(header string) *peal.Error {
	return refuse(ErrMalformed, "the header %s is malformed", header)
}

func mismatch() *peal.Error {
	return refuse(ErrMismatch, "the signature does not match")
}
