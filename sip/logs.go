package sip

import (
	"context"
	"log/slog"
	"strings"
)

// maxLogged bounds one text in sipgo's log records: it logs whole messages.
const maxLogged = 200

// guardedLog wraps the handler that sipgo's records go to: texts are cut to
// maxLogged bytes, runs of digits that could be telephone numbers are masked,
// and what is below WARN is dropped.
type guardedLog struct{ next slog.Handler }

func (g guardedLog) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && g.next.Enabled(ctx, level)
}

func (g guardedLog) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, tame(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(tameAttr(a))
		return true
	})
	return g.next.Handle(ctx, clean)
}

func (g guardedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = tameAttr(a)
	}
	return guardedLog{g.next.WithAttrs(clean)}
}

func (g guardedLog) WithGroup(name string) slog.Handler { return guardedLog{g.next.WithGroup(name)} }

func tameAttr(a slog.Attr) slog.Attr {
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, tame(v.String()))
	case slog.KindAny, slog.KindGroup:
		return slog.String(a.Key, tame(v.String()))
	default:
		return slog.Attr{Key: a.Key, Value: v}
	}
}

// tame cuts s, hides all but the last two of seven or more digits in a row, and
// replaces control characters.
func tame(s string) string {
	cut := len(s) > maxLogged
	if cut {
		s = s[:maxLogged]
	}
	var b strings.Builder
	run := 0 // digits in a row, ending before i
	flush := func(end int) {
		digits := s[end-run : end]
		if run >= 7 {
			digits = strings.Repeat("*", run-2) + digits[run-2:]
		}
		b.WriteString(digits)
		run = 0
	}
	for i := 0; i < len(s); i++ {
		if s[i] >= '0' && s[i] <= '9' {
			run++
			continue
		}
		flush(i)
		if s[i] < 0x20 || s[i] == 0x7f {
			b.WriteByte(' ')
		} else {
			b.WriteByte(s[i])
		}
	}
	flush(len(s))
	if cut {
		b.WriteString("…")
	}
	return strings.ToValidUTF8(b.String(), "?")
}
