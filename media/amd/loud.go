package amd

// The features of what is loud. A floor of noise hides the faint ends of words and
// what is in the pauses, by more the louder it is; what comes within loudBelow of
// the loudest frames stands out of any noise in which one can be understood.

const (
	loudBelow = 10 // dB below the peak
	clipBelow = 15 // what is fainter counts as this faint
)

// measureLoud says when something is loud.
func (s *scene) measureLoud(v *vector, onset int) {
	limit := s.peak - loudBelow
	loud, bursts, gap, lately, before := 0, 0, 0, 0, 0
	start, last, firstEnd := -1, -1, 0
	for i := onset; i < s.n; i++ {
		if s.smooth(i) < limit {
			continue
		}
		loud++
		switch {
		case i >= s.n-100:
			lately++
		case i >= s.n-200:
			before++
		}
		switch {
		case last < 0:
			start, bursts = i, 1
		case i-last > wordGap:
			bursts++
			gap = max(gap, i-last)
		default:
			gap = max(gap, i-last)
		}
		last = i
		if gap <= phraseGap {
			firstEnd = i
		}
	}
	v[fLoud], v[fLoudShare] = seconds(loud), float32(loud)/float32(s.n-onset)
	v[fLoudTrailing], v[fLoudBursts], v[fLoudGap] = seconds(s.n-1-max(last, onset)), float32(bursts), seconds(gap)
	v[fLoudLately], v[fLoudBefore] = float32(lately)/100, float32(before)/100
	if start >= 0 {
		v[fLoudFirst] = seconds(firstEnd - start + 1)
	}
}

// measureLoudChanges says how the level goes up and down above clipBelow.
func (s *scene) measureLoudChanges(v *vector, onset int) {
	clip := s.peak - clipBelow
	var swing, wave, slow, n, m float32
	for i := onset + waveLag; i < s.n; i++ {
		level := max(s.level[i], clip)
		swing += distance(level, max(s.level[i-swingLag], clip))
		wave += distance(level, max(s.level[i-waveLag], clip))
		n++
		if i-onset >= slowLag {
			slow += distance(level, max(s.level[i-slowLag], clip))
			m++
		}
	}
	v[fLoudSwing], v[fLoudWave], v[fLoudSlow] = swing/max(1, n), wave/max(1, n), slow/max(1, m)
}
