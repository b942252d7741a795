package providers

import (
	"context"

	"zvonar/internal/calls"
)

// PlaceRequest asks for a call; PlaceResult is the answer.
type (
	PlaceRequest = calls.PlaceRequest
	PlaceResult  = calls.PlaceResult
)

// Originator places calls for us. Errors are *calls.PlaceRefused (nothing will
// ring) or *calls.PlaceUnknown (it may).
type Originator interface {
	Place(ctx context.Context, r PlaceRequest) (PlaceResult, error)
}
