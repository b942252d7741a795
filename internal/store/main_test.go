package store

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashChildEnv); path != "" {
		crashChild(path)
		return
	}
	if path := os.Getenv(observeChildEnv); path != "" {
		observeChild(path)
		return
	}
	goleak.VerifyTestMain(m)
}
