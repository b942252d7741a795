package engine

import (
	"errors"
	"slices"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
)

// q850Elsewhere is "non-selected user clearing": another telephone took the call.
const q850Elsewhere = 26

// errNotHeld: this node may no longer run the call.
var errNotHeld = errors.New("this node may no longer run the call")

// hunt is the search for a manager: rounds of telephones, one round after the
// other. Those of a round ring at once; the first that answers is the manager, the
// others are cancelled. Every telephone is an attempt of its own, committed before
// it rings, and none is rung twice.
type hunt struct {
	rounds  [][]telephone
	rung    map[telephone]bool // by telephone.key
	ringing []*party

	begin  func(*party) // before a telephone rings; nil party: several do
	wanted func() bool  // false: nobody is to ring any more
	// fail is told that nobody was reached and why; broken that the store did not
	// take the attempts, or errNotHeld.
	fail   func(why string)
	broken func(error)

	// check refuses a telephone in the unit that commits its attempt; nil: none is.
	check    func(tx calls.ReadTx, to string) error
	replaces calls.Dialog // whose place is taken there

	why string
}

// rings reports whether p is one of several whose answer is awaited.
func (h *hunt) rings(p *party) bool { return h != nil && slices.Contains(h.ringing, p) }

// startHunt looks a target up and rings the first round.
func (s *session) startHunt(value string, h *hunt) {
	h.rung = map[telephone]bool{}
	s.lookUp(value, func(rounds [][]telephone, err error) {
		if !h.wanted() {
			return
		}
		h.rounds, h.why = rounds, nobodyThere(err)
		s.nextRound(h)
	})
}

// nextRound rings the next telephones; where there are none left, nobody was reached.
func (s *session) nextRound(h *hunt) {
	for len(h.rounds) > 0 {
		round := h.rounds[0]
		h.rounds = h.rounds[1:]
		if s.ringRound(h, round) {
			return
		}
	}
	s.hunting = nil
	h.fail(h.why)
}

// ringRound commits an attempt for each telephone and rings them; false where none
// of them can be rung.
func (s *session) ringRound(h *hunt, round []telephone) bool {
	var parties []*party
	var rows []calls.Attempt
	var events []calls.Event
	for _, t := range round {
		if h.rung[t.key()] || t.employee != "" && t.to == s.other() {
			continue
		}
		p, why := s.telephoneParty(h, &ways{telephone: t})
		if p == nil {
			h.why = why
			continue
		}
		parties, rows = append(parties, p), append(rows, *p.attempt)
		events = append(events, s.bridgingEvent(p, ""))
	}
	if len(parties) == 0 {
		return false
	}
	s.hunting, h.ringing = h, parties
	only := parties[0]
	if len(parties) > 1 {
		only = nil
	}
	h.begin(only)
	s.commit(h.insert(rows), func(err error) { s.roundCommitted(h, parties, err) }, events...)
	return true
}

// insert is the unit of work that commits attempts, where none of them is refused.
func (h *hunt) insert(rows []calls.Attempt) func(calls.Tx) error {
	return func(tx calls.Tx) error {
		for i := range rows {
			if h.check != nil {
				if err := h.check(tx, rows[i].To); err != nil {
					return err
				}
			}
			if err := tx.InsertAttempt(&rows[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

// roundCommitted dials what was committed.
func (s *session) roundCommitted(h *hunt, parties []*party, err error) {
	for _, p := range parties {
		if err != nil {
			s.forgetAttempt(p)
		}
	}
	if err == nil {
		failpoint.Hit(failpoint.ManagerStored)
	}
	wanted := h.wanted() && s.hunting == h
	if wanted && err == nil && !s.held() {
		err = errNotHeld
	}
	if !wanted || err != nil {
		for _, p := range parties {
			s.notDialled(p)
		}
		if wanted {
			s.hunting = nil
			h.broken(err)
		}
		return
	}
	for _, p := range parties {
		if h.rings(p) { // an earlier one may have ended it all
			s.dialManager(p, h.replaces)
		} else {
			s.notDialled(p)
		}
	}
}

// huntEvent handles what one of several ringing telephones tells; false where it
// is for the tables: it is the only one, or it has won.
func (s *session) huntEvent(p *party, ev calls.LegEvent) bool {
	h := s.hunting
	if !h.rings(p) {
		return false
	}
	several := p != s.manager && (s.transfer == nil || p != s.transfer.party)
	switch ev.Kind {
	case calls.LegRinging:
		if several {
			p.attempt.SIPCode = ev.Code
			s.tellAsker(ev.Code)
		}
	case calls.LegAnswered:
		s.won(h, p)
		return false
	case calls.LegEnded:
		if s.movesOn(h, p, ev) {
			return true
		}
		h.ringing = slices.DeleteFunc(h.ringing, func(q *party) bool { return q == p })
		if several {
			h.why = managerWords(ev.Ending)
			if len(h.ringing) == 0 {
				s.nextRound(h)
			}
		}
	}
	return several
}

// won makes p the manager who answered; the others need not ring any more.
func (s *session) won(h *hunt, p *party) {
	for _, q := range h.ringing {
		if q != p {
			q.hangUp(q850Elsewhere)
		}
	}
	h.ringing = nil
	if s.transfer != nil && s.phase == bridged {
		s.transfer.party = p
		return
	}
	s.manager = p
}

// goOn rings the next round after the manager who was rung is no use; false where
// there is none, or nobody is hunted for.
func (s *session) goOn(why string) bool {
	h := s.hunting
	if h == nil {
		return false
	}
	h.why = why
	if len(h.rounds) == 0 {
		s.hunting = nil
		return false
	}
	s.nextRound(h)
	return true
}

// ringTime is how long a manager's telephone rings.
func (s *session) ringTime(p *party) time.Duration {
	if p.ways != nil && p.ways.ring > 0 {
		return p.ways.ring
	}
	return time.Duration(s.call.Flow.Manager.RingTimeout)
}
