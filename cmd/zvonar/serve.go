package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/config"
	"zvonar/internal/failpoint"
)

// serve runs the daemon until SIGTERM or SIGINT, drains, and returns. A second
// signal ends the drain at once.
func serve(ctx context.Context, file string, env []string, stderr io.Writer) error {
	cfg, problems := readConfig(file, env)
	if len(problems) > 0 {
		return config.Error(problems)
	}
	limitMemory()
	defer steering(ctx)()
	log := newLogger(cfg.Log, stderr)
	if err := failpoint.Check(); err != nil {
		return err
	}
	if armed := os.Getenv(failpoint.Variable); armed != "" {
		log.Warn("failpoints are armed: this daemon will break on purpose", "points", armed)
	}
	// One handler from here to the end: a signal between two handlers would end
	// the process, and every call with it.
	sigs := make(chan os.Signal, 4)
	signal.Notify(sigs, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(sigs)

	d, err := newDaemon(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer d.media.OwnProcessors()()
	if err := d.Start(ctx); err != nil {
		return err
	}
	log.Info("zvonar serves", "version", version, "api", cfg.HTTP.Listen, "sip", cfg.SIP.Listen, "trunks", len(cfg.Trunks))
	failure := awaitStop(ctx, sigs, func() { d.hangUp(ctx, file, env) }, d.ua.Failed(), d.store.Fenced(), log)
	limit := cfg.DrainTimeout.Duration()
	if errors.Is(failure, calls.ErrFenced) {
		limit = 0 // every leg of ours is somebody else's lost call now
	}
	log.Info("draining", "calls", d.engine.Active(), "limit", limit.String())
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	go func() {
		if secondSignal(drain, d.clock, sigs) {
			cancel()
		}
	}()
	err = d.Stop(drain)
	log.Info("zvonar stopped")
	if errors.Is(failure, calls.ErrFenced) {
		return failure // what else went wrong follows from it
	}
	return errors.Join(failure, err)
}

// awaitStop waits for a signal that ends the daemon, for ctx, or for an error
// that only a new process can mend. SIGHUP calls hup.
func awaitStop(ctx context.Context, sigs <-chan os.Signal, hup func(), failed <-chan error, fenced <-chan struct{}, log *slog.Logger) error {
	for {
		select {
		case s := <-sigs:
			if s != syscall.SIGHUP {
				return nil
			}
			hup()
		case err := <-failed:
			log.Error("the user agent is deaf; ending so that the supervisor starts a new process", "error", err)
			return err
		case <-fenced:
			log.Error("this process was taken for dead and stops at once; its calls are hung up, another node ends them as lost")
			return calls.ErrFenced
		case <-ctx.Done():
			return nil
		}
	}
}

// echo is how soon after the first a signal counts as the same one: timeout(1)
// and others signal both the process and its group.
const echo = time.Second

// secondSignal waits for one more signal to stop, but not for longer than ctx.
func secondSignal(ctx context.Context, clk clock.Clock, sigs <-chan os.Signal) bool {
	first := clk.Now()
	for {
		select {
		case s := <-sigs:
			if s != syscall.SIGHUP && clk.Now().Sub(first) >= echo {
				return true
			}
		case <-ctx.Done():
			return false
		}
	}
}

// newLogger makes the daemon's log.
func newLogger(cfg config.Log, w io.Writer) *slog.Logger {
	level := levelOf(cfg)
	opts := &slog.HandlerOptions{Level: slog.LevelDebug}
	var h slog.Handler = slog.NewJSONHandler(w, opts)
	if cfg.Format == "text" {
		h = slog.NewTextHandler(w, opts)
	}
	return slog.New(newCloser(level, h))
}
