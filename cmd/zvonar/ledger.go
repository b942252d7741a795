package main

import (
	"context"

	"zvonar/internal/cdr"
	"zvonar/internal/ledger"
)

// buildLedger lets one node of those that share a database follow the log, and
// write call records where the configuration says so.
func (d *daemon) buildLedger(context.Context) error {
	l, err := ledger.New(ledger.Config{Store: d.store, Lead: func() (bool, <-chan struct{}) { return d.store.Lead("ledger") },
		Clock: d.clock, Log: d.log.With("room", "ledger"), Metrics: d.reg})
	if err != nil {
		return err
	}
	d.add("ledger", l.Start, l.Stop)
	files, err := cdr.NewFiles(cdr.FilesConfig{Dir: d.cfg.CDR.Dir, Format: cdr.Format(d.cfg.CDR.Format), Rotation: cdr.Rotation(d.cfg.CDR.Rotation),
		Account: d.cfg.CDR.Account, Store: d.store, Lead: func() (bool, <-chan struct{}) { return d.store.Lead("cdr") },
		Clock: d.clock, Log: d.log.With("room", "cdr"), Metrics: d.reg})
	if err != nil {
		return err
	}
	d.add("call records", files.Start, files.Stop)
	return nil
}
