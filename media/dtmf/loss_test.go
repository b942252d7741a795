package dtmf

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// conceal is what is done about a packet that did not arrive.
type conceal int

const (
	withSilence conceal = iota
	withLastFrame
	withGap
)

// presses dials 16 digits with pauses through a network that loses that share of
// the packets of 20 ms, and counts what was heard against what was pressed.
func pressThrough(rng *rand.Rand, length, pause time.Duration, loss float64, how conceal) (right, missed, extra int) {
	d := NewInband()
	var told []Press
	tell := func(p Press) {
		if !p.Ended {
			told = append(told, p)
		}
	}
	last := make([]int16, 160)
	silence := make([]int16, 160)
	var pcm []int16
	type span struct {
		digit    byte
		from, to int64
	}
	var pressed []span
	for range 16 {
		k := keys[rng.IntN(len(keys))]
		if rng.IntN(3) == 0 && len(pressed) > 0 {
			k = pressed[len(pressed)-1].digit
		}
		p := tones{digit: k, length: length, lowDB: -9, highDB: -7}
		sound := p.render(rng, 30)
		lead := samplesOf(60*time.Millisecond) - samplesOf(pause)/2
		tail := samplesOf(80*time.Millisecond) - samplesOf(pause)/2
		sound = sound[lead : len(sound)-tail]
		pressed = append(pressed, span{k, int64(len(pcm)), int64(len(pcm) + len(sound))})
		pcm = append(pcm, sound...)
	}
	for ; len(pcm) >= 160; pcm = pcm[160:] {
		if rng.Float64() >= loss {
			d.Write(pcm[:160], tell)
			copy(last, pcm[:160])
			continue
		}
		switch how {
		case withSilence:
			d.Write(silence, tell)
		case withLastFrame:
			d.Write(last, tell)
		case withGap:
			d.Gap(160)
		}
	}
	for _, s := range pressed {
		n := 0
		for _, p := range told {
			if p.Digit == s.digit && p.At >= s.from-160 && p.At < s.to {
				n++
			}
		}
		switch {
		case n == 0:
			missed++
		default:
			right++
			extra += n - 1
		}
	}
	extra = max(extra, len(told)-right)
	return right, missed, extra
}

// Silence in the place of a lost packet cuts a press in two, a repeated one breaks
// the phase of its tones; told as a gap it does neither.
func TestAPressSurvivesLostPacketsBestAsGaps(t *testing.T) {
	t.Parallel()
	const rounds = 40
	lengths := []time.Duration{60 * time.Millisecond, 80 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond}
	losses := []float64{0.01, 0.02, 0.05}
	if testing.Short() {
		lengths, losses = lengths[2:3], losses[2:]
	}
	for _, length := range lengths {
		for _, loss := range losses {
			var missed, extra [3]float64
			line := ""
			for how := range conceal(3) {
				rng := rand.New(rand.NewPCG(5, 33))
				var all int
				for range rounds {
					r, m, e := pressThrough(rng, length, 60*time.Millisecond, loss, how)
					all, missed[how], extra[how] = all+r+m, missed[how]+float64(m), extra[how]+float64(e)
				}
				missed[how], extra[how] = 100*missed[how]/float64(all), 100*extra[how]/float64(all)
				line += fmt.Sprintf("; %s: missed %.2f %%, too many %.2f %%", [...]string{"silence", "last frame", "gap"}[how], missed[how], extra[how])
			}
			t.Logf("%v tones, %.0f %% loss%s", length, 100*loss, line)
			limit := 40 * loss // percent; of 60 ms two packets of three must come
			if length > 60*time.Millisecond {
				limit = 16 * loss
			}
			if extra[withGap] != 0 || missed[withGap] > limit || missed[withGap]+extra[withGap] > missed[withSilence]+extra[withSilence] {
				t.Errorf("%v at %.0f %%: missed %.2f %%, too many %.2f %% with gaps", length, 100*loss, missed[withGap], extra[withGap])
			}
		}
	}
}
