package sip

import (
	"sync"

	"zvonar/sip/trunk"
)

// trunkWatch knows which trunks are up, and tells when that changes.
type trunkWatch struct {
	mu   sync.Mutex
	last map[string]trunk.State
}

// TrunkStatus is how a trunk stands; ok is false where there is none of that name.
func (ua *UA) TrunkStatus(name string) (trunk.Status, bool) {
	t, ok := ua.cfg.Trunks.Get(name)
	if !ok {
		return trunk.Status{}, false
	}
	return t.Status(ua.clock.Now()), true
}

// changed looks whether a trunk went up or down, and tells it. It is called after
// anything that counts for it, from any goroutine.
func (ua *UA) changed(t *trunk.Trunk) {
	ua.trunks.mu.Lock()
	defer ua.trunks.mu.Unlock()
	now := t.Status(ua.clock.Now())
	before, known := ua.trunks.last[t.Name]
	if now.State == before && known || now.State == trunk.Unknown {
		return
	}
	ua.trunks.last[t.Name] = now.State
	switch {
	case now.State == trunk.Down:
		ua.log.Warn("sip: a trunk is down", "trunk", t.Name, "why", now.Reason)
	case known:
		ua.log.Info("sip: a trunk is up", "trunk", t.Name)
	}
	ua.m.up.WithLabelValues(t.Name).Set(upValue(now.State))
	if (known || now.State == trunk.Down) && ua.cfg.TrunkChanged != nil {
		ua.cfg.TrunkChanged(t.Name, now)
	}
}

func upValue(s trunk.State) float64 {
	if s == trunk.Up {
		return 1
	}
	return 0
}
