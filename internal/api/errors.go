package api

import (
	"errors"

	"zvonar/internal/calls"
)

// located adds the place of a fault to an error that names none, and returns it.
func located(err error, location string, value any) error {
	var e *calls.Error
	if errors.As(err, &e) && len(e.Fields) == 0 {
		return e.At(location, value)
	}
	return err
}
