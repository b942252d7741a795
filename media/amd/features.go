package amd

// The features: what a look at the scene says about the speech in it, in the order
// of featureNames. Times are in seconds. They are about when and how long somebody
// speaks and how the loudness moves, and little about how the voice is coloured:
// that would teach the voices and lines of the training set.
const (
	fElapsed   = iota // since the onset
	fSpeech           // time of speech
	fRatio            // of speech to elapsed
	fTrailing         // silence since the last speech
	fFirst            // the first phrase
	fCurrent          // the phrase under way, 0 in a pause
	fLongest          // the longest phrase
	fPhrases          // number of phrases
	fWords            // stretches of speech apart by pauses of 100 ms
	fPause            // the longest pause between phrases
	fLastWord         // the last stretch of speech
	fSyllables        // number of syllables
	fRate             // syllables a second of speech
	fPace             // syllables in the last second
	fSpacing          // deviation of the time from syllable to syllable
	fRecent           // level of the last 200 ms below the peak, dB
	fHalf             // of the last 500 ms
	fSpread           // deviation of the level in speech, dB
	fFall             // level of the last third of the speech against the first, dB
	fEnding           // level of the last 150 ms of speech against all speech, dB
	fRange            // peak above floor, dB
	fFlux             // mean change from frame to frame in speech, dB
	fTonal            // mean share of the strongest line in speech
	fSteady           // share of speech frames whose strongest line stays for 50 ms
	fSustained        // longest stretch of that, s
	fHeld             // share of the frames whose strongest line stays for 120 ms
	fDips             // share of the frames that are faint, 15 dB below the mean of speech
	fPart0            // share of speech in the first half second since the onset, -1 where it has not come
	fPart1            // in the second one, and so on
	fPart2
	fPart3
	fPart4
	fPart5
	fPart6
	fPart7
	fLately // share of speech in the last second
	fBefore // in the second before it, -1 where that is before the onset
	fSwing  // mean change of the level over 60 ms, from the onset to the last speech, dB
	fWave   // over 120 ms, about half a syllable
	fTurns  // mean change over 60 ms of the high bands against the low ones, in speech, dB
	fSlow   // mean change of the level over 400 ms, dB

	// Of what is loud, within 10 dB of the peak: it is the same in noise and without.
	fLoud         // time of it since the onset
	fLoudShare    // of that time
	fLoudTrailing // time since the last of it
	fLoudBursts   // stretches of it apart by pauses of 100 ms
	fLoudGap      // the longest pause in it
	fLoudFirst    // from its beginning to its first pause of 250 ms
	fLoudLately   // share of it in the last second
	fLoudBefore   // in the second before that
	fLoudSwing    // as swing, wave and slow, but what is fainter than 15 dB below the peak counts as that
	fLoudWave
	fLoudSlow

	// Of the lines of the spectrum: held by music, moved by voices, lost in noise at once.
	fLines    // how many stand out of what is beside them in speech, 375 to 2375 Hz
	fStay50   // share of them in speech that were there 50 ms before
	fStay100  // 100 ms before
	fStay200  // 200 ms before
	fStayAll  // share since the onset that were there 50 and 100 ms before
	fStayMost // the most that stayed so in one frame of speech
	fGlide30  // share in speech that was 31 Hz beside 30 ms before, and not there
	fGlide60  // up to 63 Hz beside, 60 ms before
	fNear100  // share that was there or 31 Hz beside 100 ms before
	features
)

// featureNames are for models written as text and for reports.
var featureNames = [features]string{
	"elapsed", "speech", "ratio", "trailing", "first", "current", "longest", "phrases", "words", "pause", "last_word",
	"syllables", "rate", "pace", "spacing", "recent", "half", "spread", "fall", "ending", "range", "flux", "tonal", "steady", "sustained", "held", "dips",
	"part0", "part1", "part2", "part3", "part4", "part5", "part6", "part7", "lately", "before", "swing", "wave", "turns", "slow",
	"loud", "loud_share", "loud_trailing", "loud_bursts", "loud_gap", "loud_first", "loud_lately", "loud_before", "loud_swing", "loud_wave", "loud_slow",
	"lines", "stay50", "stay100", "stay200", "stay_all", "stay_most", "glide30", "glide60", "near100",
}

// vector is one look.
type vector [features]float32

const (
	phraseGap = 25 // frames of silence that end a phrase
	wordGap   = 10 // and a word
	steadyLag = 5  // frames over which a line must stay to be steady
	heldLag   = 12
	faint     = 15 // dB
	steadyBin = 1  // bins it may wander
	// A syllable is a peak of the loudness that stands this far above the dips
	// beside it, dB.
	syllableRise = 3.0
)

// measure fills v with the features of the speech from the first run on. There
// must be a run.
func (s *scene) measure(v *vector) {
	*v = vector{}
	onset := s.runs[0].from
	v[fElapsed] = seconds(s.n - onset)
	s.measurePhrases(v)
	s.measureLevels(v, onset)
	s.measureSyllables(v)
	v[fRange] = s.peak - s.floor
	s.measureParts(v, onset)
	s.measureChanges(v, onset)
	s.measureTurns(v)
	s.measureLoud(v, onset)
	s.measureLines(v)
	s.measureStays(v, onset)
}

func seconds(frames int) float32 { return float32(frames) / 100 }

func (s *scene) measurePhrases(v *vector) {
	speech, phrase, word, longest, pause := 0, 0, 0, 0, 0
	phrases, words := 0, 0
	start, wordStart := 0, 0
	for i, r := range s.runs[:s.nruns] {
		speech += r.to - r.from
		gap := phraseGap
		if i > 0 {
			gap = r.from - s.runs[i-1].to
		}
		if gap >= wordGap {
			words++
			wordStart = r.from
		}
		if gap >= phraseGap {
			if i > 0 {
				pause = max(pause, gap)
			}
			phrases++
			start = r.from
		}
		phrase, word = r.to-start, r.to-wordStart
		longest = max(longest, phrase)
		if phrases == 1 {
			v[fFirst] = seconds(phrase)
		}
	}
	trailing := s.n - s.runs[s.nruns-1].to
	v[fSpeech], v[fTrailing], v[fLongest] = seconds(speech), seconds(trailing), seconds(longest)
	v[fPhrases], v[fWords], v[fPause], v[fLastWord] = float32(phrases), float32(words), seconds(pause), seconds(word)
	if trailing < phraseGap {
		v[fCurrent] = seconds(phrase)
	}
	v[fRatio] = v[fSpeech] / max(v[fElapsed], 0.01)
}

func (s *scene) measureLevels(v *vector, onset int) {
	v[fRecent] = s.peak - s.mean(max(onset, s.n-20), s.n)
	v[fHalf] = s.peak - s.mean(max(onset, s.n-50), s.n)
	var n, sum, squares, flux, tonal, steady float32
	var thirds [3]float32
	var weights [3]float32
	total := int(v[fSpeech]*100 + 0.5)
	hold, held, seen := 0, 0, 0
	for _, r := range s.runs[:s.nruns] {
		for i := r.from; i < r.to; i++ {
			f := &s.frames[i]
			n++
			level := s.level[i]
			sum += level
			squares += level * level
			flux += s.flux(i)
			tonal += s.tonal(i)
			third := min(2, seen*3/max(1, total))
			thirds[third] += level
			weights[third]++
			seen++
			if i-steadyLag >= r.from && near(f.peak, s.frames[i-steadyLag].peak) && near(f.peak, s.frames[i-2].peak) {
				steady++
				hold++
				held = max(held, hold)
			} else {
				hold = 0
			}
		}
	}
	mean := sum / n
	v[fSpread] = root(max(0, squares/n-mean*mean))
	v[fFlux], v[fTonal], v[fSteady], v[fSustained] = flux/n, tonal/n, steady/n, seconds(held)
	if weights[0] > 0 && weights[2] > 0 {
		v[fFall] = thirds[0]/weights[0] - thirds[2]/weights[2]
	}
	var lasting, dips float32
	for i := onset; i < s.n; i++ {
		if i-heldLag >= onset && near(s.frames[i].peak, s.frames[i-heldLag].peak) && near(s.frames[i].peak, s.frames[i-heldLag/2].peak) {
			lasting++
		}
		if s.level[i] < mean-faint {
			dips++
		}
	}
	v[fHeld], v[fDips] = lasting/float32(s.n-onset), dips/float32(s.n-onset)
	last := s.runs[s.nruns-1]
	v[fEnding] = mean - s.mean(max(last.from, last.to-15), last.to)
}

func near(a, b uint8) bool { return a <= b+steadyBin && b <= a+steadyBin }

// mean is the mean level of frames [from, to).
func (s *scene) mean(from, to int) float32 {
	if to <= from {
		return s.floor
	}
	var sum float32
	for _, level := range s.level[from:to] {
		sum += max(level, s.floor)
	}
	return sum / float32(to-from)
}

// measureSyllables counts the peaks of the loudness in speech.
func (s *scene) measureSyllables(v *vector) {
	var n, recent int
	var last int
	var gaps, sum, squares float32
	for _, r := range s.runs[:s.nruns] {
		low, high, at := s.floor, float32(silentLevel), 0
		rising := true
		for i := r.from; i < r.to; i++ {
			level := s.smooth(i)
			if rising {
				if level > high {
					high, at = level, i
				}
				if high-level < syllableRise && i < r.to-1 {
					continue
				}
				if high-low >= syllableRise {
					if n++; s.n-at <= 100 {
						recent++
					}
					if n > 1 {
						gap := seconds(at - last)
						gaps++
						sum += gap
						squares += gap * gap
					}
					last = at
				}
				rising, low = false, level
				continue
			}
			low = min(low, level)
			if level-low >= syllableRise {
				rising, high, at = true, level, i
			}
		}
	}
	v[fSyllables], v[fPace] = float32(n), float32(recent)
	v[fRate] = float32(n) / max(v[fSpeech], 0.1)
	if gaps > 0 {
		mean := sum / gaps
		v[fSpacing] = root(max(0, squares/gaps-mean*mean))
	}
}
