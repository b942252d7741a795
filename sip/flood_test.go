package sip

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/sip/trunk"
)

// flood is something that a network does to us. run goes on until stop and says
// how much it sent.
type flood struct {
	name string
	run  func(f *flooded, stop <-chan struct{}) int
}

// flooded is the user agent under test, a trunk that calls it meanwhile, and how
// strong the floods are.
type flooded struct {
	t       *testing.T
	a, b    *side
	p       *rawPeer
	rate    int // messages a second
	streams int // connections
}

var floods = []flood{
	{"nothing but the calls", func(_ *flooded, stop <-chan struct{}) int { <-stop; return 1 }}, // what the others are compared with
	{"junk of a stranger", datagrams("127.0.0.99", func(f *flooded, i int) string { return junk })},
	{"junk of the trunk", datagrams("127.0.0.1", func(f *flooded, i int) string { return junk })},
	{"OPTIONS of a stranger", datagrams("127.0.0.99", ping)},
	{"OPTIONS of the trunk", datagrams("127.0.0.1", ping)},
	{"BYE to nobody, of the trunk", datagrams("127.0.0.1", func(f *flooded, i int) string {
		return f.p.request("BYE", fmt.Sprint("fb", i), fmt.Sprint("fb", i), "nobody", "", 1)
	})},
	{"one BYE from 60,000 ports", manyPorts},
	{"slow connections", slowConnections},
	{"a peer that never reads", neverReads},
}

var junk = "INVITE " + strings.Repeat("\x00\x01", 150)

func ping(f *flooded, i int) string {
	return f.p.request("OPTIONS", fmt.Sprint("fo", i), fmt.Sprint("fo", i), "", "", 1)
}

// pace runs send so many times a second until stop.
func pace(rate int, stop <-chan struct{}, send func(i int)) (n int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	begun := time.Now()
	for {
		select {
		case <-stop:
			return n
		case <-tick.C:
		}
		for due := int(time.Since(begun).Seconds() * float64(rate)); n < due; n++ {
			send(n)
		}
	}
}

func datagrams(from string, text func(f *flooded, i int) string) func(*flooded, <-chan struct{}) int {
	return func(f *flooded, stop <-chan struct{}) int {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(from)})
		if err != nil {
			f.t.Error(err)
			return 0
		}
		defer c.Close()
		return pace(f.rate, stop, func(i int) { _, _ = c.WriteToUDP([]byte(text(f, i)), f.p.to) })
	}
}

// manyPorts sends each datagram from a port of its own, a few hundred at a time.
func manyPorts(f *flooded, stop <-chan struct{}) int {
	text := []byte(f.p.request("BYE", "ports", "ports", "nobody", "", 1))
	return pace(f.rate/4, stop, func(int) {
		if c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err == nil {
			_, _ = c.WriteToUDP(text, f.p.to)
			_ = c.Close()
		}
	})
}

// slowConnections opens connections, half of them the trunk's, and lets the
// beginning of a message drip into each.
func slowConnections(f *flooded, stop <-chan struct{}) int {
	to := f.a.ua.Addr("tcp").String()
	text := []byte(f.p.request("INVITE", "slow", "slow", "", rawSDP, 1))
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for i := range f.streams {
		from := net.IPv4(127, 0, 0, 1)
		if i%2 == 0 {
			from = net.IPv4(127, 0, 0, 99)
		}
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: time.Second}
		if c, err := d.Dial("tcp4", to); err == nil {
			open = append(open, c)
		}
		select {
		case <-stop:
			return len(open)
		default:
		}
	}
	at := 0
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, c := range open {
			_ = c.SetWriteDeadline(time.Now().Add(time.Millisecond))
			_, _ = c.Write(text[at%len(text) : at%len(text)+1])
		}
		at++
		select {
		case <-stop:
			return len(open)
		case <-tick.C:
		}
	}
}

// neverReads pipelines OPTIONS and takes no answer.
func neverReads(f *flooded, stop <-chan struct{}) (n int) {
	for {
		c, err := net.Dial("tcp4", f.a.ua.Addr("tcp").String())
		if err != nil {
			return n
		}
		_ = c.(*net.TCPConn).SetReadBuffer(4096)
		for err == nil {
			select {
			case <-stop:
				_ = c.Close()
				return n
			default:
			}
			_ = c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			if _, err = io.Copy(c, bytes.NewReader([]byte(ping(f, n)))); err == nil {
				n++
			}
		}
		_ = c.Close()
	}
}

// TestFloods: whatever comes in meanwhile, calls that stand stand, the trunk's
// new calls are taken, and what it cost is given back. With -flood it runs at the
// strength that docs/performance.md tells of and prints a table.
func TestFloods(t *testing.T) {
	f := &flooded{t: t, rate: 2000, streams: 100}
	period, live, cps := 300*time.Millisecond, 3, 20
	if *floodFor > 0 {
		f.rate, f.streams, period, live, cps = 20000, 5000, *floodFor, 50, 100
		raiseDescriptors(t)
	}
	f.p = newRawPeer(t, "127.0.0.1")
	f.a = newSide(t, "udp://127.0.0.1:0", func(_ *trunk.Config, c *Config) { c.Listen = append(c.Listen, "tcp://127.0.0.1:0") }, addrPort(f.p.conn.LocalAddr()))
	f.a.onArrival(func(l *Leg) { l.Answer(); l.Tone(calls.ToneRingback) })
	f.p.to = net.UDPAddrFromAddrPort(f.a.ua.Addr("udp"))
	f.b = newSide(t, "udp://127.0.0.1:0", nil, f.a.ua.Addr("udp"))
	quit := make(chan struct{})
	var drain sync.WaitGroup
	drain.Go(func() {
		for {
			select {
			case <-f.a.inbound:
			case <-quit:
				return
			}
		}
	})
	t.Cleanup(func() { close(quit); drain.Wait() })

	var standing []*taker
	for range live {
		k := f.b.dial(t, nil)
		k.until(calls.LegAnswered)
		standing = append(standing, k)
	}
	m := newMeter(t)
	for i := range live { // calls whose sound is looked at
		id := fmt.Sprint("metered", i)
		f.p.send(f.p.request("INVITE", id, id, "", m.sdp(), 1))
		f.p.send(f.p.request("ACK", id+"ack", id, tagOf(f.p.read("200 INVITE").To()), "", 1))
	}
	if *floodFor > 0 {
		fmt.Printf("\n%-30s %9s %7s %7s %7s %9s %9s %6s %8s %6s %6s %9s\n", "flood", "sent", "calls", "failed", "harmed", "heap MiB", "most", "CPU %",
			"packets", "lost", "late", "worst")
	}
	before, alone := memory(true), int64(0) // bytes that the calls themselves take for a while
	for _, fl := range floods {
		m.since()
		r := f.measure(fl, period, cps, m)
		harmed := 0
		for _, k := range standing {
			if over(k) {
				harmed++
			}
		}
		if *floodFor > 0 {
			fmt.Printf("%-30s %9d %7d %7d %7d %9.1f %9.1f %6.0f %8d %6d %6d %9s\n", fl.name, r.sent, r.calls, r.failed, harmed,
				mib(r.before), mib(r.most), r.cpu, r.sound.packets, r.sound.lost, r.sound.late, r.sound.worst.Round(100*time.Microsecond))
		}
		if r.sound.packets == 0 {
			t.Errorf("%s: the standing calls fell silent", fl.name)
		}
		if harmed > 0 || r.failed*100 > r.calls || r.sent == 0 {
			t.Errorf("%s: %d messages, %d of %d calls failed, %d standing ones were harmed", fl.name, r.sent, r.failed, r.calls, harmed)
		}
		if grew := r.most - r.before; alone == 0 {
			alone = grew
		} else if *floodFor > 0 && grew > alone+100<<20 {
			t.Errorf("%s: grew from %.1f to %.1f MiB, the calls alone by %.1f", fl.name, mib(r.before), mib(r.most), mib(alone))
		}
	}
	after := settled(before)
	if *floodFor > 0 {
		fmt.Printf("%.1f MiB before all of them, %.1f within a minute after\n", mib(before), mib(after))
	}
	if after-before > 10<<20 {
		t.Errorf("%.1f MiB were not given back", mib(after-before))
	}
	for _, k := range standing {
		k.leg.Hangup(0)
		if e := k.end(); !e.Answered || e.Timeout {
			t.Errorf("a standing call ended with %+v", e)
		}
	}
}

// over reports whether a leg has told its end.
func over(k *taker) bool {
	for {
		select {
		case ev := <-k.ch:
			if ev.Kind == calls.LegEnded {
				return true
			}
		default:
			return false
		}
	}
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// result is what a flood did.
type result struct {
	sent, calls, failed int
	before, most        int64 // bytes of heap and stacks, of both sides and the flood
	cpu                 float64
	sound               evenness // of the standing calls
}

// measure runs a flood for a while and calls through it.
func (f *flooded) measure(fl flood, period time.Duration, cps int, m *meter) (r result) {
	r.before = memory(true)
	r.most = r.before
	stop := make(chan struct{})
	var sent, failed atomic.Int64
	var wg, called sync.WaitGroup
	wg.Go(func() { sent.Store(int64(fl.run(f, stop))) })
	busy, begun := cpuTime(), time.Now()
	tick := time.NewTicker(time.Second / time.Duration(cps))
	for time.Since(begun) < period {
		<-tick.C
		r.calls++
		k := f.b.dial(f.t, nil)
		called.Go(func() {
			if !goodCall(k) {
				failed.Add(1)
			}
		})
		r.most = max(r.most, memory(false))
	}
	tick.Stop()
	r.cpu = 100 * (cpuTime() - busy).Seconds() / time.Since(begun).Seconds()
	r.sound = m.since()
	close(stop)
	wg.Wait()
	called.Wait()
	r.sent, r.failed = int(sent.Load()), int(failed.Load())
	return r
}

// settled waits until what transactions hold is given back, 32 s after them, or for
// a minute.
func settled(before int64) (after int64) {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if after = memory(true); after-before < 5<<20 || time.Now().After(deadline) {
			return after
		}
	}
}

// goodCall takes a call from its answer to its end.
func goodCall(k *taker) bool {
	deadline := time.After(patience)
	for {
		select {
		case ev := <-k.ch:
			switch ev.Kind {
			case calls.LegAnswered:
				k.leg.Hangup(0)
			case calls.LegEnded:
				return ev.Ending.Answered && !ev.Ending.Timeout
			}
		case <-deadline:
			return false
		}
	}
}

func memory(settle bool) int64 {
	if settle {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// raiseDescriptors allows for both ends of every connection.
func raiseDescriptors(t *testing.T) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	l.Cur = l.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || l.Max < 12000 {
		t.Fatalf("12000 open files are needed, %d are allowed: %v", l.Max, err)
	}
}
