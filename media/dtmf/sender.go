package dtmf

import "time"

// Times of a sent digit, in samples of 8 kHz.
const (
	onSamples  = 800 // 100 ms
	offSamples = 480 // 60 ms
	endPackets = 3   // RFC 4733 2.5.1.4
	sendVolume = 10  // -10 dBm0
	maxQueued  = 64
)

// OnTime is how long a sent digit sounds.
const OnTime = onSamples * time.Second / 8000

// Step is what to put on the line instead of one frame of audio.
type Step int

// The steps.
const (
	Idle   Step = iota // no digit: audio
	Pause              // between two digits: silence
	Packet             // the telephone-event
)

// Sender makes the telephone-events of digits, one step a frame: 100 ms on, 60
// ms off. The zero value is ready for use.
type Sender struct {
	queue   [maxQueued]uint8
	head, n int
	active  bool
	elapsed int // samples since the press began
	ends    int // end packets sent
	off     int // samples since the first end packet, with the present frame
}

// Queue adds digits; what is no digit is left out. It returns how many were
// taken: those that do not fit are refused.
func (s *Sender) Queue(digits string) int {
	taken := 0
	for i := range len(digits) {
		code, ok := CodeOf(digits[i])
		if !ok {
			continue
		}
		if s.n == maxQueued {
			break
		}
		s.queue[(s.head+s.n)%maxQueued] = code
		s.n++
		taken++
	}
	return taken
}

// Busy tells whether a digit is being sent or waits.
func (s *Sender) Busy() bool { return s.active || s.n > 0 }

// Next moves on by one frame of that many samples. With Packet, first says that
// the press begins with this packet: its RTP timestamp is the one of the whole
// press, and it carries the marker.
func (s *Sender) Next(samples int) (step Step, e Event, first bool) {
	if !s.active {
		if s.n == 0 {
			return Idle, Event{}, false
		}
		s.active, s.elapsed, s.ends, s.off = true, 0, 0, 0
		first = true
	}
	if s.ends == 0 {
		s.elapsed += samples
	} else {
		s.off += samples
	}
	e = Event{Code: s.queue[s.head], Volume: sendVolume, Duration: uint16(min(s.elapsed, 0xFFFF))}
	switch {
	case s.ends == 0 && s.elapsed < onSamples:
		return Packet, e, first
	case s.ends < endPackets:
		s.ends++
		e.End = true
		return Packet, e, first
	case s.off <= offSamples:
		return Pause, Event{}, false
	}
	s.active = false
	s.head, s.n = (s.head+1)%maxQueued, s.n-1
	return s.Next(samples)
}
