package store

import "zvonar/internal/calls"

// campaigns removes, with their contacts, campaigns that ended before. It goes through
// them by id, which is the order of their making; one that is too young, or has calls
// that are not over, is passed by.
func (x *expiry) campaigns() error {
	rows, err := many(x.t, scanCampaign, overCampaigns, x.from.ID, x.limit)
	if err != nil {
		return err
	}
	for _, c := range rows {
		old, err := x.campaignIsOld(c)
		if err != nil {
			return err
		}
		if old {
			x.out.More = true
			return x.campaign(c)
		}
		x.out.Next = calls.ExpiryMark{ID: c.ID}
	}
	x.out.More = len(rows) == x.limit
	return nil
}

// campaignIsOld reports whether a campaign is behind: also that nobody waits in a
// finished one, which may be started anew with contacts that were added.
func (x *expiry) campaignIsOld(c *calls.Campaign) (bool, error) {
	if c.EndedAt.IsZero() || !c.EndedAt.Before(x.e.Before) {
		return false, nil
	}
	counts, err := x.t.CampaignCounts(c.Account, c.ID)
	return counts[calls.CountCalling] == 0 && (c.State == calls.CampaignIsStopped || counts.Waiting() == 0), err
}

// campaign removes a portion of its contacts or, where none is left, the campaign.
func (x *expiry) campaign(c *calls.Campaign) error {
	if c.State != calls.CampaignIsStopped { // nobody starts what is half there
		c.State = calls.CampaignIsStopped
		if err := x.t.UpdateCampaign(c); err != nil {
			return err
		}
	}
	contacts, more, err := x.t.deleteCampaign(c.Account, c.ID, x.limit)
	x.count("contacts", contacts)
	if err == nil && !more {
		x.count("campaigns", 1)
		x.out.Next = calls.ExpiryMark{ID: c.ID}
	}
	return err
}
