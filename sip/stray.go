package sip

import (
	"sync"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/clock"
	"zvonar/sip/trunk"
)

// strays remembers what late responses need: INVITEs that we gave up on, and
// answers that were hung up already.
type strays struct {
	mu        sync.Mutex
	abandoned map[string]*sipmsg.Request // by branch
	dismissed map[string]*sipmsg.Request // the first ACK, by Call-ID and To tag
}

// maxStrays bounds each kind.
const maxStrays = 4096

func newStrays() *strays {
	return &strays{abandoned: map[string]*sipmsg.Request{}, dismissed: map[string]*sipmsg.Request{}}
}

// abandon keeps an INVITE that timed out, so that a provisional response which
// comes after all gets a CANCEL: nobody may be rung by a call that is over.
func (s *strays) abandon(c clock.Clock, invite *sipmsg.Request) {
	branch, _ := invite.Via().Params.Get("branch")
	s.keep(c, s.abandoned, branch, invite)
}

// keep files req for as long as copies may come. It reports false where there is
// one already; beyond maxStrays nothing is kept.
func (s *strays) keep(c clock.Clock, m map[string]*sipmsg.Request, key string, req *sipmsg.Request) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m[key] != nil {
		return false
	}
	if len(m) >= maxStrays {
		return true
	}
	m[key] = req
	c.AfterFunc(afterT1s(64), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(m, key)
	})
	return true
}

// take removes an abandoned INVITE.
func (s *strays) take(branch string) *sipmsg.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	req := s.abandoned[branch]
	delete(s.abandoned, branch)
	return req
}

// stray takes a response that fits no transaction (RFC 3261 13.2.2.4): a late
// provisional one of an abandoned INVITE gets CANCEL, a 2xx gets ACK, and BYE if
// no leg stands behind it.
func (ua *UA) stray(res *sipmsg.Response) {
	ua.m.response(res, in)
	cseq, via, from, to, id := res.CSeq(), res.Via(), res.From(), res.To(), res.CallID()
	if cseq == nil || via == nil || from == nil || to == nil || id == nil || cseq.MethodName != sipmsg.INVITE {
		return
	}
	branch, _ := via.Params.Get("branch")
	switch {
	case res.StatusCode > 100 && res.IsProvisional():
		if invite := ua.strays.take(branch); invite != nil {
			ua.sendCancel(invite, nil)
		}
	case res.IsSuccess():
		if ua.find(id.Value(), tagOf(from)) == nil { // else its leg has it; see arrive
			ua.dismiss(res, nil)
		}
	}
}

// dismiss acknowledges a 2xx that no leg wants and hangs its dialog up, once;
// repetitions get the ACK again. t is the trunk it came from, nil if unknown.
func (ua *UA) dismiss(res *sipmsg.Response, t *trunk.Trunk) {
	from, to, id, cseq := res.From(), res.To(), res.CallID(), res.CSeq()
	if from == nil || to == nil || id == nil || cseq == nil || res.Contact() == nil || tagOf(to) == "" {
		return
	}
	d := &dialog{callID: id.Value(), transport: res.Transport(), nextHop: res.Source(), localSeq: cseq.SeqNo + maxAuth,
		local:  party{name: from.DisplayName, uri: from.Address, tag: tagOf(from)},
		remote: party{uri: to.Address}}
	d.confirm(res)
	ack := d.request(sipmsg.ACK, cseq.SeqNo)
	if ua.stamp(ack) != nil {
		return
	}
	first := ua.strays.keep(ua.clock, ua.strays.dismissed, id.Value()+"\x00"+tagOf(to), ack)
	if err := ua.write(ack); err != nil {
		ua.log.Warn("sip: the ACK for a late answer could not be sent", "error", err)
	}
	if !first {
		return
	}
	ua.ask(d, sipmsg.BYE, ua.credentialsOf(t), nil, func(*sipmsg.Response, error) {})
}
