package sip

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// maxLogged bounds one text in sipgo's log records: it logs whole messages.
const maxLogged = 200

// maxLogRate bounds sipgo's log records a second: it writes one for each message
// that it dislikes.
const maxLogRate = 10

// guardedLog wraps the handler that sipgo's records go to: texts are cut to
// maxLogged bytes, credentials are taken out, runs of digits that could be
// telephone numbers are masked, what is below WARN is dropped, and what is beyond
// maxLogRate is counted and told with the next record.
type guardedLog struct {
	next slog.Handler
	rate *logRate // shared by all that were derived from one
}

type logRate struct {
	mu     sync.Mutex
	second int64
	n      int
	left   int // records left out since the last one that was written
}

func newGuardedLog(next slog.Handler) guardedLog {
	return guardedLog{next: next, rate: &logRate{}}
}

// allow reports whether a record of that second may be written, and how many were
// left out before it.
func (r *logRate) allow(at time.Time) (left int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := at.Unix(); s != r.second {
		r.second, r.n = s, 0
	}
	if r.n >= maxLogRate {
		r.left++
		return 0, false
	}
	r.n++
	left, r.left = r.left, 0
	return left, true
}

func (g guardedLog) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && g.next.Enabled(ctx, level)
}

// miscounted ends the message of sipgo when a transaction gives back its reference
// to a connection that has closed: closing set the count to 0 and forgot who holds
// it. Every connection that ends while transactions live says so; nothing is wrong.
const miscounted = " ref went negative"

func (g guardedLog) Handle(ctx context.Context, r slog.Record) error {
	if strings.Contains(r.Message, miscounted) {
		return nil
	}
	left, ok := g.rate.allow(r.Time)
	if !ok {
		return nil
	}
	clean := slog.NewRecord(r.Time, r.Level, tame(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(tameAttr(a))
		return true
	})
	if left > 0 {
		clean.AddAttrs(slog.Int("left_out", left))
	}
	return g.next.Handle(ctx, clean)
}

func (g guardedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = tameAttr(a)
	}
	return guardedLog{g.next.WithAttrs(clean), g.rate}
}

func (g guardedLog) WithGroup(name string) slog.Handler {
	return guardedLog{g.next.WithGroup(name), g.rate}
}

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

// secretHeaders are headers whose values are nobody's business.
var secretHeaders = []string{"authorization:", "proxy-authorization:", "www-authenticate:", "proxy-authenticate:", "authentication-info:"}

// withoutSecrets cuts the values of secretHeaders out of a message, with their
// folded lines.
func withoutSecrets(s string) string {
	if !strings.Contains(strings.ToLower(s), "auth") {
		return s
	}
	lines := strings.SplitAfter(s, "\n")
	var b strings.Builder
	hiding := false
	for _, line := range lines {
		folded := hiding && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"))
		hiding = folded
		for _, h := range secretHeaders {
			if len(line) >= len(h) && strings.EqualFold(line[:len(h)], h) {
				b.WriteString(line[:len(h)] + " …\r\n")
				hiding = true
			}
		}
		if !hiding {
			b.WriteString(line)
		}
	}
	return b.String()
}

// tame cuts s, takes credentials out, hides all but the last two of seven or more
// digits in a row, and replaces control characters.
func tame(s string) string {
	s = withoutSecrets(s)
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
