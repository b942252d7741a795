package main

import (
	"fmt"

	"zvonar/internal/client"
	"zvonar/internal/timeline"
)

// campaignBar shows a campaign on one line, again and again: on a terminal in place,
// elsewhere (a file, a pipe) on a line of its own whenever somebody was called.
type campaignBar struct {
	*app
	shown [5]any
}

// show shows how m gets on.
func (p *campaignBar) show(m client.Campaign) error {
	line := timeline.OneLine(progressLine(m))
	if isTerminal(p.stdout) {
		_, err := fmt.Fprintf(p.stdout, "\r\x1b[K%s", line)
		return err
	}
	now := [5]any{m.State, m.Progress, m.Counters.Total, m.Counters.Active, m.Counters.Held}
	if now == p.shown {
		return nil
	}
	p.shown = now
	_, err := fmt.Fprintln(p.stdout, line)
	return err
}

// wipe makes room for what comes after the last line.
func (p *campaignBar) wipe() {
	if isTerminal(p.stdout) {
		_, _ = fmt.Fprint(p.stdout, "\r\x1b[K")
	}
}
