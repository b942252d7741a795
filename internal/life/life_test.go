package life

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAWorkerRunsOnceAndEndsWhenItIsAskedTo(t *testing.T) {
	t.Parallel()
	var w Worker
	if err := w.Stop(t.Context()); err != nil {
		t.Errorf("stopped before it began: %v", err)
	}
	runs := 0
	run := func(ctx context.Context) { runs++; <-ctx.Done() }
	if err := w.Start("it", run); err != nil {
		t.Errorf("started: %v", err)
	}
	if err := w.Start("it", run); err == nil {
		t.Error("it was started twice")
	}
	for range 2 {
		if err := w.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if runs != 1 {
		t.Errorf("it ran %d times", runs)
	}
}

func TestStopWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	var w Worker
	free := make(chan struct{})
	if err := w.Start("it", func(context.Context) { <-free }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stop: %v", err)
	}
	close(free)
	if err := w.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
