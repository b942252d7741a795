package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"zvonar/internal/config"
)

// serve runs the daemon until SIGTERM or SIGINT, drains, and returns. A second
// signal ends the drain at once.
func serve(ctx context.Context, file string, env []string, stderr io.Writer) error {
	cfg, problems := config.Load(file, env)
	if len(problems) > 0 {
		return config.Error(problems)
	}
	log := newLogger(cfg.Log, stderr)
	// Without a handler SIGHUP would end the process, and every call with it.
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	stopped, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	d, err := newDaemon(ctx, cfg, log)
	if err != nil {
		return err
	}
	if err := d.Start(ctx); err != nil {
		return err
	}
	log.Info("zvonar serves", "version", version, "api", cfg.HTTP.Listen, "sip", cfg.SIP.Listen, "trunks", len(cfg.Trunks))
	for {
		select {
		case <-hup:
			log.Warn("SIGHUP: this version reads its configuration at start only; restart to change it")
			continue
		case <-stopped.Done():
		}
		break
	}
	stop() // the next signal must reach the context below
	log.Info("draining", "calls", d.engine.Active(), "limit", cfg.DrainTimeout.String())
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.DrainTimeout.Duration())
	defer cancel()
	again, enough := signal.NotifyContext(drain, syscall.SIGTERM, syscall.SIGINT)
	defer enough()
	err = d.Stop(again)
	log.Info("zvonar stopped")
	return err
}

// newLogger makes the daemon's log.
func newLogger(cfg config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		level = slog.LevelInfo // the configuration was checked; this is for tests
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.Format == "text" {
		return slog.New(slog.NewTextHandler(w, opts))
	}
	return slog.New(slog.NewJSONHandler(w, opts))
}
