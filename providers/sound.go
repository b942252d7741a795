package providers

import (
	"net/http"
	"time"
)

// soundTime is how long a client may take to fetch the sound of a talk, as at
// /v1/calls/ID/recording.
const soundTime = 5 * time.Minute

// GiveTime lets an answer that is the sound of a talk take longer than others may: it
// would break off on a slow line. It is called before the first byte.
func GiveTime(w http.ResponseWriter) {
	// Not every test's writer has a time limit; the listeners' have.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(soundTime))
}
