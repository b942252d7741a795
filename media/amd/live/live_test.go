package live

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"zvonar/internal/clock"
	"zvonar/media"
	"zvonar/media/amd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// line is a far end whose packets the test sends, at the pace of a fake clock.
type line struct {
	clock *clock.Fake
	ears  *Ears
	told  []amd.Event
}

func newLine() *line {
	l := &line{clock: clock.NewFake(epoch)}
	l.ears = Start(amd.New(amd.Defaults()), l.clock, func(e amd.Event) { l.told = append(l.told, e) })
	return l
}

func (l *line) verdict() amd.Verdict {
	for _, e := range l.told {
		if e.Kind == amd.Decided {
			return e.Verdict
		}
	}
	return ""
}

func TestALineThatSendsNothingIsSilentInTime(t *testing.T) {
	t.Parallel()
	l := newLine()
	for range 45 {
		l.clock.Advance(100 * time.Millisecond)
	}
	if v := l.verdict(); v != "" {
		t.Fatalf("%s after 4.5 s", v)
	}
	for range 10 {
		l.clock.Advance(100 * time.Millisecond)
	}
	if v := l.verdict(); v != amd.Silence {
		t.Errorf("a line without a packet is %q", v)
	}
	l.ears.Stop()
}

func TestSilenceThatTheClockSuppliedIsNotHeardTwice(t *testing.T) {
	t.Parallel()
	l := newLine()
	packet := make([]int16, 160)
	send := func(gap int) { l.ears.Hear(media.Sound{PCM: packet, Gap: gap}) }
	for range 50 { // a second of packets
		l.clock.Advance(20 * time.Millisecond)
		send(0)
	}
	l.clock.Advance(20 * time.Millisecond)
	for range 20 { // two seconds of none
		l.clock.Advance(100 * time.Millisecond)
	}
	send(2 * amd.Rate) // which the timestamp tells, too
	for range 90 {     // 1.8 s
		l.clock.Advance(20 * time.Millisecond)
		send(0)
	}
	if v := l.verdict(); v != "" {
		t.Fatalf("%s after 4.8 s", v)
	}
	for range 20 {
		l.clock.Advance(20 * time.Millisecond)
		send(0)
	}
	if v := l.verdict(); v != amd.Silence {
		t.Errorf("5.2 s of silence are %q", v)
	}
	l.ears.Stop()
}

func TestStoppedEarsTellNothing(t *testing.T) {
	t.Parallel()
	l := newLine()
	l.ears.Stop()
	for range 100 {
		l.clock.Advance(100 * time.Millisecond)
		l.ears.Hear(media.Sound{PCM: make([]int16, 800)})
	}
	if len(l.told) != 0 {
		t.Errorf("told %+v", l.told)
	}
}
