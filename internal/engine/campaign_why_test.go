package engine

import (
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func TestAContactInLineSaysWhyItIsNotCalled(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	start := epoch.Add(time.Hour)
	for name, c := range map[string]struct {
		campaign func(*calls.Campaign)
		contact  func(*calls.Contact)
		want     string // gate, until, a part of the words
	}{
		"a draft":               {campaign: func(c *calls.Campaign) { c.State, c.StartAt = calls.CampaignDraft, &start }, want: "paused 10:00 a draft"},
		"paused":                {campaign: func(c *calls.Campaign) { c.State, c.PauseReason = calls.CampaignIsPaused, "lunch" }, want: "paused - lunch"},
		"stopped":               {campaign: func(c *calls.Campaign) { c.State = calls.CampaignIsStopped }, want: "paused - stopped"},
		"finished":              {campaign: func(c *calls.Campaign) { c.State = calls.CampaignIsFinished }, want: "paused - started again"},
		"before its time":       {contact: func(t *calls.Contact) { t.NotBefore, t.Turn = &start, start.UnixMicro() }, want: "due 10:00 not_before"},
		"moved to a time":       {contact: func(t *calls.Contact) { t.Turn = start.UnixMicro() }, want: "due 10:00 moved"},
		"moved to the front":    {contact: func(t *calls.Contact) { t.Turn = -start.UnixMicro() }, want: "turn - over"},
		"a clip of nobody":      {contact: func(t *calls.Contact) { t.Record = "9999" }, want: "refused - no call can be made of it"},
		"a country that is not": {contact: func(t *calls.Contact) { t.Number = "442079460000" }, want: "refused - no call can be made of it"},
		"a trunk that is gone":  {campaign: func(c *calls.Campaign) { c.Trunk = "gone" }, want: "refused - gone"},
		"as the queue says":     {campaign: func(c *calls.Campaign) { c.From = []string{"78005550000"} }, want: "turn - 78005550000→79161234567 over"},
		"a call": {contact: func(t *calls.Contact) {
			t.State, t.CallID = calls.ContactCalling, b.submit().ID
		}, want: "turn - being looked at"},
		"done":    {contact: func(t *calls.Contact) { t.State = calls.ContactDone }},
		"skipped": {contact: func(t *calls.Contact) { t.State = calls.ContactSkipped }},
	} {
		campaign := &calls.Campaign{ID: "camp_1", Account: "main", State: calls.CampaignIsRunning, Flow: calls.DefaultFlow()}
		campaign.Flow.Record = "1001"
		contact := &calls.Contact{Account: "main", Campaign: "camp_1", N: 1, Number: "79161234567", State: calls.ContactWaiting}
		if c.campaign != nil {
			c.campaign(campaign)
		}
		if c.contact != nil {
			c.contact(contact)
		}
		var h *calls.Hold
		err := b.store.View(t.Context(), func(tx calls.ReadTx) (err error) {
			h, err = b.e.WhyContact(tx, campaign, contact)
			return err
		})
		said := ""
		if h != nil {
			until := "-"
			if h.Until != nil {
				until = h.Until.Format("15:04")
			}
			said = string(h.Gate) + " " + until + " " + h.Text
		}
		head, words := c.want, ""
		if parts := strings.SplitN(c.want, " ", 3); len(parts) == 3 {
			head, words = parts[0]+" "+parts[1]+" ", parts[2]
		}
		if err != nil || !strings.HasPrefix(said, head) || !strings.Contains(said, words) || (said == "") != (c.want == "") {
			t.Errorf("%s: %q, %v; want %q", name, said, err, c.want)
		}
	}
}
