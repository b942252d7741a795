package foreign

import (
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is also the child process that the tests start.
func TestMain(m *testing.M) {
	if len(os.Args) == 6 && os.Args[1] == "decode-audio" {
		seconds, err := strconv.Atoi(os.Args[5])
		if err != nil {
			panic(err)
		}
		os.Exit(Child(Kind(os.Args[3]), seconds, os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}
