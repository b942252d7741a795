package edge

import (
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zvonar/internal/clock"
)

// listenUDP opens a UDP listener behind the edge; what sipgo would get comes out
// of got.
func listenUDP(t *testing.T) (u *UDP, got chan string, readers *atomic.Int32, count *fakeCount) {
	t.Helper()
	_, h, c, _ := newTestGuard()
	got, readers = make(chan string, 100000), &atomic.Int32{}
	running := make(chan struct{}, 1000)
	var err error
	u, err = OpenUDP(t.Context(), NewGuard(h, c, clock.System()), loopback, func(pc net.PacketConn) {
		readers.Add(1)
		go func() {
			defer func() { running <- struct{}{} }()
			b := make([]byte, MaxMessage+1024)
			for {
				n, _, err := pc.ReadFrom(b)
				if err != nil {
					return
				}
				got <- string(b[:n])
			}
		}()
	})
	if err != nil {
		t.Fatal(err)
	}
	u.Start()
	t.Cleanup(func() {
		_ = u.Close()
		for range readers.Load() {
			<-running
		}
	})
	return u, got, readers, c
}

func peerUDP(t *testing.T, u *UDP) net.Conn {
	t.Helper()
	c, err := net.Dial("udp", u.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// comes sends text until it comes through. What was sent so before may come late.
func comes(t *testing.T, c net.Conn, got chan string, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		_, _ = c.Write([]byte(text))
		select {
		case m := <-got:
			if m == text {
				return
			}
			if !strings.HasPrefix(m, "BYE ") {
				t.Fatalf("got %q", m)
			}
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatal("nothing comes through")
}

func TestASocketIsOpenedAnewUnderneathItsReader(t *testing.T) {
	t.Parallel()
	u, got, readers, _ := listenUDP(t)
	c := peerUDP(t, u)
	comes(t, c, got, bye(1))
	if err := u.Reopen(); err != nil {
		t.Fatal(err)
	}
	comes(t, c, got, bye(2))
	_ = u.sock.Load().Close() // broken from outside
	comes(t, c, got, bye(3))
	if readers.Load() != 1 || u.Err() != nil {
		t.Errorf("%d readers, %v", readers.Load(), u.Err())
	}
}

func TestALargeDatagramIsRefused(t *testing.T) {
	t.Parallel()
	u, _, _, _ := listenUDP(t)
	c := peerUDP(t, u)
	_, _ = c.Write([]byte(request("BYE", "1", "Contact:", "X: "+strings.Repeat("y", 9000)+"\r\nContact:")))
	b := make([]byte, 65536)
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if n, err := c.Read(b); err != nil || !strings.HasPrefix(string(b[:n]), "SIP/2.0 513 ") {
		t.Errorf("answered %q, %v", b[:n], err)
	}
}

// TestSourcesAreForgotten: sipgo remembers each source port until its reader
// ends, so readers take turns.
func TestSourcesAreForgotten(t *testing.T) { // alone: it looks at the heap
	u, got, readers, _ := listenUDP(t)
	r := &reader{udp: u, sources: map[netip.AddrPort]struct{}{}}
	before := heap()
	for i := range 99000 {
		r.met(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, byte(i >> 16), byte(i >> 8)}), uint16(i)))
		if r.done {
			r = &reader{udp: u, sources: map[netip.AddrPort]struct{}{}}
		}
	}
	if want := int32(1 + 99000/maxReaderSources); readers.Load() != want {
		t.Errorf("%d readers, want %d", readers.Load(), want)
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("%d KiB are kept", grown>>10)
	}
	comes(t, peerUDP(t, u), got, bye(1))
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestBuffersAreReadBack(t *testing.T) {
	t.Parallel()
	u, _, _, _ := listenUDP(t)
	b := u.Buffers()
	if b.Receive <= 0 || b.Send <= 0 {
		t.Fatalf("read back %+v", b)
	}
	for b, want := range map[Buffers]string{
		{wantedBuffer, wantedBuffer}: "", {1, wantedBuffer}: "net.core.rmem_max", {wantedBuffer, 1}: "net.core.wmem_max",
		{1, 1}: "net.core.rmem_max and net.core.wmem_max",
	} {
		if got := b.Small(); got != want {
			t.Errorf("%+v: %q", b, got)
		}
	}
}

func BenchmarkJunkFromAStranger(b *testing.B) {
	g, _, _, _ := newTestGuard()
	m := message{from: netip.MustParseAddrPort("198.51.100.1:1"), data: []byte("junk")}
	var s sketch
	b.ReportAllocs()
	for b.Loop() {
		g.judge(m, &s)
	}
}

func BenchmarkPing(b *testing.B) {
	g, _, _, _ := newTestGuard()
	g.clock = clock.System()
	m := message{from: trunkAddr, stream: true, data: []byte(request("OPTIONS", "1"))}
	var s sketch
	b.ReportAllocs()
	for b.Loop() {
		g.judge(m, &s)
	}
}

func BenchmarkInvite(b *testing.B) {
	g, _, _, _ := newTestGuard()
	m := message{from: trunkAddr, stream: true, data: []byte(request("INVITE", "1"))}
	var s sketch
	b.ReportAllocs()
	for b.Loop() {
		if g.judge(m, &s).pass == nil {
			b.Fatal("refused")
		}
	}
}
