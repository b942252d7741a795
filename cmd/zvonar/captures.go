package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/media/capture"
)

// linkKeyFile signs the links to captures; without it those that were told of no
// longer open.
const linkKeyFile = "links.key"

// captureSweep is how often captures that are too old are looked for.
const captureSweep = time.Hour

func (d *daemon) buildCaptures(context.Context) (err error) {
	if d.links, err = captureLinks(filepath.Join(d.cfg.DataDir, linkKeyFile)); err != nil {
		return err
	}
	d.links.Base = strings.TrimRight(d.cfg.HTTP.PublicURL, "/")
	log := d.log.With("room", "captures")
	if d.captures, err = capture.Open(capture.Config{Dir: filepath.Join(d.cfg.DataDir, "captures"), Linear: d.cfg.Captures.Format == "pcm", Log: log, Metrics: d.reg}); err != nil {
		return err
	}
	d.add("captures", d.captures.Start, d.captures.Stop)
	// What was kept before is read, and goes in its time, also where nothing more is kept.
	d.openings, err = capture.OpenOpenings(capture.OpeningsConfig{Dir: filepath.Join(d.cfg.DataDir, "openings"), Keep: d.cfg.AMD.Keep.Duration(), Log: log, Metrics: d.reg})
	if err != nil {
		return err
	}
	d.add("first seconds of answers", d.openings.Start, d.openings.Stop)
	keep := d.cfg.Retention.Captures.Duration()
	if keep <= 0 {
		return nil
	}
	sweep := &sweeper{clock: d.clock, run: func() {
		before := d.clock.Now().Add(-keep)
		n, err := d.captures.Expire(before)
		answers, fault := d.openings.Expire(before)
		if err = errors.Join(err, fault); err != nil {
			log.Error("old captures could not be removed", "err", err)
		}
		if n+answers > 0 {
			log.Info("old captures were removed", "captures", n, "answers", answers)
		}
	}}
	d.add("retention of captures", sweep.start, sweep.stop)
	return nil
}

// recoverCaptures tells of the captures that a former process left open.
func (d *daemon) recoverCaptures(ctx context.Context) error {
	return d.captures.Recover(func(id string, r capture.Result) {
		var call *calls.Call
		err := d.store.View(ctx, func(tx calls.ReadTx) (err error) {
			call, err = tx.Call("", id)
			return err
		})
		if err != nil {
			d.log.Error("a capture belongs to no call that is known", "call", id, "err", err)
			return
		}
		d.engine.CaptureReady(call, calls.Capture{DurationMS: r.Duration.Milliseconds(), SHA256: r.SHA256})
	})
}

// captureLinks reads the key that signs links, or makes it.
func captureLinks(file string) (calls.CaptureLinks, error) {
	key, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails
		err = os.WriteFile(file, key, 0o600)
	}
	if err == nil && len(key) < 32 {
		err = errors.New("it is shorter than 32 bytes: remove it, and a new one is made")
	}
	if err != nil {
		return calls.CaptureLinks{}, fmt.Errorf("the key of links, %s: %w", file, err)
	}
	return calls.CaptureLinks{Key: key}, nil
}

// sweeper does something at once and every hour.
type sweeper struct {
	clock clock.Clock
	run   func()
	mu    sync.Mutex
	timer clock.Timer
	ended bool
}

func (s *sweeper) start(context.Context) error {
	s.turn()
	return nil
}

func (s *sweeper) turn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.run()
	s.timer = s.clock.AfterFunc(captureSweep, s.turn)
}

func (s *sweeper) stop(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.timer != nil {
		s.timer.Stop()
	}
	return nil
}
