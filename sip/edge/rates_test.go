package edge

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestAFloodOfPingsLeavesCallsAlone(t *testing.T) {
	t.Parallel()
	g, _, c, clk := newTestGuard()
	answered := 0
	for i := range 20000 {
		if v := g.test(trunkAddr, request("OPTIONS", fmt.Sprint(i))); v.answer != nil {
			answered++
		}
		if i%100 == 0 {
			if v := g.test(trunkAddr, request("INVITE", fmt.Sprint("c", i))); v.pass == nil {
				t.Fatalf("call %d was refused: %q", i, v.answer)
			}
			g.test(trunkAddr, "junk\r\n\r\n")
			clk.Advance(5 * time.Millisecond)
		}
	}
	if want := int(perSource[classPing].burst + perSource[classPing].rate); answered > want || c.get("drop "+DropRate) < 19000 {
		t.Errorf("%d pings in a second are answered, want at most %d", answered, want)
	}
}

func TestACallBeyondItsRateIsRefusedAndNotDropped(t *testing.T) {
	t.Parallel()
	g, _, c, _ := newTestGuard()
	refused := 0
	for i := range 6000 {
		switch v := g.test(trunkAddr, request("INVITE", fmt.Sprint(i))); {
		case v.code() == "503":
			refused++
		case v.pass == nil:
			t.Fatalf("INVITE %d is dropped", i)
		}
	}
	if refused != 1000 || c.get("refuse rate") != 1000 {
		t.Errorf("%d refused, %d counted", refused, c.get("refuse rate"))
	}
}

func TestOneAckIsNotLetThroughForEver(t *testing.T) {
	t.Parallel()
	g, _, _, clk := newTestGuard()
	text := request("ACK", "3", "192.0.2.2>\r\nCall", "192.0.2.2>;tag=ours\r\nCall")
	n := 0
	for range 1000 {
		if g.test(trunkAddr, text).pass != nil {
			n++
		}
	}
	if n != maxRepeats {
		t.Errorf("%d copies passed, want %d", n, maxRepeats)
	}
	clk.Advance(2 * repeatsPeriod * time.Second)
	if g.test(trunkAddr, text).pass == nil {
		t.Error("a later copy is dropped")
	}
}

func TestSourcesBeyondTheTableShareABucket(t *testing.T) {
	t.Parallel()
	var l limiter
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	for i := range 3 * maxSources {
		l.allow(addr(i), classReply, now)
	}
	if len(l.m) > maxSources {
		t.Errorf("%d sources are remembered", len(l.m))
	}
	now = now.Add(2 * idle)
	l.allow(addr(1<<20), classReply, now)
	if len(l.m) != 1 {
		t.Errorf("%d sources are remembered after a pause", len(l.m))
	}
	a, b := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::ffff:2")
	if l.of(a, now) != l.of(b, now) {
		t.Error("one network of IPv6 has several buckets")
	}
}
