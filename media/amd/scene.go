package amd

import "zvonar/media/spectrum"

// scene is what has been heard so far: frames, and where in them somebody speaks.
// Speech is told from noise anew at every look, with the floor and the peak that
// are known by then; so a wrong first guess does not last.
type scene struct {
	frames [maxFrames]frame
	n      int                  // frames kept
	first  int64                // number of the oldest kept frame
	count  [bands][levels]int16 // of frames by level of a band

	// Of the last look, and of those before it while the weights of the bands stay:
	weight  [bands]float32
	weighed int                // frames whose level is known
	loud    [levels]int16      // of them by level
	level   [maxFrames]float32 // dB: loudness where the noise has been made equal in all parts of the spectrum

	// Of the last look:
	floor, peak float32 // of level
	runs        [maxRuns]run
	nruns       int
	noise       [bands]uint8 // where a band stands above it, in half decibels
	hum         float32      // power of the noise
	volume      float32      // dB below full scale of the loudest frames
}

// run is a stretch of speech, in frames of the scene: [from, to).
type run struct{ from, to int }

const (
	maxFrames = 1280 // 12.8 s
	dropped   = 256  // forgotten at once when it is full
	maxRuns   = 64
	levels    = 256 // counts of levels, half a dB each from silentLevel

	// headroom is how far below the loudest frames noise is still noticed, dB:
	// what is quieter does not colour the loudness.
	headroom = 42
	// loudestStart bounds what may be taken for noise in the first half second, for
	// a greeting may begin with the first sample; dB below full scale.
	loudestStart = -46
	startFrames  = 60

	lookEvery = 10 // frames between two looks: 100 ms

	minRange  = 9   // dB from floor to peak: less is no speech
	minPeak   = -62 // dB below full scale
	peakFrame = 6   // frames that reach the peak

	onShare, minOn   = 0.36, 5.0 // of the range above the floor where speech begins
	offShare, minOff = 0.24, 3.5 // and below which it ends
	minRun           = 4         // frames: less is a click
	bridge           = 6         // frames: a shorter dip is part of the sound
	maxFaint         = 17.0      // dB below the peak: who speaks behind, breath, an echo
)

// take adds the frame of a spectrum, and before it what is missing since the one
// before; true where a look is due.
func (s *scene) take(f *spectrum.Frame) (due bool) {
	number := f.At / hop
	for held := 0; s.n > 0 && s.first+int64(s.n) < number; held++ {
		last := frame{}
		if held < holdFrames {
			last = s.frames[s.n-1]
		}
		due = s.put(last) || due
	}
	if s.n == 0 {
		s.first = number
	}
	return s.put(judge(f)) || due
}

// put adds a frame.
func (s *scene) put(f frame) (due bool) {
	if s.n == maxFrames {
		for i := range s.frames[:dropped] {
			s.tally(&s.frames[i], -1)
		}
		copy(s.frames[:], s.frames[dropped:])
		s.n -= dropped
		s.first += dropped
		s.weighed = 0
	}
	s.frames[s.n] = f
	s.n++
	s.tally(&f, 1)
	return s.end()%lookEvery == 0
}

// end is the number of the next frame.
func (s *scene) end() int64 { return s.first + int64(s.n) }

func (s *scene) tally(f *frame, by int16) {
	for b, level := range f.band {
		s.count[b][level] += by
	}
}

// quantile is the level that k frames do not exceed, dB.
func quantile(count *[levels]int16, k int) float32 {
	sum := 0
	for i, c := range count {
		if sum += int(c); sum >= k {
			return float32(i)/2 + silentLevel
		}
	}
	return silentLevel
}

// weigh fills level: each band counts by how far it stands above its own noise.
func (s *scene) weigh() {
	var noise [bands]float32
	s.volume, s.hum = silentLevel, 0
	for b := range bands {
		noise[b] = quantile(&s.count[b], max(1, s.n/10))
		if s.first < startFrames && s.n < startFrames {
			noise[b] = min(noise[b], loudestStart-6)
		}
		s.volume = max(s.volume, quantile(&s.count[b], s.n-peakFrame))
	}
	var weight [bands]float32
	for b := range bands {
		s.hum += powerOf(noise[b])
		weight[b] = powerOf(s.volume - headroom - max(noise[b], s.volume-headroom))
		s.noise[b] = steps(powerOf(noise[b] + 3))
	}
	if weight != s.weight || s.weighed == 0 {
		s.weight, s.weighed, s.loud = weight, 0, [levels]int16{}
	}
	for i := s.weighed; i < s.n; i++ {
		var sum float32
		for b, level := range s.frames[i].band {
			sum += powers[level] * weight[b]
		}
		s.level[i] = decibel(sum)
		s.loud[steps(sum)]++
	}
	s.weighed = s.n
	s.floor, s.peak = quantile(&s.loud, max(1, s.n/10)), quantile(&s.loud, s.n-peakFrame)
	s.floor = max(s.floor, s.peak-headroom)
	if s.first < startFrames && s.n < startFrames {
		s.floor = min(s.floor, loudestStart)
	}
}

// flux is by how many dB the bands of a frame differ from those of the one
// before, on average, where they stand above the noise.
func (s *scene) flux(i int) float32 {
	sum := 0
	a, b := &s.frames[max(0, i-1)], &s.frames[i]
	for k, floor := range s.noise {
		x, y := max(a.band[k], floor), max(b.band[k], floor)
		sum += int(max(x, y) - min(x, y))
	}
	return float32(sum) / (2 * float32(bands))
}

// tonal is the share of the strongest line in what stands above the noise.
func (s *scene) tonal(i int) float32 {
	var sum float32
	for _, level := range s.frames[i].band {
		sum += powers[level]
	}
	line := powers[s.frames[i].line]
	return line / max(sum-s.hum, line)
}

// look finds floor, peak and the runs of speech.
func (s *scene) look() {
	s.nruns = 0
	s.weigh()
	span := s.peak - s.floor
	if span < minRange || s.volume < minPeak {
		return
	}
	on, off := s.floor+max(minOn, onShare*span), s.floor+max(minOff, offShare*span)
	from, last, loudest := -1, 0, float32(0)
	for i := range s.n {
		level := s.smooth(i)
		switch {
		case level >= on && from < 0:
			from, last, loudest = i, i, level
		case from >= 0 && level >= off:
			last, loudest = i, max(loudest, level)
		case from >= 0 && i-last > bridge:
			s.close(from, last+1, loudest)
			from = -1
		}
	}
	if from >= 0 {
		s.close(from, last+1, loudest)
	}
}

func (s *scene) close(from, to int, loudest float32) {
	if to-from < minRun || loudest < s.peak-maxFaint || s.nruns == maxRuns {
		return
	}
	s.runs[s.nruns] = run{from, to}
	s.nruns++
}

// smooth is the level over three frames.
func (s *scene) smooth(i int) float32 {
	a, b := max(0, i-1), min(s.n-1, i+1)
	return (s.level[a] + s.level[i] + s.level[b]) / 3
}
