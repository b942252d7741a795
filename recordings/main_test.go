package recordings

import (
	"errors"
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
		memory, err := strconv.ParseInt(os.Args[3], 10, 64)
		files, err2 := strconv.ParseInt(os.Args[7], 10, 64)
		if err := errors.Join(err, err2); err != nil {
			panic(err)
		}
		fmt.Fprintln(os.Stderr, foreign.Confined(foreign.Limits{Memory: memory, CPU: 10 * time.Second, Files: files}, os.Args[9:]))
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
