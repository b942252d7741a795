package main

import (
	"context"
	"slices"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/dialer/campaign"
	"zvonar/internal/numbering"
)

// buildCampaigns makes the room that turns lists of contacts into calls. It starts
// once calls are taken, and is stopped before they are drained.
func (d *daemon) buildCampaigns(context.Context) (err error) {
	d.campaigns, err = campaign.New(campaign.Config{Store: d.store, Nodes: d.store, Gate: campaignGate{d}, Caller: d.engine, Opens: d.opensAt,
		Resolve: func(tx calls.ReadTx, account string, id calls.ClipID) error {
			_, err := d.clips.Resolve(tx, account, id)
			return err
		}, Clock: d.clock, IDs: d.ids, Log: d.log.With("room", "campaigns")})
	if err != nil {
		return err
	}
	d.parts = slices.Insert(d.parts, 0, part{"rules of campaigns", d.campaigns.Tell, nil}) // before the dialer has a call
	d.add("campaigns", d.campaigns.Start, d.campaigns.Stop)
	return nil
}

// opensAt tells campaigns whether a contact may be called now.
func (d *daemon) opensAt(number, timezone string, w *calls.Window, now time.Time) (open bool, next time.Time) {
	zones := []string{timezone}
	if timezone == "" {
		zones = numbering.Zones(number)
	}
	open, next = numbering.OpenAt(d.cfg.Dialer.Window, zones, now)
	if open && w != nil {
		open, next = numbering.OpenAt(*w, zones, now)
	}
	return open, next
}

// campaignGate is the dialer as campaigns see it.
type campaignGate struct{ d *daemon }

// SetCampaign implements campaign.Gate.
func (g campaignGate) SetCampaign(string, calls.CampaignRule) {}

// DropCampaign implements campaign.Gate.
func (g campaignGate) DropCampaign(string) {}

// CampaignLoad implements campaign.Gate.
func (g campaignGate) CampaignLoad(id string) (load calls.CampaignLoad) {
	_ = g.d.store.View(context.Background(), func(tx calls.ReadTx) error {
		c, err := tx.Campaign("", id)
		if err != nil {
			return err
		}
		live, err := tx.LiveOfCampaign(c.Account, id)
		for s, n := range live {
			if s == calls.StatusQueued || s == calls.StatusHeld {
				load.Queued += int(n)
			} else {
				load.Running += int(n)
			}
		}
		return err
	})
	return load
}
