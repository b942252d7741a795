package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/retention"
	"zvonar/sip/trace"
)

func (d *daemon) buildTrace(context.Context) (err error) {
	t := d.cfg.Trace
	c := trace.Config{Dir: filepath.Join(d.cfg.DataDir, "traces"), MaxBytes: t.MaxBytes.Bytes(), Retention: d.cfg.Retention.Traces.Duration(),
		Clock: d.clock, Log: d.log.With("room", "trace"), Metrics: d.reg}
	if t.HEP.To != "" {
		if c.HEP, err = trace.NewHEP(t.HEP.To, uint32(t.HEP.Node), t.HEP.Key.Reveal()); err != nil {
			return err
		}
	}
	if d.trace, err = trace.New(c); err != nil {
		return err
	}
	d.add("trace", d.trace.Start, d.trace.Stop)
	if w, ok := d.log.Handler().(*closer); ok {
		w.watch.Store(d.trace.Watch())
	}
	return nil
}

// eraser takes numbers out of the store, and what is kept of their calls beside it.
func (d *daemon) eraser() *retention.Eraser {
	return retention.NewEraser(d.store, d.clock, d.ids,
		func(_ context.Context, call string) error {
			return errors.Join(d.captures.Remove(call), d.openings.Remove(call))
		},
		func(ctx context.Context, call string) error {
			from, ok := clock.TimeOf(call)
			if !ok {
				from = time.Unix(0, 0)
			}
			return d.trace.Erase(ctx, call, from.Add(-time.Minute), d.clock.Now())
		})
}

// traces is the trace as the API sees it.
type traces struct{ *trace.Recorder }

// Pcap implements api.Traces.
func (traces) Pcap(w io.Writer, list []calls.SIPMessage) error { return trace.WritePcap(w, list) }

// WatchNumber implements api.Traces.
func (t traces) WatchNumber(number string, span time.Duration) (calls.WatchedNumber, error) {
	until, ok := t.Watch().Number(number, span)
	if !ok {
		return calls.WatchedNumber{}, calls.Errorf(calls.CodeWrongState, "too many numbers are watched at once; stop watching one of them")
	}
	return calls.WatchedNumber{Number: number, Until: until}, nil
}

// WatchedNumbers implements api.Traces.
func (t traces) WatchedNumbers() []calls.WatchedNumber { return t.Watch().Numbers() }
