package sip

import (
	"strconv"
	"strings"
	"sync"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/sip/edge"
)

// The limits beyond which an INVITE is refused with 503 (docs/decisions/017).
const (
	// maxTransactions bounds the server transactions: each is kept for 32 s after
	// its last response, with some 4 KiB.
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
	txs     map[string]struct{} // keys of the server transactions that live
	waiting int

	pending func(trunk string) (ofTrunk, all int)
	legs    func() int
}

func newLoad(pending func(string) (int, int), legs func() int) *load {
	return &load{txs: map[string]struct{}{}, pending: pending, legs: legs}
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
	l.txs[key] = struct{}{}
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

func (l *load) transactions() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.txs)
}

// wait counts an INVITE until a leg has looked at it.
func (l *load) wait(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting += n
}

// busy says which limit a further call of trunk would pass, "" for none.
func (l *load) busy(trunk string) string {
	legs := l.legs()
	ofTrunk, pending := l.pending(trunk)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.waiting >= maxWaiting:
		return "overload"
	case len(l.txs) >= maxTransactions:
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
