package sip

import (
	"os"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"
)

// TestMain shortens RFC 3261's timers, which sipgo keeps for the whole process:
// what takes half a second on the wire takes 50 ms here.
func TestMain(m *testing.M) {
	sipmsg.SetTimers(50*time.Millisecond, 200*time.Millisecond, 200*time.Millisecond)
	sipmsg.Timer_D = 200 * time.Millisecond
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}
