package sip

import (
	"slices"

	"zvonar/internal/calls"
	"zvonar/sip/trunk"
)

// Reload takes these trunks instead of those that were there; on an error nothing
// changes. Dialogs go on with the trunk that they began with. A trunk that is gone
// takes its registration back, one that changed before it registers anew. From any
// goroutine, one at a time.
func (ua *UA) Reload(configs []trunk.Config) (trunk.Change, error) {
	if !ua.serving() {
		return trunk.Change{}, calls.Errorf(calls.CodeWrongState, "the user agent is stopping")
	}
	change, err := ua.cfg.Trunks.Replace(configs)
	if err != nil {
		return change, err
	}
	left := map[string]<-chan struct{}{}
	for _, t := range change.Gone {
		left[t.Name] = ua.abandon(t)
	}
	for _, t := range change.New {
		ua.begun(t, left[t.Name])
	}
	return change, nil
}

// begun begins what goes on with a trunk all the time; it is registered with once
// first, if not nil, is over.
func (ua *UA) begun(t *trunk.Trunk, first <-chan struct{}) {
	if t.SRTP != trunk.SRTPOff && t.Target().Transport != "tls" {
		ua.log.Warn("sip: whoever reads the signalling of this trunk can decrypt its sound: SRTP keys travel in it; reach the trunk over tls",
			"trunk", t.Name, "srtp", t.SRTP, "transport", t.Target().Transport)
	}
	ua.register(t, first)
	ua.probe(t)
}

// abandon ends what goes on with a trunk; ended is closed once its registrar has
// answered or is no longer waited for, nil where there is none.
func (ua *UA) abandon(t *trunk.Trunk) (ended <-chan struct{}) {
	var gone []*prober
	var leaving *registration
	ua.mu.Lock()
	ua.probers = slices.DeleteFunc(ua.probers, func(p *prober) bool {
		if p.t == t {
			gone = append(gone, p)
		}
		return p.t == t
	})
	// One that leaves stays in the list until it has left: a stop waits for it.
	ua.registrations = slices.DeleteFunc(ua.registrations, func(r *registration) bool {
		select {
		case <-r.ended:
			return true
		default:
		}
		if r.t == t {
			leaving = r
		}
		return false
	})
	ua.mu.Unlock()
	for _, p := range gone {
		p.box.post(p.end)
	}
	ua.forgetTrunk(t.Name)
	if leaving == nil {
		return nil
	}
	leaving.box.post(leaving.leave)
	ua.clock.AfterFunc(unregisterPatience, func() { leaving.box.post(leaving.end) })
	return leaving.ended
}

// forgetTrunk forgets how a trunk stood, so that one of its name begins anew; only
// whether it was told that it is down is kept: whoever was told hears of the end of it
// where the trunk that replaces it is up.
func (ua *UA) forgetTrunk(name string) {
	ua.trunks.mu.Lock()
	defer ua.trunks.mu.Unlock()
	delete(ua.trunks.last, name)
	if ua.trunks.down[name] {
		ua.trunks.owed[name] = true
	}
	delete(ua.trunks.down, name)
	ua.m.up.DeleteLabelValues(name)
	if f := ua.cfg.TrunkUsable; f != nil {
		f(name, true)
	}
}
