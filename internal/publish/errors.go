package publish

import "errors"

var (
	// ErrStale says that the configuration moved since the events were matched.
	ErrStale = errors.New("publish: configuration moved since the match")
	// ErrRaisedGone says that another commit already consumed the raised row.
	ErrRaisedGone = errors.New("publish: raised row already consumed")
)
