package engine

import (
	"net/netip"
	"slices"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
)

// A manager's telephone may be reached by several addresses of its trunk, and a
// number by several trunks. Where one is at fault and nobody can have been rung
// (calls.MayRetry) the next one is an attempt of its own, as with a customer.

// ways are what one telephone was tried by so far; telephone.trunk is the trunk of
// the present attempt. The parties of its attempts share them.
type ways struct {
	telephone
	addrs  []netip.AddrPort // that failed, of the present trunk
	trunks []string         // that failed, or were full
	moves  int
}

// telephoneParty makes the attempt of a telephone, for the caller to commit, or says
// why it cannot ring. A number goes by another trunk where its own has no channel.
func (s *session) telephoneParty(h *hunt, w *ways) (*party, string) {
	if len(s.call.Attempts) >= maxAttempts {
		return nil, "managers were rung too often in this call"
	}
	var slot Slot
	for why := ""; slot == nil; {
		found, gate, ok := s.e.cfg.Limits.Acquire(w.trunk)
		if ok {
			slot = found
			break
		}
		if why == "" {
			why = "no free channel on trunk " + w.trunk + " (" + string(gate) + ")"
		}
		if !s.nextTrunk(h, w) {
			return nil, why
		}
	}
	attempt, err := s.newAttempt(calls.RoleManager, w.trunk, w.to)
	if err != nil {
		slot.Release()
		return nil, err.Error()
	}
	h.rung[w.key()] = true
	p := s.addParty(calls.RoleManager, slot)
	p.attempt, p.employee, p.ways = attempt, w.employee, w
	return p, ""
}

// nextTrunk turns to a trunk that was not tried for the telephone; false where there
// is none, or the call was asked for by this one.
func (s *session) nextTrunk(h *hunt, w *ways) bool {
	if !w.any || s.wish.trunk != "" {
		return false
	}
	w.trunks, w.addrs = append(w.trunks, w.trunk), nil
	for _, t := range s.e.trunks() {
		if t.Name == calls.SoftphoneTrunk || len(t.Numbers) == 0 || !t.carries(s.call.Account) ||
			slices.Contains(w.trunks, t.Name) || h.rung[telephone{to: w.to, trunk: t.Name}] {
			continue
		}
		w.trunk = t.Name
		return true
	}
	return false
}

// movesOn has a telephone whose way is at fault rung by the next one, and reports
// whether it does. Whoever waits for it hears nothing of that.
func (s *session) movesOn(h *hunt, p *party, ev calls.LegEvent) bool {
	w := p.ways
	if w == nil || !calls.MayRetry(ev.Ending) || !h.wanted() || w.moves >= maxRedirects {
		return false
	}
	w.moves++
	if ev.Target.IsValid() {
		w.addrs = append(w.addrs, ev.Target)
	}
	var via calls.Redirect
	for _, r := range ev.Redirects {
		if r.Failover && !slices.Contains(w.addrs, r.Via) {
			via = r
			break
		}
	}
	if !via.Failover && !s.nextTrunk(h, w) {
		return false
	}
	s.goBy(h, p, via, ev, s.now().Add(redirectPatience))
	return true
}

// goBy rings the telephone of p by its next way, once there is a channel; where there
// is none until then, it was not reached, as ev tells.
func (s *session) goBy(h *hunt, p *party, via calls.Redirect, ev calls.LegEvent, until time.Time) {
	w, before := p.ways, p.ways.trunk
	next, why := s.telephoneParty(h, w)
	switch {
	case next != nil:
	case s.now().Before(until) && len(s.call.Attempts) < maxAttempts:
		s.after(timerKey("way "+p.attempt.ID), redirectPause, func() {
			if s.hunting == h && h.rings(p) && h.wanted() {
				s.goBy(h, p, via, ev, until)
			}
		})
		return
	default:
		s.log.Info("the manager is not tried another way: "+why, "to", calls.Mask(w.to))
		w.moves = maxRedirects
		s.route(p, ev)
		return
	}
	if w.trunk == before {
		next.via = via
	}
	s.log.Warn("the manager could not be reached this way; another one is tried", "trunk", p.attempt.Trunk, "target", ev.Target, "next", w.trunk, "via", next.via.Via)
	s.takesPlace(h, p, next)
	s.commit(h.insert([]calls.Attempt{*next.attempt}), func(err error) { s.wayCommitted(h, next, err) }, s.bridgingEvent(next, w.trunk))
}

// wayCommitted dials, if the attempt is durable and still wanted. Others may ring
// meanwhile, so that it is not ends nothing but this try.
func (s *session) wayCommitted(h *hunt, p *party, err error) {
	if err != nil {
		s.forgetAttempt(p)
	} else {
		failpoint.Hit(failpoint.ManagerStored)
	}
	switch {
	case s.hunting != h || !h.rings(p) || !h.wanted():
		s.notDialled(p)
	case err == nil && s.held():
		s.dialManager(p, h.replaces)
	default:
		s.legEvent(p, calls.LegEvent{Kind: calls.LegEnded, At: s.now(), Ending: calls.Ending{By: calls.ByZvonar}})
	}
}

// takesPlace has next stand where p stood.
func (s *session) takesPlace(h *hunt, p, next *party) {
	h.ringing[slices.Index(h.ringing, p)] = next
	if s.manager == p {
		s.manager = next
	}
	if t := s.transfer; t != nil && t.party == p {
		t.party = next
	}
}

// bridgingEvent tells that a manager is about to be rung; trunk is named where it is
// not the first that was thought of.
func (s *session) bridgingEvent(p *party, trunk string) calls.Event {
	return s.event(calls.CallBridging, bridgingData{Leg: calls.RoleManager, To: p.attempt.To, Attempt: p.attempt.ID, Employee: p.employee, Trunk: trunk})
}
