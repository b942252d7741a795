package dialer

import (
	"fmt"
	"time"

	"zvonar/internal/calls"
)

// BreakerConfig says when attempts are given up for a while: where Errors of the last
// Of failed. Errors 0: never.
type BreakerConfig struct {
	Errors, Of int
	// Pause until one call is let through to see; it doubles up to MostPause each time
	// that fails, too. A campaign stays paused until somebody resumes it.
	Pause, MostPause time.Duration
}

// probeFor bounds the wait for what became of a probe.
const probeFor = 2 * time.Minute

// breaker counts how the last attempts of a trunk or a campaign ended.
type breaker struct {
	cfg    BreakerConfig
	last   []bool // ring of failures
	next   int
	n      int
	failed int

	opened  bool
	until   time.Time // when a probe may go
	pause   time.Duration
	probing time.Time // since when a probe is under way; zero: none
	text    string
}

func newBreaker(cfg BreakerConfig) *breaker {
	return &breaker{cfg: cfg, last: make([]bool, max(cfg.Of, 1)), pause: cfg.Pause}
}

// note counts an attempt; it reports whether the breaker opened or closed by it.
func (b *breaker) note(failed bool, what string, now time.Time) (changed bool) {
	if b.cfg.Errors == 0 {
		return false
	}
	if b.opened {
		if !failed {
			b.reset()
			return true
		}
		if !b.probing.IsZero() {
			b.probing = time.Time{}
			b.pause = min(2*b.pause, max(b.cfg.MostPause, b.cfg.Pause))
			b.until = now.Add(b.pause)
		}
		return false
	}
	if b.n == len(b.last) && b.last[b.next] {
		b.failed--
	}
	b.last[b.next] = failed
	b.next = (b.next + 1) % len(b.last)
	b.n = min(b.n+1, len(b.last))
	if failed {
		b.failed++
	}
	if b.n < b.cfg.Of || b.failed < b.cfg.Errors {
		return false
	}
	b.opened, b.until = true, now.Add(b.pause)
	b.text = fmt.Sprintf("%d of the last %d attempts failed, the last one with %s", b.failed, b.n, what)
	return true
}

// reset begins to count anew.
func (b *breaker) reset() { *b = *newBreaker(b.cfg) }

// admits reports whether an attempt may begin at now; probe means that it is the one
// that shows whether things are well again.
func (b *breaker) admits(now time.Time) (ok, probe bool) {
	switch {
	case !b.opened:
		return true, false
	case now.Before(b.until), !b.probing.IsZero() && now.Sub(b.probing) < probeFor:
		return false, false
	}
	return true, true
}

// whatFailed names the end of an attempt.
func whatFailed(a calls.Attempted) string {
	switch {
	case a.Code != 0:
		return fmt.Sprintf("%d (%s)", a.Code, a.Result.Outcome)
	case a.Result.Reason != "":
		return string(a.Result.Reason)
	}
	return string(a.Result.Outcome)
}

// hopeless are the outcomes that speak against a campaign: its numbers, or the way
// there, are wrong.
var hopeless = map[calls.Outcome]bool{calls.OutcomeTrunkError: true, calls.OutcomeInvalidNumber: true}

// Attempted hears what an attempt of a customer came to. Where too many in a row fail,
// the trunk is left alone for a while and a campaign is paused. From any goroutine.
func (d *Dialer) Attempted(a calls.Attempted) {
	now := d.cfg.Clock.Now()
	var tripped string
	d.mu.Lock()
	if b := d.breakers[a.Trunk]; b != nil && b.note(!a.Result.Charged && a.Result.Outcome == calls.OutcomeTrunkError, whatFailed(a), now) {
		d.trunkTurned(a.Trunk, b)
	}
	if g := d.queue.campaign(a.Campaign); a.Campaign != "" && g != nil && g.known && !g.pace.Paused {
		if g.breaker == nil {
			g.breaker = newBreaker(d.cfg.CampaignBreaker)
		}
		if g.breaker.note(hopeless[a.Result.Outcome], whatFailed(a), now) && g.breaker.opened {
			tripped = "paused by itself: " + g.breaker.text
			g.pace.Paused, g.pace.Reason = true, tripped
		}
	}
	d.mu.Unlock()
	if tripped != "" {
		d.metrics.trips.WithLabelValues("campaign").Inc()
		d.cfg.Log.Warn("a campaign was paused", "campaign", a.Campaign, "why", tripped)
		if d.cfg.OnTrip != nil {
			d.cfg.OnTrip(a.Campaign, tripped)
		}
	}
	d.poke()
}

// trunkTurned tells of a trunk that is left alone, or used again.
func (d *Dialer) trunkTurned(name string, b *breaker) {
	if !b.opened {
		d.cfg.Log.Info("the trunk takes calls again", "trunk", name)
		return
	}
	d.metrics.trips.WithLabelValues("trunk").Inc()
	d.cfg.Log.Warn("the trunk is left alone for a while", "trunk", name, "why", b.text, "until", b.until)
}

// usable reports whether a trunk may be tried at now, else until when not and why.
func (d *Dialer) usable(trunk string, now time.Time) (ok, probe bool, h calls.Hold) {
	if !d.cfg.TrunkUp(trunk) {
		return false, false, calls.Hold{Gate: calls.GateTrunkDown, Text: "the trunk " + trunk + " cannot be used at the moment"}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.breakers[trunk]
	if b == nil {
		return true, false, calls.Hold{}
	}
	if ok, probe = b.admits(now); ok {
		return true, probe, calls.Hold{}
	}
	h = calls.Hold{Gate: calls.GateTrunkDown, Text: "the trunk " + trunk + " is left alone: " + b.text}
	if now.Before(b.until) {
		until := b.until
		h.Until, h.Text = &until, h.Text+"; then one call shows whether it works again"
	}
	return false, false, h
}

// probe marks a trunk's attempt as the one that shows how things are; over is called
// when it has ended, whatever it showed.
func (d *Dialer) probe(trunk string, now time.Time) (over func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.breakers[trunk]
	b.probing = now
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		b.probing = time.Time{}
	}
}
