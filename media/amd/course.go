package amd

// The features of the course that speech takes: when there is some, and how it
// changes.

const (
	parts    = fPart7 - fPart0 + 1
	partLen  = 50 // frames
	swingLag = 6
	waveLag  = 12
	slowLag  = 40
	turnLag  = 6
	lowBands = 5 // the others are the high ones
)

// measureParts says how much of each stretch of time is speech.
func (s *scene) measureParts(v *vector, onset int) {
	for k := range parts {
		v[fPart0+k] = s.share(onset+partLen*k, onset+partLen*k+partLen)
	}
	v[fLately] = s.share(max(onset, s.n-100), s.n)
	v[fBefore] = s.share(max(onset, s.n-200), s.n-100)
}

// share is that of speech in frames [from, to), -1 where there are none yet.
func (s *scene) share(from, to int) float32 {
	to = min(to, s.n)
	if to <= from {
		return -1
	}
	n := 0
	for _, r := range s.runs[:s.nruns] {
		n += max(0, min(r.to, to)-max(r.from, from))
	}
	return float32(n) / float32(to-from)
}

// measureChanges says how the level goes up and down: speech does four times a
// second, music and noise otherwise.
func (s *scene) measureChanges(v *vector, onset int) {
	v[fSwing], v[fWave], v[fSlow] = s.changes(onset, s.runs[s.nruns-1].to, s.floor)
	v[fLoudSwing], v[fLoudWave], v[fLoudSlow] = s.changes(onset, s.n, s.peak-clipBelow)
}

// changes are the mean changes of the level over 60, 120 and 400 ms in frames
// [from, to), where what is fainter than least counts as that.
func (s *scene) changes(from, to int, least float32) (swing, wave, slow float32) {
	var n, m float32
	for i := from + waveLag; i < to; i++ {
		level := max(s.level[i], least)
		swing += distance(level, max(s.level[i-swingLag], least))
		wave += distance(level, max(s.level[i-waveLag], least))
		n++
		if i-from >= slowLag {
			slow += distance(level, max(s.level[i-slowLag], least))
			m++
		}
	}
	return swing / max(1, n), wave / max(1, n), slow / max(1, m)
}

// measureTurns says how vowels and hisses take turns.
func (s *scene) measureTurns(v *vector) {
	var turns, n float32
	for _, r := range s.runs[:s.nruns] {
		var before [turnLag]float32
		for i := r.from; i < r.to; i++ {
			tilt := s.tilt(i)
			if i-r.from >= turnLag {
				turns += distance(tilt, before[i%turnLag])
			}
			before[i%turnLag] = tilt
			n++
		}
	}
	v[fTurns] = turns / n
}

// tilt is by how many dB the high bands of a frame stand above the low ones.
func (s *scene) tilt(i int) float32 {
	low, high := 0, 0
	f := &s.frames[i]
	for k, floor := range s.noise {
		if level := int(max(f.band[k], floor)); k < lowBands {
			low += level
		} else {
			high += level
		}
	}
	return float32(high)/(2*float32(bands-lowBands)) - float32(low)/(2*lowBands)
}

func distance(a, b float32) float32 { return max(a, b) - min(a, b) }
