package outbox

import (
	"context"
	"errors"
	"sync"
)

// life is the start and stop of a worker: it runs once, and ends in two steps.
// The zero life has not begun.
type life struct {
	mu    sync.Mutex
	stop  context.CancelFunc // nothing new is begun
	abort context.CancelFunc // what is under way ends too
	ended chan struct{}      // nil before begin
}

// begin runs the worker in a goroutine, after ready, if not nil, had no
// objection. soft ends when nothing new may be begun, hard when all must end.
func (l *life) begin(ready func() error, run func(soft, hard context.Context)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended != nil {
		return errors.New("outbox: started already")
	}
	if ready != nil {
		if err := ready(); err != nil {
			return err
		}
	}
	hard, abort := context.WithCancel(context.Background())
	soft, stop := context.WithCancel(hard)
	ended := make(chan struct{})
	l.stop, l.abort, l.ended = stop, abort, ended
	go func() {
		defer close(ended)
		run(soft, hard)
	}()
	return nil
}

// end lets the worker finish what is under way, at most until ctx ends. Safe to
// call twice, and before begin.
func (l *life) end(ctx context.Context) error {
	l.mu.Lock()
	stop, abort, ended := l.stop, l.abort, l.ended
	l.mu.Unlock()
	if ended == nil {
		return nil
	}
	stop()
	defer abort()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		abort()
		<-ended
		return ctx.Err()
	}
}
