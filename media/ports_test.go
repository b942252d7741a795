package media

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func TestPortsAreGivenOutLongestIdleFirstAfterAQuarantine(t *testing.T) {
	t.Parallel()
	r := newPortRange(20001, 20009) // 20002 to 20008
	seen := map[int]bool{}
	var first int
	for i := range 4 {
		p, ok := r.take(0)
		if !ok || p%2 != 0 || p < 20002 || p > 20008 || seen[p] {
			t.Fatalf("port %d: %d %v", i, p, ok)
		}
		if seen[p] = true; i == 0 {
			first = p
		}
	}
	if _, ok := r.take(0); ok {
		t.Fatal("a fifth port")
	}
	r.release(first, true, time.Second)
	r.release(first, true, time.Second) // twice does not double it
	if _, ok := r.take(2 * time.Second); ok {
		t.Error("out of quarantine too early")
	}
	if p, ok := r.take(3 * time.Second); !ok || p != first {
		t.Errorf("after the quarantine: %d %v", p, ok)
	}
	if _, ok := r.take(time.Hour); ok {
		t.Error("a port was released twice")
	}
	r.release(20004, false, time.Hour) // never heard anything
	if p, ok := r.take(time.Hour); !ok || p != 20004 {
		t.Errorf("an unused port rests: %d %v", p, ok)
	}
	r.release(30000, true, 0) // not of this range
	for range 1000 {          // longer than any slice may grow
		r.release(20004, true, 0)
		if p, ok := r.take(time.Hour); !ok || p != 20004 {
			t.Fatalf("%d %v", p, ok)
		}
	}
	if cap(r.idle.items) > 512 || cap(r.resting.items) > 512 {
		t.Error("the queues grow without end")
	}
}

func TestUsedUpPortsAreAnOverload(t *testing.T) {
	t.Parallel()
	e, err := NewEngine(Config{IP: netip.MustParseAddr("127.0.0.1"), PortMin: 20000, PortMax: 20003,
		listen: func(a netip.AddrPort) (socket, error) { return &memorySocket{local: a}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Open(nil); calls.CodeOf(err) != calls.CodeOverloaded {
		t.Errorf("before the start: %v", err)
	}
	startEngine(t, e)
	for i := range 2 {
		if _, err := e.Open(nil); err != nil {
			t.Fatalf("port %d: %v", i, err)
		}
	}
	if _, err := e.Open(nil); calls.CodeOf(err) != calls.CodeOverloaded {
		t.Errorf("the third of two ports: %v", err)
	}
}

func TestPortsTakenByOthersAreSkipped(t *testing.T) {
	t.Parallel()
	tries := 0
	e, err := NewEngine(Config{IP: netip.MustParseAddr("127.0.0.1"), PortMin: 20000, PortMax: 20009,
		listen: func(a netip.AddrPort) (socket, error) {
			if tries++; a.Port()%2 == 0 && tries < 4 {
				return nil, fmt.Errorf("bind %s: in use", a)
			}
			return &memorySocket{local: a}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	startEngine(t, e)
	if _, err := e.Open(nil); err != nil {
		t.Error(err)
	}
}
