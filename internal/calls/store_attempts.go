package calls

import (
	"errors"
	"time"
)

// ErrGateClosed says that a gate closed between the dialer and the attempt: nobody is
// rung, the call waits again.
var ErrGateClosed = errors.New("a gate closed before the attempt was written")

// AttemptReads counts who was called how often.
type AttemptReads interface {
	// ChargedSince lists when charged customer attempts to number began, since then, by
	// all calls of the account; newest first, at most limit (1–1000).
	ChargedSince(account, number string, since time.Time, limit int) ([]time.Time, error)
	// TalksSince lists those of them that may have been talks (Attempt.MayHaveTalked).
	TalksSince(account, number string, since time.Time, limit int) ([]time.Time, error)
}
