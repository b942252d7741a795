package media

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// armed is two ports that talk under keys of their own.
func armed(t testing.TB, suite Suite) (s *stage, a, b *far, keys [2]Keys) {
	s = newStage(t)
	a, b = s.open("192.0.2.1:4000"), s.open("192.0.2.2:4000")
	keys[0] = Keys{Suite: suite, Send: NewMaster(), Receive: NewMaster()}
	keys[1] = Keys{Suite: suite, Send: keys[0].Receive, Receive: keys[0].Send}
	rekey(a, b, keys[0])
	rekey(b, a, keys[1])
	s.settle()
	return s, a, b, keys
}

func rekey(f, other *far, k Keys) {
	session := f.session()
	session.Remote, session.Keys = other.sock.local, &k
	f.port.Set(session)
}

// pass carries what was sent over; change may spoil it.
func pass(from, to *far, change func([]byte) [][]byte) {
	for _, sock := range []*[2]*memorySocket{{from.sock, to.sock}, {from.control, to.control}} {
		for _, d := range sock[0].out {
			for _, b := range change(d.b) {
				sock[1].in = append(sock[1].in, memoryDatagram{b: slices.Clone(b), peer: sock[0].local, at: d.at})
			}
		}
		sock[0].out = nil
	}
}

func whole(b []byte) [][]byte { return [][]byte{b} }

func TestEncryptedLegsHearEachOtherAndNobodyElse(t *testing.T) {
	t.Parallel()
	for _, suite := range Suites() {
		s, a, b, _ := armed(t, suite)
		want := melody(8000)
		a.port.Play(1, NewClip(want), false)
		heard := b.port.Record(time.Minute)
		tag := map[Suite]int{Suite80: 10, Suite32: 4}[suite]
		var plain, reports int
		for i := range 1000 {
			s.run(10 * time.Millisecond)
			if i == 300 {
				a.port.SendDigits("42")
			}
			pass(a, b, func(p []byte) [][]byte {
				switch {
				case p[1] >= 200 && p[1] < 210:
					reports++
					if _, err := rtcp.Unmarshal(p); err == nil {
						plain++
					}
				case p[1]&127 == 101 && len(p) != rtpHeader+4+tag, p[1]&127 == 8 && len(p) != rtpHeader+160+tag:
					t.Fatalf("%s: a packet of %d bytes", suite, len(p))
				}
				bad := slices.Clone(p)
				bad[len(bad)-1] ^= 1
				foreign := slices.Clone(p)
				foreign[len(foreign)/2] ^= 1
				return [][]byte{bad, foreign, p, p} // forged twice, said, said again
			})
			pass(b, a, whole)
		}
		b.port.Close()
		a.port.Close()
		s.settle()
		fa, fb := a.events[len(a.events)-1].Facts, b.events[len(b.events)-1].Facts
		if c := alike(want, heard.PCM()); c < 0.99 || b.digits() != "42" {
			t.Errorf("%s: correlation %.3f, digits %q", suite, c, b.digits())
		}
		// Whatever was forged or repeated is dropped before it counts.
		if fb.RX != fa.TX || fb.Lost != 0 || !fb.SRTP {
			t.Errorf("%s: %+v of %+v", suite, fb, fa)
		}
		if n := s.shard.count.drops[dropKeys]; n < 3*uint64(fa.TX) {
			t.Errorf("%s: %d packets were refused", suite, n)
		}
		if reports == 0 || plain > 0 || s.shard.count.reportsIn == 0 {
			t.Errorf("%s: %d reports, %d of them readable on the way, %d here", suite, reports, plain, s.shard.count.reportsIn)
		}
	}
}

func TestPlainSoundIsNotHeardWhereKeysWereAgreed(t *testing.T) {
	t.Parallel()
	s, a, b, _ := armed(t, Suite80)
	recorder := a.port.Record(time.Minute)
	for range 10 {
		a.sayFrom(b.sock.local, 0xAA)
		s.run(20 * time.Millisecond)
	}
	a.port.Close()
	s.settle()
	if len(recorder.PCM()) != 0 || len(a.digits()) != 0 || a.events[len(a.events)-1].Facts.RX != 0 {
		t.Error("plain sound was heard")
	}
}

func TestNewKeysAreTakenWithoutAGap(t *testing.T) {
	t.Parallel()
	s, a, b, keys := armed(t, Suite80)
	for i := range 400 {
		s.run(10 * time.Millisecond)
		if i == 200 { // b learns of a's new key before a uses it
			keys[0].Send = NewMaster()
			keys[1].Receive = keys[0].Send
			rekey(b, a, keys[1])
		}
		if i == 204 {
			rekey(a, b, keys[0])
		}
		pass(a, b, whole)
		pass(b, a, whole)
	}
	a.port.Close()
	pass(a, b, whole)
	b.port.Close()
	s.settle()
	fa, fb := a.events[len(a.events)-1].Facts, b.events[len(b.events)-1].Facts
	if fb.RX < fa.TX-1 || fb.Lost != 0 || fa.RX < fb.TX-1 || fa.Lost != 0 {
		t.Errorf("a %+v\nb %+v", fa, fb)
	}
}

func TestAStreamIsReadAcrossTheWrapOfItsSequence(t *testing.T) {
	t.Parallel()
	s, a, b, _ := armed(t, Suite80)
	a.port.leg.out.seq = 65500
	for range 200 {
		s.run(20 * time.Millisecond)
		pass(a, b, whole)
	}
	a.port.Close()
	b.port.Close()
	s.settle()
	if f := b.events[len(b.events)-1].Facts; f.RX < 199 || f.Lost != 0 {
		t.Errorf("%+v", f)
	}
}

func TestKeysThatCannotBeUsedMakeALegSilent(t *testing.T) {
	t.Parallel()
	s, a, b, keys := armed(t, Suite80)
	s.run(100 * time.Millisecond)
	keys[0].Suite = "NULL"
	a.sock.out = nil
	rekey(a, b, keys[0])
	s.run(10 * time.Second)
	if len(a.sock.out)+len(a.control.out) != 0 {
		t.Errorf("%d packets left without protection", len(a.sock.out))
	}
}

func BenchmarkBeatOfALegSRTP(b *testing.B) {
	for name, suite := range map[string]Suite{"plain": "", "80": Suite80} {
		b.Run(name, func(b *testing.B) {
			s := newStage(b)
			f := s.open("127.0.0.1:20000")
			session := f.session()
			if suite != "" {
				session.Keys = &Keys{Suite: suite, Send: NewMaster(), Receive: NewMaster()}
			}
			f.port.Set(session)
			f.port.Play(1, NewClip(melody(80000)), true)
			s.run(time.Second)
			f.sock.discard = true
			b.ReportAllocs()
			for b.Loop() {
				f.port.leg.send(s.now)
			}
		})
	}
}

func TestSealingAndOpeningAllocateNothing(t *testing.T) {
	if underRace {
		t.Skip("the cipher's pool of buffers keeps nothing under the race detector")
	}
	_, a, b, _ := armed(t, Suite80)
	one, other := a.port.leg.armour, b.port.leg.armour
	p := make([]byte, rtpHeader+160)
	p[0], p[1] = rtpVersion, 8
	n := testing.AllocsPerRun(1000, func() {
		if p[3]++; p[3] == 0 {
			p[2]++
		}
		sealed, _ := one.seal(p)
		if _, ok := other.open(sealed); !ok {
			t.Fatal("not opened")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}
