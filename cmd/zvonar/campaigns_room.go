package main

import (
	"context"
	"slices"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/dialer/campaign"
)

// buildCampaigns makes the room that turns lists of contacts into calls. It starts
// once calls are taken, and is stopped before they are drained.
func (d *daemon) buildCampaigns(context.Context) (err error) {
	d.campaigns, err = campaign.New(campaign.Config{Store: d.store, Nodes: d.store, Gate: d.dialer, Caller: d.engine, Opens: d.opensAt,
		Resolve: func(tx calls.ReadTx, account string, id calls.ClipID) error {
			_, err := d.clips.Resolve(tx, account, id)
			return err
		}, Clock: d.clock, IDs: d.ids, Log: d.log.With("room", "campaigns"), Metrics: d.reg})
	if err != nil {
		return err
	}
	d.house.Campaigns = d.campaigns.Desk()
	d.parts = slices.Insert(d.parts, 0, part{"rules of campaigns", d.campaigns.Tell, nil}) // before the dialer has a call
	d.add("campaigns", d.campaigns.Start, d.campaigns.Stop)
	return nil
}

// opensAt tells campaigns whether a contact may be called now.
func (d *daemon) opensAt(number, timezone string, w *calls.Window, now time.Time) (open bool, next time.Time) {
	open, next, _ = d.dialer.OpensAt(number, timezone, w, now)
	return open, next
}
