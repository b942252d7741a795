package beeline

import (
	"errors"
	"testing"

	"zvonar/internal/calls"
)

// TestASubscriberIsNoWayToAnotherMethod: a name of dots would lead out of its path.
func TestASubscriberIsNoWayToAnotherMethod(t *testing.T) {
	t.Parallel()
	var refused *calls.PlaceRefused
	for _, name := range []string{"..", "."} {
		if _, err := (&portal{}).Abonent(t.Context(), name); !errors.As(err, &refused) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
