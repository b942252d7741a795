package recordings

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zvonar/recordings/foreign"
)

// TestMain is also the child processes that the tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 9 && os.Args[1] == "confined" {
		err := foreign.Confined(foreign.Limits{CPU: 10 * time.Second}, os.Args[9:])
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if len(os.Args) == 6 && os.Args[1] == "decode-audio" {
		seconds, err := strconv.Atoi(os.Args[5])
		if err != nil {
			panic(err)
		}
		os.Exit(foreign.Child(foreign.Kind(os.Args[3]), seconds, os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}
