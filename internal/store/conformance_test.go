package store

import (
	"testing"

	"zvonar/internal/calls"
)

// runConformance holds any calls.Store to its contract. open gives a fresh,
// empty one that is closed with the test.
func runConformance(t *testing.T, open func(*testing.T) calls.Store) {
	for name, test := range map[string]func(*testing.T, calls.Store){} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}
