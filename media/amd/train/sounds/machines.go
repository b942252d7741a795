package main

import (
	"math"
	"math/rand/v2"
)

// greetings makes n of them out of talk: phrases that follow one another, with pauses
// as announcements have them, until 4 to 11 s are full.
func greetings(s *source, said []*phrase, n int, to *shelf) {
	parts := lasting(said, 0.5, 7)
	if len(parts) < 8 {
		return
	}
	voice := plain(parts[0].from.voice)
	rnd := chance(s.pkg + voice + "machine")
	for i := range n {
		at := i * len(parts) / n
		long, list := between(rnd, 4, 11), []*phrase{}
		for total := 0.0; total < long; at++ {
			next := parts[at%len(parts)]
			total += next.seconds() + 0.3
			list = append(list, next)
		}
		c := greeting(join(list, func() float64 { return between(rnd, 0.15, 0.6) }), rnd)
		c.lang, c.voice, c.real = parts[0].from.lang, voice, "real"
		c.source, c.licence = from(s, list[0].from), s.licence
		to.keep(c)
	}
}

// greeting is what a machine says on a line. Of two that end in time, one is followed
// by a beep.
func greeting(said *phrase, rnd *rand.Rand) *clip {
	wait := between(rnd, 0.05, 1.6)
	end := wait + said.seconds()
	total := min(12, end+between(rnd, 1.5, 4))
	c := on(said, wait, total, rnd)
	c.label, c.sub = "machine", "ivr"
	if end < 10.5 && rnd.IntN(2) == 0 {
		c.sub = "voicemail"
		at := end + between(rnd, 0.1, 0.9)
		c.beepAt, c.beepHz = int(1000*at), pick(rnd, []int{425, 440, 700, 800, 1000, 1400})
		beep(c, between(rnd, 0.2, 0.8), peak(c.pcm)*db(between(rnd, -12, 0)))
	}
	return c
}

// beep is a tone after which one may speak.
func beep(c *clip, seconds, level float64) {
	tone := make([]float64, samples(seconds))
	for i := range tone {
		tone[i] = level * math.Sin(2*math.Pi*float64(c.beepHz)*float64(i)/rate)
	}
	mix(c.pcm, fade(tone, rate/200), c.beepAt*rate/1000)
}
