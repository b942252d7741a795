package providers

import (
	"context"
	"time"
)

// keepTime bounds what Keeping is for.
const keepTime = 5 * time.Second

// Keeping is ctx for telling of what was heard, also once the client stops: what was
// taken in does not come again. It ends five seconds from now, or with cancel.
func Keeping(ctx context.Context) (keeping context.Context, cancel context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), keepTime)
}
