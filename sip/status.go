package sip

import (
	"sync"

	"zvonar/sip/trunk"
)

// trunkWatch knows which trunks are up, and tells when that changes.
type trunkWatch struct {
	mu   sync.Mutex
	last map[string]trunk.State // as it was looked at last
	down map[string]bool        // it was told that it is down
	owed map[string]bool        // that was told of the trunk of this name that another one replaced
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
	before := ua.trunks.last[t.Name]
	if now.State == before {
		return
	}
	ua.trunks.last[t.Name] = now.State
	told, owed := ua.trunks.down[t.Name], ua.trunks.owed[t.Name]
	switch now.State {
	case trunk.Down:
		ua.log.Warn("sip: a trunk is down", "trunk", t.Name, "why", now.Reason)
		ua.trunks.down[t.Name] = true
		delete(ua.trunks.owed, t.Name)
		ua.m.up.WithLabelValues(t.Name).Set(0)
	case trunk.Up:
		ua.trunks.down[t.Name] = false
		delete(ua.trunks.owed, t.Name)
		ua.m.up.WithLabelValues(t.Name).Set(1)
	case trunk.Unknown:
		ua.m.up.DeleteLabelValues(t.Name)
	}
	if now.State == trunk.Up && (told || owed) {
		ua.log.Info("sip: a trunk is up again", "trunk", t.Name)
	}
	if f := ua.cfg.TrunkUsable; f != nil {
		f(t.Name, now.State != trunk.Down)
	}
	if f := ua.cfg.TrunkChanged; f != nil && (now.State == trunk.Down && !told || now.State == trunk.Up && (told || owed)) {
		f(t.Name, now)
	}
}
