package mango

import (
	"errors"
	"testing"

	"zvonar/internal/calls"
	"zvonar/providers"
)

func TestAnAnswerWithoutAResultRefusesOnlyWhatCannotHaveBegun(t *testing.T) {
	t.Parallel()
	for status, certain := range map[int]bool{400: true, 403: true, 404: true, 408: false, 500: false, 502: false, 200: false} {
		err := asked{answer: &providers.Answer{Status: status}}.outcome()
		var refused *calls.PlaceRefused
		if errors.As(err, &refused) != certain || err == nil {
			t.Errorf("%d: %v", status, err)
		}
	}
}
