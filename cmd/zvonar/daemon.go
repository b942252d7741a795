package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"zvonar/internal/api"
	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/config"
	"zvonar/internal/dialer"
	"zvonar/internal/dialer/campaign"
	"zvonar/internal/egress"
	"zvonar/internal/engine"
	"zvonar/internal/hearing"
	"zvonar/internal/outbox"
	"zvonar/internal/store"
	"zvonar/media"
	"zvonar/media/capture"
	"zvonar/providers"
	"zvonar/recordings"
	"zvonar/sip"
	"zvonar/sip/registrar"
	"zvonar/sip/trace"
	"zvonar/sip/trunk"
)

// clipCache bounds the encoded clips that are kept in memory, in bytes.
const clipCache = 256 << 20

// part is something long-lived of the daemon.
type part struct {
	name  string
	start func(context.Context) error
	stop  func(context.Context) error
}

// daemon is every room of the house, bound together.
type daemon struct {
	cfg  *config.Config                // as at the start
	live atomic.Pointer[config.Config] // as it was read last

	log   *slog.Logger
	clock clock.Clock
	ids   *clock.IDs
	reg   *prometheus.Registry

	store     *store.Store
	trunks    *trunk.Set
	registrar *registrar.Registrar
	media     *media.Engine
	clips     *recordings.Library
	reader    *recordings.Reader
	jobs      *recordings.Jobs
	captures  *capture.Store
	openings  *capture.Openings
	links     calls.CaptureLinks
	hearing   *hearing.Announcements
	trace     *trace.Recorder
	ua        *sip.UA
	dialer    *dialer.Dialer
	engine    *engine.Engine
	campaigns *campaign.Runner
	texts     *outbox.SMS
	hooks     *outbox.Outbox
	api       *api.Server
	guard     *egress.Guard
	house     *providers.House // what the folders of providers may use
	clients   []provider
	parts     []part // in order of start
	running   atomic.Bool
}

// newDaemon opens the store and builds every part; nothing runs yet. On an error
// nothing stays open.
func newDaemon(ctx context.Context, cfg *config.Config, log *slog.Logger) (d *daemon, err error) {
	d = &daemon{cfg: cfg, log: log, clock: clock.System(), reg: prometheus.NewRegistry()}
	d.live.Store(cfg)
	d.ids = clock.NewIDs(d.clock, nil)
	d.reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo())
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir cannot be made: %w", err)
	}
	where := storeConfig(cfg)
	where.Clock, where.Log, where.Metrics, where.Reserve = d.clock, log.With("room", "store"), d.reg, cfg.StoreReserve.Bytes()
	d.store, err = store.Open(ctx, where)
	if err != nil {
		return nil, err
	}
	opened := d.store // d is nil once an error is on its way
	defer func() {
		if err != nil {
			_ = opened.Close(ctx)
		}
	}()
	for _, build := range []func(context.Context) error{d.buildTokens, d.buildLibrary, d.buildCaptures, d.buildHearing, d.buildTrace, d.buildHouse, d.buildLine, d.buildCalls, d.buildCampaigns, d.buildOutbox, d.startClients, d.buildRetention, d.buildLedger, d.buildHTTP} {
		if err := build(ctx); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// storeConfig says where the store is, and whose.
func storeConfig(cfg *config.Config) store.Config {
	return store.Config{Path: filepath.Join(cfg.DataDir, "zvonar.db"), URL: cfg.StoreURL(), Node: cfg.Node, Lease: cfg.NodeLease.Duration()}
}

// add appends a part to what Start starts.
func (d *daemon) add(name string, start, stop func(context.Context) error) {
	d.parts = append(d.parts, part{name, start, stop})
}

// Start starts the parts in order; if one fails, those before it are stopped.
func (d *daemon) Start(ctx context.Context) error {
	for i, p := range d.parts {
		if p.start == nil {
			continue
		}
		if err := p.start(ctx); err != nil {
			d.stopParts(ctx, d.parts[:i])
			return errors.Join(fmt.Errorf("%s did not start: %w", p.name, err), d.store.Close(ctx))
		}
	}
	d.running.Store(true)
	return nil
}

// Stop drains: no new calls from now on, running calls may end until drain is
// over, then everything is hung up and closed, last the store.
func (d *daemon) Stop(drain context.Context) error {
	d.running.Store(false)
	d.ua.Drain()
	err := d.campaigns.Stop(drain)
	d.engine.Drain()
	err = errors.Join(err, d.dialer.Stop(drain))
	err = errors.Join(err, d.engine.Stop(drain))
	closing, cancel := context.WithTimeout(context.WithoutCancel(drain), 15*time.Second)
	defer cancel()
	// The ends of the last calls may still wait for the writer: behind them, so
	// that live streams show them before they are closed.
	_ = d.store.Update(closing, func(calls.Tx) error { return nil })
	err = errors.Join(err, d.stopParts(closing, d.parts))
	return errors.Join(err, d.store.Close(closing))
}

func (d *daemon) stopParts(ctx context.Context, parts []part) (err error) {
	for i := len(parts) - 1; i >= 0; i-- {
		if parts[i].stop == nil {
			continue
		}
		if e := parts[i].stop(ctx); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", parts[i].name, e))
		}
	}
	return err
}

// ready says whether calls can be taken: started, not draining, the SIP
// listeners and the store answer.
func (d *daemon) ready() error {
	if !d.running.Load() {
		return errors.New("starting or draining")
	}
	var failing *calls.Error
	if errors.As(d.store.Failing(), &failing) {
		return errors.New(failing.Detail)
	}
	if err := d.ua.Health(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return d.store.View(ctx, func(tx calls.ReadTx) error { _, err := tx.LastPos(); return err })
}

// note is what is wrong while calls are taken all the same.
func (d *daemon) note() string {
	if n := d.store.Problems(); n > 0 {
		return fmt.Sprintf("the check after an unclean stop found %d problem(s) in the store; the log names them, and zvonar check-store", n)
	}
	return ""
}
