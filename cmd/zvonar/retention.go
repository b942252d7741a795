package main

import (
	"context"

	"zvonar/internal/retention"
)

// buildRetention lets what is older than is kept be removed, by one node of
// those that share a database.
func (d *daemon) buildRetention(context.Context) error {
	keep := d.cfg.Retention
	r, err := retention.New(retention.Config{Events: keep.Events.Duration(), Deliveries: keep.Deliveries.Duration(), Audit: keep.Audit.Duration(),
		Store: d.store, Lead: func() (bool, <-chan struct{}) { return d.store.Lead("retention") },
		Clock: d.clock, Log: d.log.With("room", "retention"), Metrics: d.reg})
	if err != nil {
		return err
	}
	d.add("retention", r.Start, r.Stop)
	return nil
}
