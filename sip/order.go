package sip

import (
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/clock"
)

// arrive sees each message on the goroutine that read it, so in the order in
// which they came; sipgo starts a goroutine for each afterwards, and those run in
// any order. What needs no transaction of sipgo's goes to its leg from here: ACK,
// and 1xx and 2xx to our INVITEs. A final response from 300 on comes by its
// transaction, which has to send its ACK first. A request within a dialog takes
// its turn here and is served with its transaction, when sipgo has made it.
func (ua *UA) arrive(msg sipmsg.Message) {
	ua.work.Guard(func() {
		switch m := msg.(type) {
		case *sipmsg.Response:
			ua.arrivedResponse(m)
		case *sipmsg.Request:
			ua.arrivedRequest(m)
		}
	})
}

func (ua *UA) arrivedResponse(res *sipmsg.Response) {
	cseq, from, id := res.CSeq(), res.From(), res.CallID()
	if cseq == nil || from == nil || id == nil || cseq.MethodName != sipmsg.INVITE || res.StatusCode < 100 || res.StatusCode >= 300 {
		return
	}
	if l := ua.find(id.Value(), tagOf(from)); l != nil {
		l.do(func() { l.responded(res) })
	}
}

func (ua *UA) arrivedRequest(req *sipmsg.Request) {
	tag, id := tagOf(req.To()), req.CallID()
	if tag == "" || id == nil || req.Via() == nil || req.Method == sipmsg.CANCEL {
		return
	}
	l := ua.find(id.Value(), tag)
	switch {
	case l == nil:
	case req.Method == sipmsg.ACK:
		l.do(func() {
			if l.fromPeer(req) {
				l.acked(req)
			}
		})
	default:
		key := keyOf(req)
		if ua.load.alive(key) {
			return
		}
		if _, answered := ua.load.answers.get(key); !answered { // a repetition gets no turn
			l.turns.expect(key)
		}
	}
}

// responded takes a 1xx or 2xx to an INVITE of ours, the first one or a later one.
func (l *Leg) responded(res *sipmsg.Response) {
	switch branch := branchOf(res.Via()); {
	case l.uac.invite != nil && branch == branchOf(l.uac.invite.Via()) && !l.uac.answered:
		l.uac.answered = res.IsSuccess()
		l.replied(res, nil)
	case l.mod.tx != nil && branch == branchOf(l.mod.req.Via()):
		if res.IsSuccess() {
			l.modifyReplied(res, nil)
		}
	case res.IsSuccess():
		l.repeated(res)
	}
}

func branchOf(via *sipmsg.ViaHeader) string {
	if via == nil {
		return ""
	}
	branch, _ := via.Params.Get("branch")
	return branch
}

// turns are the requests of a dialog that arrived and have no transaction yet,
// and those that wait behind one of them. Any goroutine.
type turns struct {
	clock clock.Clock

	mu      sync.Mutex
	waiting []turn
	timer   clock.Timer // nil: nobody waits for the first one
}

type turn struct {
	key  string
	post func() // queues it; nil: sipgo has not handed it over
}

// The limits of turns. What sipgo lets vanish (it could not make a transaction)
// holds up nobody for longer than turnPatience. Over UDP it comes again after 500 ms
// and 1.5 s (RFC 3261 17.1.2.2) and then takes its turn, so the patience is longer
// than that, and than goroutines of a loaded machine wait for a processor: what gives
// up earlier lets a BYE overtake the digits before it.
const (
	maxTurns     = 256
	turnPatience = 2 * time.Second
)

// expect notes that a request arrived. Copies of one are one.
func (t *turns) expect(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.waiting {
		if w.key == key {
			return
		}
	}
	if len(t.waiting) < maxTurns {
		t.waiting = append(t.waiting, turn{key: key})
	}
}

// take hands a request over: post is called once whatever arrived before it was
// queued. It must only queue.
func (t *turns) take(key string, post func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.waiting {
		if w := &t.waiting[i]; w.key == key && w.post == nil {
			w.post = post
			t.advance()
			return
		}
	}
	post() // it was not noted, or is late
}

// advance queues what stands in front and is complete.
func (t *turns) advance() {
	for len(t.waiting) > 0 && t.waiting[0].post != nil {
		t.waiting[0].post()
		t.waiting = t.waiting[1:]
	}
	switch {
	case len(t.waiting) == 0:
		t.waiting = nil
		if t.timer != nil {
			t.timer.Stop()
			t.timer = nil
		}
	case t.timer == nil:
		t.timer = t.clock.AfterFunc(turnPatience, t.overdue)
	}
}

// overdue gives up on what stands in front without a transaction.
func (t *turns) overdue() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer = nil
	for len(t.waiting) > 0 && t.waiting[0].post == nil {
		t.waiting = t.waiting[1:]
	}
	t.advance()
}
