package sip

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/media"
	"zvonar/sip/trunk"
)

// patience bounds every wait of these tests; it passes only when one fails.
const patience = time.Minute

// side is one user agent of a test.
type side struct {
	ua      *UA
	inbound chan *taker                // legs that arrived and were listened to
	decide  atomic.Pointer[func(*Leg)] // runs when one arrives; nil: nothing
}

// taker collects what a leg reports.
type taker struct {
	t   *testing.T
	leg *Leg
	ch  chan calls.LegEvent
	inv calls.Invite
}

func newTaker(t *testing.T) *taker { return &taker{t: t, ch: make(chan calls.LegEvent, 64)} }

func (k *taker) on(ev calls.LegEvent) { k.ch <- ev }

// until waits for an event of kind, skipping others.
func (k *taker) until(kind calls.LegEventKind) calls.LegEvent {
	k.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case ev := <-k.ch:
			if ev.Kind == kind {
				return ev
			}
			if ev.Kind == calls.LegEnded {
				k.t.Fatalf("the leg ended (%+v) while event %d was awaited", ev.Ending, kind)
			}
		case <-deadline:
			k.t.Fatalf("no event %d within %s", kind, patience)
		}
	}
}

// end waits for LegEnded and checks that nothing follows what it says.
func (k *taker) end() calls.Ending {
	k.t.Helper()
	return k.until(calls.LegEnded).Ending
}

// newSide starts a user agent whose only trunk is peer.
func newSide(t *testing.T, listen string, configure func(*trunk.Config, *Config), peer netip.AddrPort) *side {
	t.Helper()
	tc := trunk.Config{Name: "peer", URI: "sip:" + peer.String(), Numbers: []string{"78005553535"}}
	engine, err := media.NewEngine(media.Config{IP: netip.MustParseAddr("127.0.0.1"), Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Listen: []string{listen}, Media: engine, Clock: clock.System()}
	if configure != nil {
		configure(&tc, &cfg)
	}
	if cfg.Trunks, err = trunk.NewSet([]trunk.Config{tc}); err != nil {
		t.Fatal(err)
	}
	s := &side{inbound: make(chan *taker, 10)}
	if s.ua, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	s.ua.OnInvite(func(l *Leg, inv calls.Invite) {
		k := newTaker(t)
		k.leg, k.inv = l, inv
		l.Listen(k.on)
		if f := s.decide.Load(); f != nil {
			(*f)(l)
		}
		s.inbound <- k
	})
	if err := engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.ua.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.ua.Stop(ctx); err != nil {
			t.Error(err)
		}
		if err := engine.Stop(ctx); err != nil {
			t.Error(err)
		}
		s.ua.mu.Lock()
		defer s.ua.mu.Unlock()
		if len(s.ua.legs)+len(s.ua.live) != 0 {
			t.Errorf("%d dialogs and %d legs are left", len(s.ua.legs), len(s.ua.live))
		}
		if len(s.ua.peers.m) != 0 {
			t.Errorf("addresses of dialogs are left: %v", s.ua.peers.m)
		}
	})
	return s
}

// onArrival has f run for every inbound leg.
func (s *side) onArrival(f func(*Leg)) { s.decide.Store(&f) }

// arrived waits for an inbound leg.
func (s *side) arrived(t *testing.T) *taker {
	t.Helper()
	select {
	case k := <-s.inbound:
		return k
	case <-time.After(patience):
		t.Fatal("no INVITE arrived")
		return nil
	}
}

var callSeq struct {
	sync.Mutex
	n int
}

// dial places a call.
func (s *side) dial(t *testing.T, change func(*calls.DialRequest)) *taker {
	t.Helper()
	callSeq.Lock()
	callSeq.n++
	req := calls.DialRequest{SIPCallID: fmt.Sprintf("call-%d@test", callSeq.n), Trunk: "peer", To: "79991234567",
		From: "78005553535", Role: calls.RoleCustomer, RingTimeout: time.Minute}
	callSeq.Unlock()
	if change != nil {
		change(&req)
	}
	k := newTaker(t)
	leg, err := s.ua.Dial(req, k.on)
	if err != nil {
		t.Fatal(err)
	}
	k.leg = leg
	return k
}

// relay stands between two user agents, sees every message, and decides how
// often each is passed on. It rewrites Contact so that the whole dialog passes.
type relay struct {
	left, right *net.UDPConn // facing caller and callee
	mu          sync.Mutex
	peers       [2]netip.AddrPort // the real caller and callee
	rule        func(m message) int
	seen        []message
	changed     chan struct{}
	wg          sync.WaitGroup
}

// message is one message as the relay saw it.
type message struct {
	fromLeft bool
	what     string // "INVITE", "200 INVITE", "180 INVITE"
	n        int    // how many of this kind from this side before it
	text     string
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	r := &relay{changed: make(chan struct{})}
	for _, c := range []**net.UDPConn{&r.left, &r.right} {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		*c = conn
	}
	r.wg.Go(func() { r.run(r.left, r.right, true) })
	r.wg.Go(func() { r.run(r.right, r.left, false) })
	t.Cleanup(func() {
		_ = r.left.Close()
		_ = r.right.Close()
		r.wg.Wait()
	})
	return r
}

func (r *relay) run(from, to *net.UDPConn, fromLeft bool) {
	buf := make([]byte, 65536)
	for {
		n, src, err := from.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m := message{fromLeft: fromLeft, text: string(buf[:n]), what: kindOf(buf[:n])}
		r.mu.Lock()
		if fromLeft {
			r.peers[0] = src
		}
		for _, old := range r.seen {
			if old.what == m.what && old.fromLeft == fromLeft {
				m.n++
			}
		}
		r.seen = append(r.seen, m)
		close(r.changed)
		r.changed = make(chan struct{})
		copies, dest := 1, r.peers[0]
		if fromLeft {
			dest = r.peers[1]
		}
		rule := r.rule
		r.mu.Unlock()
		if rule != nil {
			copies = rule(m)
		}
		out := rewriteContact(buf[:n], addrPort(to.LocalAddr()))
		for range copies {
			_, _ = to.WriteToUDPAddrPort(out, dest)
		}
	}
}

// wait blocks until cond holds for what was seen.
func (r *relay) wait(t *testing.T, what string, cond func([]message) bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		r.mu.Lock()
		ok, changed := cond(r.seen), r.changed
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("not seen within %s: %s; seen: %v", patience, what, r.kinds())
		}
	}
}

// count is how many messages of that kind were seen.
func count(seen []message, what string) int {
	n := 0
	for _, m := range seen {
		if m.what == what {
			n++
		}
	}
	return n
}

func (r *relay) waitFor(t *testing.T, n int, what string) {
	t.Helper()
	r.wait(t, fmt.Sprintf("%d × %s", n, what), func(seen []message) bool { return count(seen, what) >= n })
}

func (r *relay) kinds() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []string
	for _, m := range r.seen {
		arrow := "<"
		if m.fromLeft {
			arrow = ">"
		}
		list = append(list, arrow+m.what)
	}
	return list
}

func (r *relay) total(what string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return count(r.seen, what)
}

func kindOf(b []byte) string {
	line, _, _ := bytes.Cut(b, []byte("\r\n"))
	f := strings.Fields(string(line))
	if len(f) < 2 {
		return ""
	}
	if !strings.HasPrefix(f[0], "SIP/") {
		return f[0]
	}
	return f[1] + " " + cseqMethod(string(b))
}

func cseqMethod(text string) string {
	_, rest, _ := strings.Cut(text, "\r\nCSeq: ")
	value, _, _ := strings.Cut(rest, "\r\n")
	f := strings.Fields(value)
	if len(f) < 2 {
		return ""
	}
	return f[1]
}

func rewriteContact(b []byte, self netip.AddrPort) []byte {
	lines := strings.Split(string(b), "\r\n")
	for i, l := range lines {
		if l == "" {
			break
		}
		if strings.HasPrefix(l, "Contact: ") {
			lines[i] = "Contact: <sip:x@" + self.String() + ">"
		}
	}
	return []byte(strings.Join(lines, "\r\n"))
}

// pair is a caller, a relay and a callee.
func pair(t *testing.T, caller func(*trunk.Config, *Config), rule func(message) int) (*side, *relay, *side) {
	t.Helper()
	r := newRelay(t)
	r.rule = rule
	b := newSide(t, "udp://127.0.0.1:0", nil, addrPort(r.right.LocalAddr()))
	r.mu.Lock()
	r.peers[1] = b.ua.Addr("udp")
	r.mu.Unlock()
	a := newSide(t, "udp://127.0.0.1:0", caller, addrPort(r.left.LocalAddr()))
	return a, r, b
}

// addrPort is the address of a socket of a test.
func addrPort(a net.Addr) netip.AddrPort { return netip.MustParseAddrPort(a.String()) }
