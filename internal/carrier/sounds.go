package carrier

import (
	"math"
	"time"

	"zvonar/media"
)

const sampleRate = 8000

// soundSet is every clip, ready for the line.
type soundSet map[sound]*media.Clip

// announcementLength is how long the network speaks before it refuses.
const announcementLength = 4 * time.Second

// sounds makes every clip of the carrier. They are synthesised, so the binary
// carries no audio, and the same in every run, so tests can compare.
func sounds() soundSet {
	return soundSet{
		soundHello:     media.NewClip(join(silence(300), babble(600, 140))),
		soundGreeting:  media.NewClip(join(silence(200), babble(2800, 180), silence(300), babble(3700, 180), tone(1000, 400), silence(200))),
		soundNotice:    media.NewClip(join(tone(950, 330), tone(1400, 330), tone(1800, 330), babble(3000, 210))),
		soundManager:   media.NewClip(ManagerTune()),
		soundManagerRB: media.NewClip(join(tone(440, 500), silence(500))),
		soundFax:       media.NewClip(tone(2100, 3300)),
	}
}

// ManagerTune is what managers play when they talk, over and over: whoever
// hears it is connected to one.
func ManagerTune() []int16 {
	return Melody([]float64{523, 659, 784, 659, 587, 698, 880, 698, 494, 587, 784, 587})
}

// Melody is a tune of sine notes of 300 ms, as 8 kHz samples.
func Melody(notes []float64) []int16 {
	var out []int16
	for _, hz := range notes {
		out = append(out, tone(hz, 300)...)
	}
	return out
}

func samples(ms int) int { return ms * sampleRate / 1000 }

func silence(ms int) []int16 { return make([]int16, samples(ms)) }

// tone is a sine at -12 dBFS whose ends fade over 5 ms: no clicks.
func tone(hz float64, ms int) []int16 {
	out := make([]int16, samples(ms))
	fade := samples(5)
	for i := range out {
		gain := 8000.0
		if edge := min(i, len(out)-1-i); edge < fade {
			gain *= float64(edge) / float64(fade)
		}
		out[i] = int16(gain * math.Sin(2*math.Pi*hz*float64(i)/sampleRate))
	}
	return out
}

// babble sounds like speech to anything that measures rather than listens: a
// voiced pitch whose harmonics sit under two formants that change from syllable
// to syllable, four syllables a second, with short stops between them.
func babble(ms int, pitch float64) []int16 {
	formants := [][2]float64{{700, 1200}, {350, 2100}, {500, 900}, {400, 1700}, {650, 1500}}
	const syllable = 250
	out := make([]int16, samples(ms))
	var phase float64
	for i := range out {
		n := i / samples(syllable)
		f := formants[n%len(formants)]
		var v float64
		f0 := pitch * (1 + 0.06*math.Sin(2*math.Pi*2.3*float64(i)/sampleRate))
		phase += 2 * math.Pi * f0 / sampleRate
		for h := 1.0; h*f0 < 3400; h++ {
			hz := h * f0
			v += math.Sin(h*phase) * (bell(hz, f[0], 150) + 0.6*bell(hz, f[1], 200) + 0.02)
		}
		pos := float64(i%samples(syllable)) / float64(samples(syllable))
		envelope := math.Sin(math.Pi * math.Min(1, pos/0.85))
		out[i] = int16(3500 * v * envelope)
	}
	return out
}

func bell(x, centre, width float64) float64 {
	d := (x - centre) / width
	return math.Exp(-d * d / 2)
}

func join(parts ...[]int16) []int16 {
	var out []int16
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}
