package calls

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// Capture is the audio of a talk that was written down.
type Capture struct {
	DurationMS int64
	SHA256     string // hex, of the file
}

// CaptureLinkLife is how long the link of a call.recording_ready opens.
const CaptureLinkLife = 7 * 24 * time.Hour

// CaptureLinks makes and checks links that open one capture without a token, for a
// while. The zero value makes none that open. Safe for concurrent use.
type CaptureLinks struct {
	Key []byte // secret, 32 bytes or more
	// Base is where the HTTP listener is reached from outside, without a slash at the
	// end; "": links are paths.
	Base string
}

// URL is the address of a call's capture, signed, for whoever has it until expires.
func (l CaptureLinks) URL(call string, expires time.Time) string {
	return fmt.Sprintf("%s/v1/calls/%s/recording?expires=%d&signature=%s", l.Base, call, expires.Unix(), l.sign(call, expires.Unix()))
}

// Opens tells whether a link's parameters are ours and still hold.
func (l CaptureLinks) Opens(call, expires, signature string, now time.Time) bool {
	until, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || len(l.Key) == 0 || now.Unix() >= until {
		return false
	}
	return hmac.Equal([]byte(signature), []byte(l.sign(call, until)))
}

func (l CaptureLinks) sign(call string, until int64) string {
	h := hmac.New(sha256.New, l.Key)
	fmt.Fprintf(h, "capture\n%s\n%d", call, until)
	return hex.EncodeToString(h.Sum(nil))
}
