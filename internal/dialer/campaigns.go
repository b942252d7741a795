package dialer

import (
	"errors"
	"strconv"

	"zvonar/internal/calls"
)

// SetCampaign says how the calls of a campaign may be dialled from now on. Once it has
// returned with a pause nothing of the campaign is begun; what is between the dialer and
// its INVITE is put back. From any goroutine.
func (d *Dialer) SetCampaign(id string, p calls.CampaignRule) {
	d.mu.Lock()
	d.queue.groups[d.queue.groupOf(p.Account, id)].set(p)
	d.mu.Unlock()
	d.poke()
}

// DropCampaign forgets a campaign: what is still queued of it is held as paused.
func (d *Dialer) DropCampaign(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g := d.queue.campaign(id); g != nil {
		g.known = false
		d.queue.forget(id)
	}
}

// CampaignLoad is what is queued and runs of a campaign.
func (d *Dialer) CampaignLoad(id string) calls.CampaignLoad {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.queue.campaign(id)
	if g == nil {
		return calls.CampaignLoad{}
	}
	return calls.CampaignLoad{Queued: g.queued, Waiting: g.parked, Running: g.rate.used}
}

// CampaignHeld is how many calls of a campaign each gate keeps back. Of those that
// only wait behind others for a trunk or their campaign the first of the line counts.
func (d *Dialer) CampaignHeld(id string) map[calls.Gate]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.queue.campaign(id)
	if g == nil {
		return nil
	}
	held := map[calls.Gate]int{}
	for no, n := range g.held {
		if no > 0 && n > 0 {
			held[gateNames[no]] = int(n)
		}
	}
	return held
}

// Why says what keeps a queued call back, where nothing was told of it: that it is
// not due yet, that its campaign is paused, that others are before it. ok is false
// where its hold was told, and where it is not queued here.
func (d *Dialer) Why(id string) (h calls.Hold, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q, now := d.queue, d.cfg.Clock.Now()
	i := q.find(id)
	if i == 0 {
		return h, false
	}
	e := q.slab.at(i)
	g := q.groups[e.group]
	if h, _ := g.check(now); h.Gate == calls.GatePaused {
		return h, true
	}
	switch {
	case e.gate != 0:
		return h, false
	case e.due > micros(now):
		due := timeOf(e.due)
		return calls.Hold{Gate: calls.GateDue, Until: &due, Text: "it is not to be dialled before its time (not_before)"}, true
	}
	if err := d.cfg.Admits(); err != nil {
		return shutHold(err), true
	}
	return calls.Hold{Gate: calls.GateTurn, Text: turnText(q.lanes[e.lane].ready())}, true
}

// shutHold says why a call that is due waits where no call may begin.
func shutHold(why error) calls.Hold {
	text := why.Error()
	if e := (*calls.Error)(nil); errors.As(why, &e) {
		text = e.Detail
	}
	return calls.Hold{Gate: calls.GateTurn, Text: "nobody is dialled now: " + text}
}

func turnText(ready int) string {
	if ready <= 1 {
		return "it is due and is being looked at"
	}
	return "it is due and waits for its turn: " + strconv.Itoa(ready) + " calls are due for its trunk"
}
