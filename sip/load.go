package sip

import (
	"strconv"
	"strings"
	"sync"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/clock"
	"zvonar/sip/edge"
)

// The limits beyond which an INVITE is refused with 503 (docs/decisions/017).
const (
	// maxTransactions bounds the server transactions: those of INVITEs have some
	// 8 KiB, what is left of others half a KiB for 32 s after the response.
	maxTransactions = 150000
	// maxWaiting bounds the INVITEs that sipgo was given and that no leg has looked
	// at yet: they grow in number when there is no processor time for them.
	maxWaiting = 400
	// maxPendingTrunk and maxPending bound the inbound calls without a final
	// response, of a trunk and of all.
	maxPendingTrunk = 2000
	maxPending      = 5000
)

// load counts the work that the network has given us, and says when it is too
// much.
type load struct {
	mu      sync.Mutex
	txs     map[string]*serverTx // the server transactions that live
	waiting int

	pending func(trunk string) (ofTrunk, all int)
	legs    func() int
	// answers are what repetitions of requests get whose transactions have ended.
	answers *recent[[]byte]
}

// serverTx is a transaction of sipgo's.
type serverTx struct {
	tx     *sipmsg.ServerTx
	heeded bool // somebody takes its ACKs
	said   bool // a response was sent
}

func newLoad(clk clock.Clock, pending func(string) (int, int), legs func() int) *load {
	return &load{txs: map[string]*serverTx{}, pending: pending, legs: legs, answers: newRecent[[]byte](clk)}
}

// keyOf is the edge's name of a request's transaction.
func keyOf(req *sipmsg.Request) string {
	via := req.Via()
	branch, _ := via.Params.Get("branch")
	var callID, seq string
	if h := req.CallID(); h != nil {
		callID = h.Value()
	}
	if h := req.CSeq(); h != nil {
		seq = strconv.FormatUint(uint64(h.SeqNo), 10)
	}
	return edge.Key(string(req.Method), branch, strings.Trim(via.Host, "[]"), via.Port, callID, tagOf(req.From()), seq)
}

func (l *load) alive(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.txs[key]
	return ok
}

// begin counts a transaction until it ends.
func (l *load) begin(key string, tx *sipmsg.ServerTx) {
	l.mu.Lock()
	l.txs[key] = &serverTx{tx: tx}
	l.mu.Unlock()
	end := func(string, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.txs, key)
	}
	if !tx.OnTerminate(end) {
		end("", nil)
	}
}

// heed gives the transaction that an ACK is for, the first time it is asked for;
// alive tells whether there is one.
func (l *load) heed(key string) (first *sipmsg.ServerTx, alive bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.txs[key]
	if t == nil {
		return nil, false
	}
	if !t.heeded {
		t.heeded, first = true, t.tx
	}
	return first, true
}

// speak notes that a transaction has sent something.
func (l *load) speak(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.txs[key]; t != nil {
		t.said = true
	}
}

// silent reports whether a transaction lives that has sent nothing yet.
func (l *load) silent(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.txs[key]
	return t != nil && !t.said
}

// transactions counts those that can still be repeated, too.
func (l *load) transactions() int {
	l.mu.Lock()
	n := len(l.txs)
	l.mu.Unlock()
	return n + l.answers.len()
}

// wait counts an INVITE until a leg has looked at it.
func (l *load) wait(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting += n
}

// busy says which limit a further call of trunk would pass, "" for none.
func (l *load) busy(trunk string) string {
	legs, txs := l.legs(), l.transactions()
	ofTrunk, pending := l.pending(trunk)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.waiting >= maxWaiting:
		return "overload"
	case txs >= maxTransactions:
		return "transactions"
	case ofTrunk >= maxPendingTrunk:
		return "pending_of_trunk"
	case pending >= maxPending:
		return "pending"
	case legs >= maxLegs:
		return "legs"
	}
	return ""
}
