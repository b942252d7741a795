package dtmf

import (
	"math/rand/v2"
	"testing"
)

// packet is one telephone-event packet of a test, all on SSRC 1 unless said.
type packet struct {
	ssrc     uint32
	ts       uint32
	seq      uint16
	marker   bool
	code     uint8
	end      bool
	duration uint16
}

// press is what a correct sender makes of a key: five updates and three ends.
func pressOf(code uint8, ts uint32, seq uint16) []packet {
	var p []packet
	for i := range 5 {
		p = append(p, packet{ssrc: 1, ts: ts, seq: seq + uint16(i), marker: i == 0, code: code, duration: uint16(160 * (i + 1))})
	}
	for i := range 3 {
		p = append(p, packet{ssrc: 1, ts: ts, seq: seq + 5 + uint16(i), code: code, end: true, duration: 960})
	}
	return p
}

func join(parts ...[]packet) (all []packet) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func hear(r *Receiver, packets []packet) string {
	var digits []byte
	for _, p := range packets {
		var b [EventLen]byte
		Event{Code: p.code, End: p.end, Duration: p.duration}.Put(b[:])
		if d, ok := r.Packet(p.ssrc, p.ts, p.seq, p.marker, b[:]); ok {
			digits = append(digits, d)
		}
	}
	return string(digits)
}

func TestOnePressIsOneDigit(t *testing.T) {
	t.Parallel()
	five := pressOf(5, 1000, 10)
	reversed := pressOf(5, 1000, 10)
	for i, j := 0, len(reversed)-1; i < j; i, j = i+1, j-1 {
		reversed[i], reversed[j] = reversed[j], reversed[i]
	}
	unmarked := pressOf(7, 1000, 10)
	unmarked[0].marker = false
	otherSource := pressOf(5, 1000, 10)
	for i := range otherSource {
		otherSource[i].ssrc = 2
	}
	long := []packet{ // RFC 4733 2.5.1.3: segments, the later ones without a marker
		{1, 1000, 1, true, 3, false, 160},
		{1, 1000, 2, false, 3, false, 0xFFFF},
		{1, 1000 + 0xFFFF, 3, false, 3, false, 160},
		{1, 1000 + 0xFFFF, 4, false, 3, false, 0xFFFF},
		{1, 1000 + 2*0xFFFF, 5, false, 3, true, 4000},
	}
	tests := []struct {
		name    string
		packets []packet
		want    string
	}{
		{"all packets", five, "5"},
		{"the start is lost", five[3:], "5"},
		{"only one end is left", five[7:], "5"},
		{"the ends are lost", five[:5], "5"},
		{"every packet comes twice", join(five, five), "5"},
		{"in reverse order", reversed, "5"},
		{"no marker", unmarked, "7"},
		{"duration 0", []packet{{1, 1000, 1, true, 9, false, 0}}, "9"},
		{"duration 0 throughout", []packet{{1, 1000, 1, true, 9, false, 0}, {1, 1000, 2, false, 9, false, 0}, {1, 1000, 3, false, 9, true, 0}}, "9"},
		{"a very long key in segments", long, "3"},
		{"a very long key whose updates were lost", []packet{long[0], long[2], long[4]}, "3"},
		{"the timestamp moves with the duration (a known fault)", []packet{{1, 1000, 1, true, 2, false, 160}, {1, 1160, 2, false, 2, false, 160}, {1, 1320, 3, false, 2, true, 160}}, "2"},
		{"the timestamp wraps within", pressOf(1, 0xFFFFFFFF, 65533), "1"},
		{"the same key twice, all ends lost", join(pressOf(5, 1000, 10)[:5], pressOf(5, 3000, 30)), "55"},
		{"the same key twice, only ends left", join(pressOf(5, 1000, 10)[5:], pressOf(5, 3000, 30)[5:]), "55"},
		{"the same key twice without a gap to speak of", join(pressOf(5, 1000, 10), pressOf(5, 2040, 18)), "55"},
		{"an end of the former press comes within the next", join(pressOf(4, 1000, 10)[:7], pressOf(6, 3000, 30)[:3], pressOf(4, 1000, 10)[7:], pressOf(6, 3000, 30)[3:]), "46"},
		{"the whole keypad", join(pressOf(0, 1000, 10), pressOf(10, 3000, 20), pressOf(11, 5000, 30), pressOf(12, 7000, 40), pressOf(15, 9000, 50)), "0*#AD"},
		{"another source repeats the timestamp", join(five, otherSource), "55"},
		{"events that are no digits", []packet{{1, 1000, 1, true, 16, false, 160}, {1, 2000, 2, true, 36, false, 160}, {1, 3000, 3, true, 255, true, 160}}, ""},
		{"a press after a quarter of an hour of talk", join(pressOf(1, 1000, 10), pressOf(2, 1000+45000*160, 10+45000)), "12"},
		{"a press after the stream began anew", join(pressOf(1, 4000000000, 40000), pressOf(2, 1000, 10)), "12"},
		{"a press that was forgotten long ago", join(pressOf(1, 100000, 500), []packet{{1, 1000, 1, false, 2, true, 960}}), "1"},
	}
	for _, tt := range tests {
		if got := hear(&Receiver{}, tt.packets); got != tt.want {
			t.Errorf("%s: heard %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestAShortPayloadIsNoEvent(t *testing.T) {
	t.Parallel()
	var r Receiver
	for n := range EventLen {
		if d, ok := r.Packet(1, 1, 1, true, make([]byte, n)); ok {
			t.Errorf("%d bytes became %c", n, d)
		}
	}
}

func TestTheDigitIsReportedAtFirstSight(t *testing.T) {
	t.Parallel()
	var r Receiver
	if got := hear(&r, pressOf(8, 1, 1)[:1]); got != "8" {
		t.Errorf("after one packet: %q", got)
	}
}

func TestDigitsAreCountedRightWhenEveryFifthPacketIsLostAndOthersSwap(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 33))
	const presses = 2000
	heard := 0
	var r Receiver
	seq, ts := uint16(65000), uint32(0xFFFF0000)
	for range presses {
		var arrived []packet
		for _, p := range pressOf(uint8(rng.IntN(16)), ts, seq) {
			if rng.Float64() >= 0.2 {
				arrived = append(arrived, p)
			}
			if rng.Float64() < 0.1 && len(arrived) > 0 {
				arrived = append(arrived, arrived[rng.IntN(len(arrived))])
			}
		}
		rng.Shuffle(len(arrived), func(i, j int) {
			if max(i-j, j-i) <= 2 {
				arrived[i], arrived[j] = arrived[j], arrived[i]
			}
		})
		n := len(hear(&r, arrived))
		if n > 1 {
			t.Fatalf("one press became %d digits", n)
		}
		heard += n
		seq, ts = seq+20, ts+3200
	}
	if heard < presses-1 { // 0.2^8 of the presses leave no packet at all
		t.Errorf("heard %d of %d presses", heard, presses)
	}
}

func FuzzPacket(f *testing.F) {
	f.Add(uint32(1), uint32(1000), uint16(1), true, []byte{5, 0, 0, 160})
	f.Add(uint32(1), uint32(1000), uint16(2), false, []byte{5, 0x8A, 3, 0x20})
	f.Add(uint32(1), uint32(66535), uint16(3), false, []byte{5, 0, 0, 160})
	f.Add(uint32(9), uint32(0), uint16(0), false, []byte{16, 0, 0})
	f.Fuzz(func(t *testing.T, ssrc, ts uint32, seq uint16, marker bool, payload []byte) {
		var r Receiver
		hear(&r, pressOf(5, 1000, 1))
		d, ok := r.Packet(ssrc, ts, seq, marker, payload)
		if ok {
			if _, isDigit := CodeOf(d); !isDigit {
				t.Fatalf("%q is no digit", d)
			}
			if len(payload) < EventLen || payload[0] > 15 {
				t.Fatalf("% x became %c", payload, d)
			}
		}
		if again, ok := r.Packet(ssrc, ts, seq, marker, payload); ok {
			t.Fatalf("the same packet was a press again: %c", again)
		}
		e, valid := Parse(payload)
		if !valid {
			return
		}
		var b [EventLen]byte
		e.Put(b[:])
		if back, _ := Parse(b[:]); back != e {
			t.Fatalf("%+v became %+v", e, back)
		}
	})
}
