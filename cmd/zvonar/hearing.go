package main

import (
	"context"

	"zvonar/internal/hearing"
)

func (d *daemon) buildHearing(context.Context) error {
	d.hearing = hearing.New(hearing.Config{Store: d.store, Countries: d.cfg.Dialer.Countries, Deaf: d.deaf,
		Clock: d.clock, IDs: d.ids, Log: d.log.With("room", "hearing"), Metrics: d.reg})
	d.add("hearing", d.hearing.Start, d.hearing.Stop)
	return nil
}

// deaf reports whether nobody listens to the early media of a trunk.
func (d *daemon) deaf(trunk string) bool {
	for _, t := range d.live.Load().Trunks {
		if t.Name == trunk {
			return t.EarlyMedia == "off"
		}
	}
	return false
}
