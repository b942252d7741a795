package life

import (
	"context"
	"fmt"
	"sync"
)

// Worker is something that runs on a goroutine of its own. The zero Worker has not
// begun.
type Worker struct {
	mu    sync.Mutex
	stop  context.CancelFunc
	ended chan struct{} // nil before Start
}

// Start runs run on a goroutine, once; name says of what a second start is told. run
// ends soon after its context.
func (w *Worker) Start(name string, run func(context.Context)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended != nil {
		return fmt.Errorf("%s: was started before", name)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	w.stop, w.ended = stop, ended
	go func() {
		defer close(ended)
		run(ctx)
	}()
	return nil
}

// Stop ends it and waits for that, or for ctx. Stopping twice, or without Start, is
// harmless.
func (w *Worker) Stop(ctx context.Context) error {
	w.mu.Lock()
	stop, ended := w.stop, w.ended
	w.mu.Unlock()
	if ended == nil {
		return nil
	}
	stop()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
