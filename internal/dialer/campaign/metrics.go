package campaign

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
)

// mostTold bounds the campaigns that have figures of their own: a label is an id only
// while its campaign lives, and only of the newest.
const mostTold = 50

// scrapePatience bounds how long a scrape waits for the store.
const scrapePatience = 2 * time.Second

var (
	campaignsDesc = prometheus.NewDesc("zvonar_campaigns",
		"Campaigns that run or are paused; told by the node that feeds them.", []string{"state"}, nil)
	contactsDesc = prometheus.NewDesc("zvonar_campaign_contacts",
		"Contacts of a campaign that runs or is paused, by state; told by the node that feeds it.", []string{"campaign", "state"}, nil)
	outcomesDesc = prometheus.NewDesc("zvonar_campaign_outcomes_total",
		"Contacts of such a campaign whose call is over, by its outcome; told by the node that feeds it.", []string{"campaign", "outcome"}, nil)
	attemptsDesc = prometheus.NewDesc("zvonar_campaign_attempts_total",
		"Attempts of such a campaign's calls that are over; told by the node that feeds it.", []string{"campaign"}, nil)
	heldDesc = prometheus.NewDesc("zvonar_campaign_held",
		"Calls of such a campaign that a gate of this node keeps back.", []string{"campaign", "gate"}, nil)
)

// census reads the counts of the campaigns whenever it is scraped.
type census struct{ r *Runner }

// Describe implements prometheus.Collector.
func (c *census) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{campaignsDesc, contactsDesc, outcomesDesc, attemptsDesc, heldDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What cannot be read is left out.
func (c *census) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
	defer cancel()
	live, err := c.r.live(ctx)
	if err != nil {
		return
	}
	leads, _ := c.r.leads()
	states := map[calls.CampaignState]int{calls.CampaignIsRunning: 0, calls.CampaignIsPaused: 0}
	told := 0
	for _, one := range live {
		if !one.Live() {
			continue // it waits for its time
		}
		states[one.State]++
		if told++; told > mostTold {
			continue
		}
		for gate, n := range c.r.cfg.Gate.CampaignHeld(one.ID) {
			ch <- prometheus.MustNewConstMetric(heldDesc, prometheus.GaugeValue, float64(n), one.ID, string(gate))
		}
		if leads {
			c.contacts(ctx, ch, one)
		}
	}
	if leads {
		for state, n := range states {
			ch <- prometheus.MustNewConstMetric(campaignsDesc, prometheus.GaugeValue, float64(n), string(state))
		}
	}
}

// contacts tells the counts of one campaign.
func (c *census) contacts(ctx context.Context, ch chan<- prometheus.Metric, one *calls.Campaign) {
	var counts calls.CampaignCounts
	err := c.r.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		counts, err = tx.CampaignCounts(one.Account, one.ID)
		return err
	})
	if err != nil {
		return
	}
	for state, n := range map[calls.ContactState]int64{calls.ContactWaiting: counts.Waiting(), calls.ContactCalling: counts[calls.CountCalling],
		calls.ContactDone: counts[calls.CountDone], calls.ContactSkipped: counts[calls.CountSkipped], calls.ContactFailed: counts[calls.CountFailed]} {
		ch <- prometheus.MustNewConstMetric(contactsDesc, prometheus.GaugeValue, float64(n), one.ID, string(state))
	}
	for outcome, n := range counts.ByOutcome() {
		ch <- prometheus.MustNewConstMetric(outcomesDesc, prometheus.CounterValue, float64(n), one.ID, string(outcome))
	}
	ch <- prometheus.MustNewConstMetric(attemptsDesc, prometheus.CounterValue, float64(counts[calls.CountAttempts]), one.ID)
}
