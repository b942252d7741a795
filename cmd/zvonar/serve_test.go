package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/config"
)

func TestOnlyASignalToStopEndsTheWait(t *testing.T) {
	t.Parallel()
	sigs := make(chan os.Signal)
	done := make(chan struct{})
	reloads := 0
	go func() {
		defer close(done)
		if err := awaitStop(t.Context(), sigs, func() { reloads++ }, nil, nil, slog.New(slog.DiscardHandler)); err != nil {
			t.Error(err)
		}
	}()
	sigs <- syscall.SIGHUP // taken, and waited on
	sigs <- syscall.SIGTERM
	<-done
	if reloads != 1 {
		t.Errorf("SIGHUP was taken %d times", reloads)
	}
}

func TestADeafUserAgentEndsTheProcessWithAnError(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	failed <- errors.New("deaf")
	if err := awaitStop(t.Context(), nil, nil, failed, nil, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("no error, so the process would end with 0 and not be started anew")
	}
}

func TestADaemonThatCannotBuildARoomSaysWhy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "clips"), nil, 0o600); err != nil { // where a directory belongs
		t.Fatal(err)
	}
	file := filepath.Join(dir, "zvonar.yaml")
	if err := os.WriteFile(file, []byte("data_dir: "+dir+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, problems := config.Load(file, nil)
	if len(problems) > 0 {
		t.Fatal(config.Error(problems))
	}
	if d, err := newDaemon(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil || d != nil {
		t.Errorf("%v, %v", d, err)
	}
}

func TestAFencedDaemonStopsWithAnError(t *testing.T) {
	t.Parallel()
	fenced := make(chan struct{})
	close(fenced)
	if err := awaitStop(t.Context(), nil, nil, nil, fenced, slog.New(slog.DiscardHandler)); !errors.Is(err, calls.ErrFenced) {
		t.Errorf("it stops with %v", err)
	}
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
