package media

import (
	"errors"
	"math"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/media/codec"
)

func TestLatchingHearsTheSDPAddressAndLearnsAnotherOnlyFromAStream(t *testing.T) {
	t.Parallel()
	const (
		sdp      = "192.0.2.1:4000"
		moved    = "192.0.2.1:5555"
		gateway  = "203.0.113.5:7000"
		stranger = "198.51.100.1:4000"
	)
	type step struct {
		from  string
		ssrc  uint32
		seq   uint16
		after time.Duration
		want  bool
	}
	tests := []struct {
		name   string
		steps  []step
		target string
	}{
		{"the SDP address at once", []step{{sdp, 1, 1, 0, true}}, sdp},
		{"nobody yet", nil, sdp},
		{"a stranger never", []step{{stranger, 1, 1, 0, false}, {stranger, 1, 2, 0, false}, {stranger, 1, 3, 0, false}, {stranger, 1, 4, 0, false}}, sdp},
		{"another port of the host after three in a row", []step{{moved, 1, 1, 0, false}, {moved, 1, 2, 0, false}, {moved, 1, 3, 0, true}, {moved, 1, 9, 0, true}}, moved},
		{"not if the sequence jumps", []step{{moved, 1, 1, 0, false}, {moved, 1, 5, 0, false}, {moved, 1, 6, 0, false}}, sdp},
		{"not if the source changes", []step{{moved, 1, 1, 0, false}, {moved, 2, 2, 0, false}, {moved, 2, 3, 0, false}}, sdp},
		{"the sequence may wrap", []step{{moved, 1, 65535, 0, false}, {moved, 1, 0, 0, false}, {moved, 1, 1, 0, true}}, moved},
		{"an allowed host", []step{{gateway, 1, 1, 0, false}, {gateway, 1, 2, 0, false}, {gateway, 1, 3, 0, true}}, gateway},
		{"learned once", []step{{moved, 1, 1, 0, false}, {moved, 1, 2, 0, false}, {moved, 1, 3, 0, true}, {gateway, 1, 4, 0, false}, {gateway, 1, 5, 0, false}, {gateway, 1, 6, 0, false}}, moved},
		{"the SDP address wins over what was learned", []step{{moved, 1, 1, 0, false}, {moved, 1, 2, 0, false}, {moved, 1, 3, 0, true}, {sdp, 1, 4, 0, true}, {moved, 1, 5, 0, false}}, sdp},
		{"no other while the source speaks", []step{{sdp, 1, 1, 0, true}, {moved, 2, 2, 0, false}, {moved, 2, 3, 0, false}, {moved, 2, 4, 4 * time.Second, false}}, sdp},
		{"another after 5 s of silence", []step{{sdp, 1, 1, 0, true}, {moved, 2, 2, 6 * time.Second, false}, {moved, 2, 3, 0, false}, {moved, 2, 4, 0, true}}, moved},
		{"its stream at another port after 200 ms of silence", []step{{sdp, 1, 1, 0, true}, {moved, 1, 12, 200 * time.Millisecond, true}, {sdp, 2, 1, 0, true}}, sdp},
		{"back at the next rebinding", []step{{sdp, 1, 1, 0, true}, {moved, 1, 12, 200 * time.Millisecond, true}, {gateway, 1, 30, 300 * time.Millisecond, true}}, gateway},
		{"not its stream while the source speaks", []step{{sdp, 1, 1, 0, true}, {moved, 1, 2, 199 * time.Millisecond, false}}, sdp},
		{"not its stream from a stranger", []step{{sdp, 1, 1, 0, true}, {stranger, 1, 12, time.Second, false}}, sdp},
		{"not its SSRC with a sequence from elsewhere", []step{{sdp, 1, 1, 0, true}, {moved, 1, 900, time.Second, false}, {moved, 1, 0, time.Second, false}}, sdp},
	}
	for _, tt := range tests {
		var l latch
		now := time.Hour
		l.aim(netip.MustParseAddrPort(sdp), []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, now)
		for i, s := range tt.steps {
			now += s.after
			if got := l.accept(netip.MustParseAddrPort(s.from), s.ssrc, s.seq, now); got != s.want {
				t.Errorf("%s: step %d from %s: %v", tt.name, i, s.from, got)
			}
		}
		if got := l.target().String(); got != tt.target {
			t.Errorf("%s: sends to %s, want %s", tt.name, got, tt.target)
		}
	}
}

func TestANewSDPAddressIsSentToAtOnceWhileTheOldOneIsStillHeard(t *testing.T) {
	t.Parallel()
	old, fresh := netip.MustParseAddrPort("192.0.2.1:4000"), netip.MustParseAddrPort("192.0.2.9:6000")
	var l latch
	l.aim(old, nil, 0)
	l.accept(old, 1, 1, 0)
	l.aim(fresh, nil, 0)
	if l.target() != fresh {
		t.Errorf("sends to %s", l.target())
	}
	if !l.accept(old, 1, 2, 0) {
		t.Error("a gap in the sound")
	}
	if l.target() != fresh {
		t.Errorf("the old source drew the sound back to %s", l.target())
	}
	if !l.accept(fresh, 2, 1, 0) || l.accept(old, 1, 3, 0) {
		t.Error("the new source does not replace the old")
	}
}

func TestNobodyIsLearnedLaterThanThreeSecondsAfterTheDescriptionWhileSomebodyIsHeard(t *testing.T) {
	t.Parallel()
	old, fresh, other := netip.MustParseAddrPort("192.0.2.1:4000"), netip.MustParseAddrPort("192.0.2.9:6000"), netip.MustParseAddrPort("192.0.2.9:7000")
	for _, tc := range []struct {
		after time.Duration
		want  bool
	}{{2900 * time.Millisecond, true}, {3100 * time.Millisecond, false}} {
		var l latch
		l.aim(old, nil, 0)
		l.accept(old, 1, 1, 0)
		l.aim(fresh, nil, 0) // whose address stays silent: the old one goes on
		l.accept(old, 1, 2, tc.after)
		for i := range uint16(streamPackets) {
			if got := l.accept(other, 2, i, tc.after); got != (tc.want && i == streamPackets-1) {
				t.Errorf("packet %d of another source after %v: %v", i, tc.after, got)
			}
		}
		if !l.accept(fresh, 3, 1, tc.after) {
			t.Error("the described address is not heard")
		}
	}
}

func TestLossAndJitterAreCountedAsRFC3550Says(t *testing.T) {
	t.Parallel()
	type packet struct {
		ssrc uint32
		seq  uint16
	}
	run := func(from, to int, ssrc uint32) (p []packet) {
		for i := from; i < to; i++ {
			p = append(p, packet{ssrc, uint16(i)})
		}
		return p
	}
	tests := []struct {
		name     string
		packets  []packet
		rx, lost int64
	}{
		{"none", nil, 0, 0},
		{"one", run(5, 6, 1), 1, 0},
		{"all", run(0, 100, 1), 100, 0},
		{"across the wrap", run(65500, 65600, 1), 100, 0},
		{"three lost", append(run(0, 10, 1), run(13, 20, 1)...), 17, 3},
		{"reordered", []packet{{1, 10}, {1, 12}, {1, 11}, {1, 13}}, 4, 0},
		{"doubled", []packet{{1, 10}, {1, 10}, {1, 11}}, 3, 0},
		{"another source", append(run(0, 10, 1), run(500, 510, 2)...), 20, 0},
		{"loss in both sources", []packet{{1, 1}, {1, 3}, {2, 7}, {2, 9}}, 4, 2},
		{"a restarted sequence", append(run(0, 10, 1), run(30000, 30010, 1)...), 20, 0},
	}
	for _, tt := range tests {
		var s source
		for i, p := range tt.packets {
			s.take(p.ssrc, p.seq, uint32(i)*160, true, int64(i)*20e6, time.Duration(i)*20*time.Millisecond)
		}
		if rx, lost := s.totals(); rx != tt.rx || lost != tt.lost {
			t.Errorf("%s: received %d lost %d, want %d and %d", tt.name, rx, lost, tt.rx, tt.lost)
		}
	}
	var steady, shaken source
	for i := range 400 {
		at := int64(i) * 20e6
		steady.take(1, uint16(i), uint32(i)*160-5000, true, at, 0)
		shaken.take(1, uint16(i), uint32(i)*160, true, at+int64(i%2)*8e6, 0) // every other 8 ms late
	}
	if j := steady.facts("", 0).JitterMS; j != 0 {
		t.Errorf("a steady stream has %v ms of jitter", j)
	}
	if j := shaken.facts("", 0).JitterMS; math.Abs(j-8) > 0.1 {
		t.Errorf("8 ms of jitter measured as %v", j)
	}
}

func TestSourcesCannotChangeWithEveryPacket(t *testing.T) {
	t.Parallel()
	var s source
	taken := 0
	for i := range 100 {
		if s.take(uint32(i), 1, 1, true, 0, time.Duration(i)*10*time.Millisecond) != refused {
			taken++
		}
	}
	if taken != 1+ssrcChanges {
		t.Errorf("%d sources in a second", taken)
	}
	if s.take(1000, 1, 1, true, 0, time.Minute) == refused {
		t.Error("a change a minute later is refused")
	}
}

func TestMOSFallsWithLoss(t *testing.T) {
	t.Parallel()
	if m := mos(heard{}); m < 4.3 || m > 4.5 {
		t.Errorf("G.711 without loss: %v", m)
	}
	last := 5.0
	for _, loss := range []float64{0, 0.01, 0.05, 0.1, 0.3, 1} {
		m := mos(heard{loss: loss, bursts: 1, jitter: 5})
		if m >= last || m < 1 {
			t.Errorf("loss %v: %v after %v", loss, m, last)
		}
		last = m
	}
}

func TestABadConfigurationIsRefusedInWordsThatNameTheKey(t *testing.T) {
	t.Parallel()
	ip := netip.MustParseAddr("127.0.0.1")
	tests := []struct {
		name  string
		cfg   Config
		files uint64
		want  string // in the error; "" is none
	}{
		{"good", Config{IP: ip, PortMin: 20000, PortMax: 20100}, 4096, ""},
		{"no address", Config{PortMin: 20000, PortMax: 20100}, 4096, "media.ip"},
		{"any address, nothing to advertise", Config{IP: netip.IPv4Unspecified(), PortMin: 20000, PortMax: 20100}, 4096, "media.advertise"},
		{"turned round", Config{IP: ip, PortMin: 20100, PortMax: 20000}, 4096, "media.ports"},
		{"privileged", Config{IP: ip, PortMin: 80, PortMax: 20000}, 4096, "media.ports"},
		{"beyond the last", Config{IP: ip, PortMin: 20000, PortMax: 70000}, 4096, "media.ports"},
		{"one port", Config{IP: ip, PortMin: 20000, PortMax: 20001}, 4096, "media.ports"},
		{"odd ends", Config{IP: ip, PortMin: 20001, PortMax: 20004}, 4096, ""},
		{"too few files", Config{IP: ip, PortMin: 20000, PortMax: 20100}, 200, "ulimit"},
		{"shards", Config{IP: ip, PortMin: 20000, PortMax: 20100, Shards: -1}, 4096, "media.shards"},
	}
	for _, tt := range tests {
		_, err := tt.cfg.checked(tt.files)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v does not name %s", tt.name, err, tt.want)
		}
	}
	c := Config{IP: ip, PortMin: 20000, PortMax: 21000}
	if n, err := c.checked(456); err != nil || n != 100 {
		t.Errorf("with room for 100 ports: %d %v", n, err)
	}
}

func TestALibraryLoadsOnceAndForgetsTheLeastUsed(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	loads := map[string]int{}
	release := make(chan struct{})
	lib := NewLibrary(2*codec.Count*1000, func(ref calls.RecordingRef) ([]int16, []int16, error) {
		hash := ref.SHA256
		mu.Lock()
		loads[hash]++
		mu.Unlock()
		switch hash {
		case "slow":
			<-release
		case "bad":
			return nil, nil, errors.New("no such file")
		case "huge":
			return make([]int16, 5000), nil, nil
		}
		return make([]int16, 1000), nil, nil
	})
	var wg sync.WaitGroup
	clips := make([]*Clip, 8)
	for i := range clips {
		wg.Go(func() {
			var err error
			if clips[i], err = lib.Get(calls.RecordingRef{SHA256: "slow"}); err != nil {
				t.Error(err)
			}
		})
	}
	close(release)
	wg.Wait()
	for _, c := range clips {
		if c != clips[0] {
			t.Fatal("two clips of one hash")
		}
	}
	get := func(hash string) {
		if _, err := lib.Get(calls.RecordingRef{SHA256: hash}); err != nil {
			t.Error(err)
		}
	}
	get("b")
	get("slow") // now b is the least used
	get("c")
	get("slow")
	get("b")
	for _, hash := range []string{"bad", "bad"} {
		if _, err := lib.Get(calls.RecordingRef{SHA256: hash}); err == nil {
			t.Error("a failed load gave a clip")
		}
	}
	get("huge")
	get("b")
	want := map[string]int{"slow": 1, "b": 2, "c": 1, "bad": 2, "huge": 1}
	for hash, n := range want {
		if loads[hash] != n {
			t.Errorf("%s was loaded %d times, want %d", hash, loads[hash], n)
		}
	}
}

func TestWhereBeatsComeLateNoCallBeginsAndThoseThereAreGetTheirLegs(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.engine.shards, s.engine.state = []*shard{s.shard}, engineRunning
	strained := func() bool {
		err := s.engine.Admits()
		if err != nil && calls.CodeOf(err) != calls.CodeOverloaded {
			t.Fatal(err)
		}
		return err != nil
	}
	s.run(time.Second)
	s.jump(120 * time.Millisecond)
	if strained() {
		t.Error("a single stall refuses calls")
	}
	s.run(5 * time.Second)
	n := 0
	for ; !strained() && n < 1000; n++ {
		s.jump(12 * time.Millisecond) // the first beat of each turn is late
	}
	if n < 20 || n == 1000 {
		t.Errorf("refused after %d late turns", n)
	}
	if p, err := s.engine.Open(nil); err != nil {
		t.Errorf("a further leg of a call that runs: %v", err)
	} else {
		p.Close()
		s.settle()
	}
	s.run(500 * time.Millisecond)
	if !strained() {
		t.Error("taken again at once")
	}
	s.run(10 * time.Second)
	if strained() {
		t.Error("refused for ever")
	}
}
