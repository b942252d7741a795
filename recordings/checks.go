package recordings

import (
	"math"
	"time"

	"zvonar/internal/calls"
)

// Limits of the checks. Only the duration refuses a clip; the others warn the
// moderator of what callees would mind.
const (
	maxLeadingSilence  = 500 * time.Millisecond
	maxTrailingSilence = 2 * time.Second
	minLevel           = -35.0 // dBFS, RMS of what is not silence
	maxClipped         = 0.1   // percent of samples

	silenceLevel = -50.0                  // dBFS; a window below it is silence
	window       = 10 * sampleRate / 1000 // samples
	floor        = -120.0                 // dBFS written for digital silence
)

// Levels of a check.
const (
	levelOK      = "ok"
	levelWarning = "warning"
)

// checks measures a clip. minDuration 0 marks one that may be short; same is how
// many recordings have the same content already.
func checks(a *audio, minDuration time.Duration, same int) []calls.Check {
	m := measure(a.pcm)
	clipped := 0.0
	if a.samples > 0 {
		clipped = 100 * float64(a.clipped) / float64(a.samples)
	}
	return []calls.Check{
		atLeast("duration_ms", ms(a.duration()), ms(minDuration)),
		atMost("leading_silence_ms", ms(m.leading), ms(maxLeadingSilence)),
		atMost("trailing_silence_ms", ms(m.trailing), ms(maxTrailingSilence)),
		atLeast("level_dbfs", m.level, minLevel),
		atMost("clipped_percent", clipped, maxClipped),
		atMost("duplicates", float64(same), 0),
	}
}

func atMost(name string, value, limit float64) calls.Check {
	return check(name, value, limit, value <= limit)
}

func atLeast(name string, value, limit float64) calls.Check {
	return check(name, value, limit, value >= limit)
}

func check(name string, value, limit float64, ok bool) calls.Check {
	c := calls.Check{Name: name, Value: math.Round(value*100) / 100, Limit: limit, Level: levelOK}
	if !ok {
		c.Level = levelWarning
	}
	return c
}

func ms(d time.Duration) float64 { return float64(d.Milliseconds()) }

type measured struct {
	leading, trailing time.Duration
	level             float64 // dBFS, RMS over windows that are not silent
}

// measure looks at a clip in windows of 10 ms. A clip that is silent throughout
// is all leading and all trailing silence.
func measure(pcm []int16) measured {
	first, last, loud := -1, -1, 0
	energy := 0.0
	for i := 0; i < len(pcm); i += window {
		w := pcm[i:min(i+window, len(pcm))]
		sum := 0.0
		for _, s := range w {
			sum += float64(s) * float64(s)
		}
		if dbfs(sum/float64(len(w))) < silenceLevel {
			continue
		}
		if first < 0 {
			first = i
		}
		last = i + len(w)
		loud += len(w)
		energy += sum
	}
	if first < 0 {
		all := samples(len(pcm))
		return measured{leading: all, trailing: all, level: floor}
	}
	return measured{leading: samples(first), trailing: samples(len(pcm) - last), level: dbfs(energy / float64(loud))}
}

func samples(n int) time.Duration { return time.Duration(n) * time.Second / sampleRate }

// dbfs is a mean square of 16-bit samples in decibels below full scale.
func dbfs(meanSquare float64) float64 {
	if meanSquare == 0 {
		return floor
	}
	return max(floor, 10*math.Log10(meanSquare/(32768*32768)))
}
