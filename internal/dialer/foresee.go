package dialer

import (
	"strconv"
	"time"

	"zvonar/internal/calls"
)

// Foresee says what would keep a call back now that is not made yet: a contact that
// waits in the line of its campaign. It asks the gates that the queue asks, takes
// nothing and tells nobody; its last word is that it waits for its turn. From any
// goroutine.
func (d *Dialer) Foresee(tx calls.ReadTx, c *calls.Call) (calls.Hold, error) {
	now := d.cfg.Clock.Now()
	v, err := d.ask(foreseen, tx, &work{id: c.ID, call: c}, now)
	switch {
	case err != nil:
		return calls.Hold{}, err
	case v.blocked != nil:
		return blockedHold(*v.blocked), nil
	case v.hold != nil:
		return *v.hold, nil
	}
	if err := d.cfg.Admits(); err != nil {
		return shutHold(err), nil
	}
	name, trunks := d.route(c)
	h, ofCampaign, ofLane := d.standingOf(c.CampaignID, name, now)
	if h.Gate != "" {
		return h, nil
	}
	if h, _ := d.eachTrunk(&lane{trunks: trunks}, now, d.limits.Check); h.Gate != "" {
		return h, nil
	}
	return calls.Hold{Gate: calls.GateTurn, Text: inLineText(ofCampaign, ofLane)}, nil
}

// standingOf says what keeps all calls of a campaign back, and how many of it, and in
// the lane of a name, are due.
func (d *Dialer) standingOf(campaign, lane string, now time.Time) (h calls.Hold, ofCampaign, ofLane int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.queue.campaign(campaign)
	if g == nil {
		g = newGroup(campaign)
	}
	h, _ = g.check(now)
	if n, ok := d.queue.laneNames[lane]; ok {
		ofLane = d.queue.lanes[n].ready()
	}
	return h, g.queued, ofLane
}

func inLineText(ofCampaign, ofLane int) string {
	text := "it waits for its turn in the line of its campaign"
	if ofLane > 0 {
		text += ": " + strconv.Itoa(ofLane) + " calls are due for its trunk, " + strconv.Itoa(ofCampaign) + " of them of its campaign"
	}
	return text
}

// blockedHold is what is said of a contact on the blacklist.
func blockedHold(entry calls.BlockEntry) calls.Hold {
	h := calls.Hold{Gate: calls.GateBlacklist, Text: "the number is on the blacklist: it is not rung, its call ends as blocked"}
	if entry.Reason != "" {
		h.Text = "the number is on the blacklist (" + entry.Reason + "): it is not rung, its call ends as blocked"
	}
	if !entry.ExpiresAt.IsZero() {
		h.Until = &entry.ExpiresAt
	}
	return h
}
