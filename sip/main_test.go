package sip

import (
	"flag"
	"os"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"
)

var (
	floodFor  = flag.Duration("flood", 0, "run the floods of TestFloods at full strength, each for so long")
	mutations = flag.Int("mutations", 3000, "how many mutated messages TestMutatedMessages… sends")
)

// TestMain shortens RFC 3261's timers, which sipgo keeps for the whole process:
// what takes half a second on the wire takes 50 ms here.
func TestMain(m *testing.M) {
	flag.Parse()
	if *floodFor > 0 {
		os.Exit(m.Run()) // figures are of RFC 3261's own timers
	}
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
