package main

import (
	"context"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"

	"zvonar/internal/clock"
)

func TestOnlyASignalToStopEndsTheWait(t *testing.T) {
	t.Parallel()
	sigs := make(chan os.Signal)
	done := make(chan struct{})
	go func() { awaitStop(t.Context(), sigs, slog.New(slog.DiscardHandler)); close(done) }()
	sigs <- syscall.SIGHUP // taken, and waited on
	sigs <- syscall.SIGTERM
	<-done
}

func TestTheEchoOfASignalDoesNotEndTheDrain(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	sigs, second := make(chan os.Signal), make(chan bool)
	go func() { second <- secondSignal(t.Context(), clk, sigs) }()
	sigs <- syscall.SIGTERM
	sigs <- syscall.SIGHUP
	clk.Advance(echo)
	sigs <- syscall.SIGINT
	if !<-second {
		t.Error("the second signal was not taken as one")
	}

	ctx, cancel := context.WithCancel(t.Context())
	go func() { second <- secondSignal(ctx, clk, sigs) }()
	cancel()
	if <-second {
		t.Error("the end of the drain was taken as a signal")
	}
}
