package sip

import "sync"

// nonces remembers what each trunk asked last, so that further requests to it
// bring their answer at once, with the next nonce count. It is safe for
// concurrent use.
type nonces struct {
	mu sync.Mutex
	m  map[string]*trunkNonce // by trunk
}

type trunkNonce struct {
	challenges []challenge
	// onceOnly counts, in a row, the nonces that were refused at their first
	// further use: such a trunk wants a new one for each request.
	onceOnly int
}

// maxOnceOnly is when we no longer try.
const maxOnceOnly = 3

func newNonces() *nonces { return &nonces{m: map[string]*trunkNonce{}} }

// keep remembers answered challenges.
func (n *nonces) keep(trunk string, list []*challenge) {
	n.mu.Lock()
	defer n.mu.Unlock()
	t := n.m[trunk]
	if t == nil {
		t = &trunkNonce{}
		n.m[trunk] = t
	}
	t.challenges = t.challenges[:0]
	for _, c := range list {
		t.challenges = append(t.challenges, *c)
	}
}

// reuse gives copies of what to answer in a further request to trunk.
func (n *nonces) reuse(trunk string) []*challenge {
	n.mu.Lock()
	defer n.mu.Unlock()
	t := n.m[trunk]
	if t == nil || t.onceOnly >= maxOnceOnly {
		return nil
	}
	var list []*challenge
	for i := range t.challenges {
		t.challenges[i].uses++
		c := t.challenges[i]
		list = append(list, &c)
	}
	return list
}

// refused notes that the trunk asked anew in spite of these answers.
func (n *nonces) refused(trunk string, list []*challenge) {
	n.mu.Lock()
	defer n.mu.Unlock()
	t := n.m[trunk]
	if t == nil {
		return
	}
	t.challenges = nil
	if list[0].uses == 2 {
		t.onceOnly++
		return
	}
	t.onceOnly = 0
}
