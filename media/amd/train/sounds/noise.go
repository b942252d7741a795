package main

import (
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var number = regexp.MustCompile(`[0-9]+$`)

// noise takes what is heard around people, short recordings again and again.
func noise(ctx context.Context, s *source, files []*input, to *shelf) error {
	files = spread(files, s.take)
	sounds, err := decode(ctx, files, 60, s.input)
	if err != nil {
		return err
	}
	for i, x := range sounds {
		if len(x) < samples(1.5) {
			continue
		}
		place := strings.TrimSuffix(filepath.Base(files[i].name), filepath.Ext(files[i].name))
		rnd := chance(s.pkg + place)
		n := samples(between(rnd, 8, 12))
		for lap := samples(0.3); len(x) < n; {
			x = lapped(x, x, lap)
		}
		at := rnd.IntN(len(x) - n + 1)
		to.keep(&clip{
			label: "noise", sub: "place", lang: "xx", voice: plain(s.pkg + "_" + number.ReplaceAllString(place, "")), real: "real",
			source: from(s, files[i]), licence: s.licence, pcm: level(fade(slices.Clone(x[at:at+n]), 80), rnd),
		})
	}
	return to.err
}

// lapped is x with y behind it, over whose first n samples it fades.
func lapped(x, y []float64, n int) []float64 {
	out := append(slices.Clone(x), y[n:]...)
	for i := range n {
		part := float64(i) / float64(n)
		k := len(x) - n + i
		out[k] = x[k]*(1-part) + y[i]*part
	}
	return out
}
