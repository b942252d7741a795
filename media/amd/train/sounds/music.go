package main

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
)

// music cuts two pieces out of each track that is taken: one of its middle, and of
// every second its beginning, for who is put on hold hears either.
func music(ctx context.Context, s *source, tracks []*input, to *shelf) error {
	tracks = spread(tracks, s.take)
	wholes, err := decode(ctx, tracks, 75, s.input)
	if err != nil {
		return err
	}
	for i, in := range tracks {
		whole := wholes[i]
		voice := strings.TrimSuffix(filepath.Base(in.name), filepath.Ext(in.name))
		if in.voice != "" {
			voice = in.voice
		}
		voice = plain(s.pkg + "_" + voice)
		add := func(part string, cut func([]float64, *rand.Rand) []float64) error {
			rnd := chance(voice + part)
			return to.put(&clip{
				label: "music", sub: part, lang: "xx", voice: voice, real: "real", source: from(s, in), licence: s.licence,
				pcm: level(fade(cut(whole, rnd), 80), rnd),
			})
		}
		if err := add("middle", middle); err != nil {
			return err
		}
		if i%2 == 0 {
			if err := add("start", beginning); err != nil {
				return err
			}
		}
	}
	return nil
}

// spread takes n of a list, evenly.
func spread[T any](list []T, n int) []T {
	if len(list) <= n {
		return list
	}
	var out []T
	for i := range n {
		out = append(out, list[i*len(list)/n])
	}
	return out
}

// middle is the loudest of three pieces from the inner part of a track.
func middle(whole []float64, rnd *rand.Rand) []float64 {
	n := min(samples(between(rnd, 9, 12)), len(whole))
	best := whole[:n]
	for range 3 {
		at := int(between(rnd, 0.15, 0.85) * float64(len(whole)-n))
		if piece := whole[at : at+n]; power(piece) > power(best) {
			best = piece
		}
	}
	return slices.Clone(best)
}

// beginning is the first piece of a track, from shortly before it is heard.
func beginning(whole []float64, rnd *rand.Rand) []float64 {
	top, at := peak(whole), 0
	for at < len(whole)-1 && max(whole[at], -whole[at]) < 0.01*top {
		at++
	}
	at = max(0, at-samples(between(rnd, 0, 0.4)))
	return slices.Clone(whole[at:min(len(whole), at+samples(between(rnd, 9, 12)))])
}

// level brings the peak to what is heard on telephones.
func level(x []float64, rnd *rand.Rand) []float64 {
	return scale(x, db(between(rnd, -20, -3))/max(1e-9, peak(x)))
}
