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
		if last < 0 {
			start = i
		} else {
			gap = max(gap, i-last)
		}
		if last < 0 || i-last > wordGap {
			bursts++
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
