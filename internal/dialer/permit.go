package dialer

import (
	"sync"

	"zvonar/internal/calls"
)

// permit is what lies between a call that the dialer began and its INVITE: the gates
// that are asked once more, and what the call holds of its campaign.
type permit struct {
	d      *Dialer
	number string // account and number, while no attempt of it is in the store

	once      sync.Once // the number is not flying any more
	campaign  string
	wasGroup  *group
	probeOver func() // nil: it is no probe of a breaker
}

// confirm is Slot.Confirm.
func (p *permit) confirm(tx calls.ReadTx, c *calls.Call) error {
	defer p.landed()
	d := p.d
	now := d.cfg.Clock.Now()
	if p.paused() {
		return calls.ErrGateClosed
	}
	v, err := d.ask(lastGates, tx, &work{id: c.ID, call: c}, now)
	if err == nil && !v.open() {
		err = calls.ErrGateClosed
	}
	return err
}

// paused reports whether the campaign was paused since the call was begun.
func (p *permit) paused() bool {
	if p.campaign == "" {
		return false
	}
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	return !p.wasGroup.known || p.wasGroup.pace.Paused
}

// landed: the attempt is in the store, or never will be.
func (p *permit) landed() {
	p.once.Do(func() {
		p.d.mu.Lock()
		defer p.d.mu.Unlock()
		if p.d.flying[p.number]--; p.d.flying[p.number] <= 0 {
			delete(p.d.flying, p.number)
		}
	})
}

// release gives back what the call holds of its campaign.
func (p *permit) release() {
	p.landed()
	if p.probeOver != nil {
		p.probeOver()
	}
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	p.wasGroup.rate.used--
	if p.campaign != "" {
		p.d.queue.forget(p.campaign)
	}
}

// numberOf is how a number of an account is counted.
func numberOf(c *calls.Call) string { return c.Account + " " + c.To }
