package dtmf

import (
	"testing"
	"time"
)

// sent runs the sender until it is idle, as a leg does, and returns its packets.
func sent(s *Sender, frame int) (packets []packet, frames int) {
	ts, eventTS, seq := uint32(5000), uint32(0), uint16(1)
	for range 10000 {
		step, e, first := s.Next(frame)
		if step == Idle {
			return packets, frames
		}
		if step == Packet {
			if first {
				eventTS = ts
			}
			packets = append(packets, packet{1, eventTS, seq, first, e.Code, e.End, e.Duration})
		}
		ts, seq, frames = ts+uint32(frame), seq+1, frames+1
	}
	return packets, frames
}

func TestASentDigitGrowsAndEndsThreeTimesOnOneTimestamp(t *testing.T) {
	t.Parallel()
	for _, frame := range []int{80, 160, 240, 320, 480} {
		var s Sender
		s.Queue("5")
		packets, frames := sent(&s, frame)
		ends, last := 0, uint16(0)
		for i, p := range packets {
			if p.ts != packets[0].ts || p.code != 5 || p.marker != (i == 0) {
				t.Errorf("%d samples: packet %d is %+v", frame, i, p)
			}
			if p.duration < last || (!p.end && p.duration == last) {
				t.Errorf("%d samples: the duration went from %d to %d", frame, last, p.duration)
			}
			last = p.duration
			if p.end {
				ends++
			}
		}
		if ends != 3 || last < onSamples {
			t.Errorf("%d samples: %d ends, duration %d", frame, ends, last)
		}
		if total := frames * frame; total < onSamples+offSamples {
			t.Errorf("%d samples: over after %d", frame, total)
		}
	}
}

func TestSentDigitsAreHeardInOrder(t *testing.T) {
	t.Parallel()
	for _, frame := range []int{80, 160, 480} {
		var s Sender
		const digits = "0123456789*#ABCD5555"
		if n := s.Queue(digits); n != len(digits) {
			t.Fatalf("took %d digits", n)
		}
		packets, _ := sent(&s, frame)
		if got := hear(&Receiver{}, packets); got != digits {
			t.Errorf("%d samples: heard %q", frame, got)
		}
		if s.Busy() {
			t.Error("still busy")
		}
	}
}

func TestWhatIsNoDigitIsLeftOutAndWhatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	var s Sender
	if n := s.Queue("1-2 x\x003"); n != 3 {
		t.Errorf("took %d, want the 3 digits", n)
	}
	packets, _ := sent(&s, 160)
	if got := hear(&Receiver{}, packets); got != "123" {
		t.Errorf("heard %q", got)
	}
	long := make([]byte, 3*maxQueued)
	for i := range long {
		long[i] = '1'
	}
	if n := s.Queue(string(long)); n != maxQueued {
		t.Errorf("took %d, want %d", n, maxQueued)
	}
}

func TestOnePressByTwoWaysIsOneDigit(t *testing.T) {
	t.Parallel()
	type heard struct {
		digit byte
		via   string
		ms    int
		held  int
	}
	tests := []struct {
		name  string
		heard []heard
		want  string
	}{
		{"one way only", []heard{{'1', "rfc4733", 0, 0}, {'1', "rfc4733", 200, 0}}, "11"},
		{"both ways at once", []heard{{'1', "rfc4733", 0, 0}, {'1', "info", 40, 0}}, "1"},
		{"signalling first", []heard{{'1', "info", 0, 0}, {'1', "rfc4733", 60, 0}}, "1"},
		{"all three ways", []heard{{'1', "rfc4733", 0, 0}, {'1', "inband", 50, 0}, {'1', "info", 300, 0}}, "1"},
		{"two quick presses by both ways", []heard{{'5', "rfc4733", 0, 0}, {'5', "rfc4733", 250, 0}, {'5', "info", 300, 0}, {'5', "info", 450, 0}}, "55"},
		{"interleaved", []heard{{'5', "rfc4733", 0, 0}, {'5', "info", 100, 0}, {'5', "rfc4733", 250, 0}, {'5', "info", 350, 0}}, "55"},
		{"another digit by the other way", []heard{{'1', "rfc4733", 0, 0}, {'2', "info", 40, 0}}, "12"},
		{"told when the key is let go", []heard{{'1', "rfc4733", 0, 0}, {'1', "info", 3100, 3000}}, "1"},
		{"told at once, with the length to come", []heard{{'1', "rfc4733", 0, 0}, {'1', "info", 20, 250}}, "1"},
		{"a press after a long one", []heard{{'1', "rfc4733", 0, 0}, {'1', "info", 3100, 3000}, {'1', "rfc4733", 3400, 0}, {'1', "info", 3600, 100}}, "11"},
		{"an unbelievable length", []heard{{'1', "rfc4733", 0, 0}, {'1', "info", 60000, 60000}}, "11"},
		{"long after", []heard{{'1', "rfc4733", 0, 0}, {'1', "info", 1500, 0}}, "11"},
	}
	start := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, tt := range tests {
		var m Merger
		got := ""
		for _, h := range tt.heard {
			if m.Accept(h.digit, h.via, start.Add(time.Duration(h.ms)*time.Millisecond), time.Duration(h.held)*time.Millisecond) {
				got += string(h.digit)
			}
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
