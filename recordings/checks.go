package recordings

import (
	"context"
	"math"
	"time"

	"zvonar/internal/calls"
	"zvonar/recordings/audio"
)

// Limits of the checks. Too short a clip and one with key tones in it are
// refused; the others warn the moderator of what callees would mind.
const (
	maxLeadingSilence  = 500 * time.Millisecond
	maxTrailingSilence = 2 * time.Second
	minLevel           = -35.0 // dBFS, RMS of what is not silence
	minLoudness        = -33.0 // LUFS
	maxLoudness        = -9.0  // LUFS
	minSpeech          = 30.0  // percent of the time
	maxClipped         = 0.1   // percent of samples
	maxSimilarity      = 40.0  // percent

	floor = audio.Floor
)

// Levels of a check.
const (
	levelOK      = "ok"
	levelWarning = "warning"
	levelError   = "error"
)

// Bounds of what loudness normalisation does.
const (
	maxGain     = 20.0 // dB
	leastGain   = 0.5  // dB: less is not worth another rounding
	peakCeiling = -1.0 // dBFS that no sample goes beyond
)

// judge makes the checks of what was measured. A clip that is refused comes back
// as *calls.Error with all of them: recording-too-short with measured_ms,
// recording-has-digits with digits.
func (l *Library) judge(r *audio.Report, o options) ([]calls.Check, error) {
	least := l.cfg.MinDuration
	if o.system {
		least = 0
	}
	list := []calls.Check{
		atLeast("duration_ms", ms(r.Duration), ms(least)),
		atLeast("speech_percent", 100*r.Speech, minSpeech),
		atMost("leading_silence_ms", ms(r.Leading), ms(maxLeadingSilence)),
		atMost("trailing_silence_ms", ms(r.Trailing), ms(maxTrailingSilence)),
		atLeast("level_dbfs", r.Level, minLevel),
		between("loudness_lufs", r.Loudness, minLoudness, maxLoudness),
		atMost("clipped_percent", 100*r.Clipped, maxClipped),
		atMost("dtmf_digits", float64(len(r.Digits)), 0),
	}
	if r.Duration < least {
		e := calls.Errorf(calls.CodeRecordingTooShort, "the recording lasts %d ms, at least %d ms are required", r.Duration.Milliseconds(), least.Milliseconds())
		return nil, refusal(e, list, "duration_ms", "measured_ms", r.Duration.Milliseconds())
	}
	if r.Digits != "" {
		e := calls.Errorf(calls.CodeRecordingHasDigits, "key tones sound in the recording (%s): whoever plays it could press keys by it; cut them out", r.Digits)
		return nil, refusal(e, list, "dtmf_digits", "digits", r.Digits)
	}
	return list, nil
}

// refusal completes an error with the checks, of which the one named refuses,
// and with the measure under a name of its own.
func refusal(e *calls.Error, list []calls.Check, name, measure string, value any) *calls.Error {
	for i := range list {
		if list[i].Name == name {
			list[i].Level = levelError
		}
	}
	e.Extra = map[string]any{measure: value, "checks": list}
	return e.At("body.file", nil)
}

// gain is what brings a clip to the configured loudness, 1 where none is
// configured or nothing would be won.
func (l *Library) gain(r *audio.Report) float64 {
	if l.cfg.Loudness == 0 || r.Loudness <= audio.Floor {
		return 1
	}
	db := max(-maxGain, min(l.cfg.Loudness-r.Loudness, maxGain, peakCeiling-r.Peak))
	if math.Abs(db) < leastGain {
		return 1
	}
	return math.Pow(10, db/20)
}

func decibels(gain float64) float64 { return 20 * math.Log10(gain) }

// compare adds what is known of the clip already: the same content, and the
// recording that sounds most like it.
func (l *Library) compare(ctx context.Context, account string, p *product, print audio.Print, list []calls.Check, o options) ([]calls.Check, error) {
	same, best, name := 0, 0.0, ""
	err := l.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		filter := calls.RecordingFilter{Account: account, Limit: 500}
		for {
			page, err := tx.Recordings(filter)
			if err != nil {
				return err
			}
			for _, r := range page {
				if r.ID == o.except {
					continue
				}
				if r.SHA256 == p.SHA256 {
					same++
				}
				if s := print.Similarity(audio.ParsePrint(r.Print)); s > best {
					best, name = s, r.ID
				}
			}
			if len(page) < filter.Limit {
				return nil
			}
			filter.Cursor = page[len(page)-1].ID
		}
	})
	alike := atMost("similarity_percent", math.Floor(100*best), maxSimilarity)
	if alike.Level != levelOK {
		alike.Detail = name
	}
	return append(list, atMost("duplicates", float64(same), 0), alike), err
}

func atMost(name string, value, limit float64) calls.Check {
	return check(name, value, limit, value <= limit)
}

func atLeast(name string, value, limit float64) calls.Check {
	return check(name, value, limit, value >= limit)
}

// between gives the limit that is nearer.
func between(name string, value, least, most float64) calls.Check {
	if value-least < most-value {
		return atLeast(name, value, least)
	}
	return atMost(name, value, most)
}

func check(name string, value, limit float64, ok bool) calls.Check {
	c := calls.Check{Name: name, Value: hundredths(value), Limit: limit, Level: levelOK}
	if !ok {
		c.Level = levelWarning
	}
	return c
}

func hundredths(x float64) float64 { return math.Round(x*100) / 100 }

func ms(d time.Duration) float64 { return float64(d.Milliseconds()) }
