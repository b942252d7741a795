package main

import (
	"context"
	"math/rand/v2"
	"slices"
)

// words makes answers of people out of single recorded words: one, two, one again
// after a while because nobody speaks, or several as who answers for a business.
func words(ctx context.Context, s *source, files []*input, to *shelf) error {
	for _, of := range voices(files) {
		said, err := listen(ctx, s, spread(of, 40), 0.3)
		if err != nil {
			return err
		}
		answers(s, said, s.take, to)
	}
	return to.err
}

// talk makes answers of people and greetings of machines out of the talk of one
// person, half of each: the voice alone tells nothing.
func talk(ctx context.Context, s *source, files []*input, to *shelf) error {
	for _, of := range voices(files) {
		said, err := listen(ctx, s, spread(of, 90), 0.22)
		if err != nil {
			return err
		}
		answers(s, said, s.take, to)
		greetings(s, said, s.take, to)
	}
	return to.err
}

// voices divides files by who speaks in them.
func voices(files []*input) [][]*input {
	by := map[string][]*input{}
	var names []string
	for _, f := range files {
		if by[f.voice] == nil {
			names = append(names, f.voice)
		}
		by[f.voice] = append(by[f.voice], f)
	}
	var out [][]*input
	for _, name := range names {
		out = append(out, by[name])
	}
	return out
}

// listen is all that is said in some files, in their order.
func listen(ctx context.Context, s *source, files []*input, gap float64) ([]*phrase, error) {
	sounds, err := decode(ctx, files, 30, s.input)
	if err != nil {
		return nil, err
	}
	var out []*phrase
	for i, x := range sounds {
		out = append(out, phrases(x, files[i], gap)...)
	}
	return out, nil
}

// lasting are the phrases between two lengths in seconds.
func lasting(said []*phrase, low, high float64) []*phrase {
	return slices.DeleteFunc(slices.Clone(said), func(p *phrase) bool { return p.seconds() < low || p.seconds() > high })
}

// answers makes n of them, fewer where little is said: no word twice alone.
func answers(s *source, said []*phrase, n int, to *shelf) {
	short := lasting(said, 0.35, 1.7)
	if len(short) < 5 {
		return
	}
	voice := plain(short[0].from.voice)
	rnd := chance(s.pkg + voice)
	rnd.Shuffle(len(short), func(i, k int) { short[i], short[k] = short[k], short[i] })
	for i := range min(n, len(short)) {
		first, sub := short[i], "word"
		var c *clip
		switch draw := rnd.IntN(20); {
		case draw < 11:
			c = answer(first, rnd)
		case draw < 14:
			pause := between(rnd, 0.3, 0.8)
			c = answer(join([]*phrase{first, pick(rnd, short)}, func() float64 { return pause }), rnd)
		case draw < 17:
			pause := between(rnd, 1, 2.5)
			c = answer(join([]*phrase{first, first}, func() float64 { return pause }), rnd)
		default:
			c, sub = answer(business(first, short, rnd), rnd), "business"
		}
		c.label, c.sub, c.lang, c.voice, c.real = "human", sub, first.from.lang, voice, "real"
		c.source, c.licence = from(s, first.from), s.licence
		c.end = min(c.end, c.onset+int(1000*first.seconds())-10*(before+after))
		to.keep(c)
	}
}

// business is several phrases in a row, 1.5 to 3 s in all: a name, a house, a wish.
func business(first *phrase, said []*phrase, rnd *rand.Rand) *phrase {
	long, list := between(rnd, 1.5, 2.6), []*phrase{first}
	for total := first.seconds(); total < long; {
		next := pick(rnd, said)
		total += next.seconds()
		list = append(list, next)
	}
	return join(list, func() float64 { return between(rnd, 0.03, 0.25) })
}

// answer is what is said on a line: noise, the words, noise as before.
func answer(said *phrase, rnd *rand.Rand) *clip {
	wait := between(rnd, 0.1, 1.5)
	total := max(between(rnd, 5, 8), wait+said.seconds()+2.5)
	return on(said, wait, total, rnd)
}

// on puts what is said on a line for some seconds, at the level of a telephone.
func on(said *phrase, wait, total float64, rnd *rand.Rand) *clip {
	x := make([]float64, samples(total))
	mix(x, said.pcm, samples(wait))
	factor := db(between(rnd, -18, -4)) / max(1e-9, peak(x))
	scale(x, factor)
	hiss(x, max(factor*said.noise, db(between(rnd, -72, -50))), rnd)
	onset := int(1000*wait) + 10*before
	return &clip{pcm: x, onset: onset, end: min(int(1000*total), onset+int(1000*said.seconds())-10*(before+after))}
}

// hiss adds the noise of a line: from white to brown, of some lines with a hum, and
// on every fifth nothing that is to be heard.
func hiss(x []float64, level float64, rnd *rand.Rand) {
	if rnd.IntN(5) == 0 {
		level = db(-84)
	}
	pole := 0.95 * rnd.Float64()
	own := level * root(1-pole*pole)
	humming := 0.0
	if rnd.IntN(4) == 0 {
		humming = level
	}
	var state float64
	for i := range x {
		state = pole*state + own*rnd.NormFloat64()
		x[i] += state + humming*hum(i)
	}
}
