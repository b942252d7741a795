package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"zvonar/internal/api"
	"zvonar/internal/config"
	"zvonar/internal/demo"
	"zvonar/internal/timeline"
)

// demoCmd is `zvonar demo`.
type demoCmd struct {
	Out      string `help:"Directory for what each callee heard, as WAV." default:"demo-out" placeholder:"DIR"`
	LogLevel string `help:"What of the daemon's log is shown: debug, info, warn, error." default:"error" enum:"debug,info,warn,error" placeholder:"LEVEL"`
}

// Run plays the demo with the real daemon.
func (c *demoCmd) Run(ctx context.Context, a *app) error {
	return demo.Run(ctx, demo.Config{
		Start: startDemoSystem, Line: timeline.Line, Output: a.stdout, Out: c.Out,
		Log: newLogger(config.Log{Level: c.LogLevel, Format: "text"}, a.stderr),
	})
}

// demoSystem is a daemon in this process, as the demo sees it.
type demoSystem struct {
	*daemon
	token string
}

// startDemoSystem starts the daemon that serve would start. The environment of
// whoever runs the demo does not reach it: ZVONAR_* are meant for his own daemon.
func startDemoSystem(ctx context.Context, o demo.Overrides) (demo.System, error) {
	cfg, problems := config.Load(o.ConfigFile, nil)
	if len(problems) > 0 {
		return nil, config.Error(problems)
	}
	d, err := newDaemon(ctx, cfg, o.Log)
	if err != nil {
		return nil, err
	}
	token, err := os.ReadFile(filepath.Join(cfg.DataDir, api.AdminTokenFile))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("token of the demo's daemon: %w", err), d.store.Close(ctx))
	}
	if err := d.Start(ctx); err != nil {
		return nil, err
	}
	return demoSystem{d, strings.TrimSpace(string(token))}, nil
}

// APIBase is the address of the API.
func (s demoSystem) APIBase() string { return "http://" + s.api.Addr().String() }

// Token is the administrator's first token.
func (s demoSystem) Token() string { return s.token }
