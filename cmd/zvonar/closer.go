package main

import (
	"context"
	"log/slog"
	"sync/atomic"

	"zvonar/sip/trace"
)

// closer is a log handler that looks closer at the calls of watched numbers: what
// is told of them at DEBUG is logged, whatever the level is.
type closer struct {
	slog.Handler                              // lets everything from DEBUG on through
	level        *slog.LevelVar               // what is logged of everybody
	watch        *atomic.Pointer[trace.Watch] // nil inside: nobody is watched yet
	watched      string                       // the call that every record is about, "" if none is known
}

func newCloser(level slog.Level, h slog.Handler) *closer {
	l := &slog.LevelVar{}
	l.Set(level)
	return &closer{Handler: h, level: l, watch: &atomic.Pointer[trace.Watch]{}}
}

// Enabled implements slog.Handler.
func (c *closer) Enabled(_ context.Context, level slog.Level) bool {
	if level >= c.level.Level() {
		return true
	}
	w := c.watch.Load()
	return w != nil && w.Any() && (c.watched == "" || w.Call(c.watched))
}

// Handle implements slog.Handler.
func (c *closer) Handle(ctx context.Context, rec slog.Record) error {
	if rec.Level < c.level.Level() {
		call := c.watched
		rec.Attrs(func(a slog.Attr) bool {
			if a.Key == "call" {
				call = a.Value.String()
			}
			return true
		})
		if w := c.watch.Load(); w == nil || call == "" || !w.Call(call) {
			return nil
		}
	}
	return c.Handler.Handle(ctx, rec)
}

// WithAttrs implements slog.Handler.
func (c *closer) WithAttrs(attrs []slog.Attr) slog.Handler {
	n := *c
	n.Handler = c.Handler.WithAttrs(attrs)
	for _, a := range attrs {
		if a.Key == "call" {
			n.watched = a.Value.String()
		}
	}
	return &n
}

// WithGroup implements slog.Handler.
func (c *closer) WithGroup(name string) slog.Handler {
	n := *c
	n.Handler = c.Handler.WithGroup(name)
	return &n
}
