// Package tone makes the sounds that telephony makes itself: ringback, busy,
// beep (ITU-T E.180, the Russian cadences), keys (Q.23), as samples to be encoded once and
// shared.
//
// Pure functions; safe for use from any goroutine.
package tone

import (
	"math"
	"strings"
	"time"

	"zvonar/internal/calls"
)

const (
	rate = 8000 // Hz
	// peak is a sine of -15 dBm0: the largest sample of G.711 is a sine of
	// +3.14 dBm0 (A-law).
	peak = 4059
	// ramp softens both ends of a burst, which would click otherwise.
	ramp = 5 * time.Millisecond
)

// Cadence is one period of a tone.
type Cadence struct {
	Hz      float64
	On, Off time.Duration
	Repeat  bool // false: heard once
}

var cadences = map[calls.ToneKind]Cadence{
	calls.ToneRingback: {Hz: 425, On: time.Second, Off: 4 * time.Second, Repeat: true},
	calls.ToneBusy:     {Hz: 425, On: 350 * time.Millisecond, Off: 350 * time.Millisecond, Repeat: true},
	calls.ToneBeep:     {Hz: 1000, On: 400 * time.Millisecond},
	calls.ToneHold:     {Hz: 425, On: 200 * time.Millisecond, Off: 7800 * time.Millisecond, Repeat: true},
}

// Kinds lists the tones there are.
func Kinds() []calls.ToneKind {
	return []calls.ToneKind{calls.ToneRingback, calls.ToneBusy, calls.ToneBeep, calls.ToneHold}
}

// Of is the cadence of a tone; false if there is no such tone.
func Of(kind calls.ToneKind) (Cadence, bool) {
	c, known := cadences[kind]
	return c, known
}

// PCM generates one period: 8 kHz mono samples, the caller's to keep.
func (c Cadence) PCM() []int16 {
	on, off, soft := samples(c.On), samples(c.Off), float64(samples(ramp))
	pcm := make([]int16, on+off)
	for i := range on {
		edge := min(1, float64(i)/soft, float64(on-1-i)/soft)
		pcm[i] = int16(math.Round(peak * edge * math.Sin(2*math.Pi*c.Hz*float64(i)/rate)))
	}
	return pcm
}

// The frequencies of the keys (ITU-T Q.23), Hz, and the peaks of -9 and -7 dBm0:
// the higher ones are sent louder because lines lose more of them (Q.24).
var (
	keyRows    = [4]float64{697, 770, 852, 941}
	keyColumns = [4]float64{1209, 1336, 1477, 1633}
)

const (
	keypad     = "123A456B789C*0#D" // row by row
	rowPeak    = 7942
	columnPeak = 9998
	keyRamp    = 2 * time.Millisecond
)

// Key generates the two tones of a digit (0-9, *, #, A-D): 8 kHz mono samples,
// the caller's to keep; nil where it is no digit.
func Key(digit byte, on time.Duration) []int16 {
	key := strings.IndexByte(keypad, digit)
	if key < 0 {
		return nil
	}
	row, column, soft := keyRows[key/4], keyColumns[key%4], float64(samples(keyRamp))
	pcm := make([]int16, samples(on))
	for i := range pcm {
		at := 2 * math.Pi * float64(i) / rate
		edge := min(1, float64(i)/soft, float64(len(pcm)-1-i)/soft)
		pcm[i] = int16(math.Round(edge * (rowPeak*math.Sin(row*at) + columnPeak*math.Sin(column*at))))
	}
	return pcm
}

func samples(d time.Duration) int { return int(d * rate / time.Second) }
