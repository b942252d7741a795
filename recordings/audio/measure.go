package audio

import (
	"math"
	"time"

	"zvonar/media/dtmf"
)

const (
	// silenceLevel is the power in dB below full scale under which a window of
	// 10 ms is silence.
	silenceLevel = -50.0
	window       = Narrow / 100
	// Floor is the level written for digital silence, dB.
	Floor = -120.0
	// maxDigits bounds what is told of a clip that is all key tones.
	maxDigits = 32
)

// Report is what was measured of a clip, in its 8 kHz form.
type Report struct {
	Duration          time.Duration
	Leading, Trailing time.Duration // silence; of a silent clip all of it, both
	Level             float64       // RMS of what is not silent, dB below full scale
	Peak              float64       // largest sample, dB below full scale
	Loudness          float64       // ITU-R BS.1770-4, gated, LUFS
	Speech            float64       // share of the time that sounds like speech, 0 to 1
	Clipped           float64       // share of the source's samples that were cut off, 0 to 1
	Digits            string        // DTMF that is heard in it, at most 32
	Print             Print         // to find the same recording again
}

// meter measures 8 kHz samples as they come by.
type meter struct {
	samples     int64
	first, last int64 // samples of the first and behind the last window that is not silent
	loud        int64 // samples in such windows
	energy      float64
	peak        int
	win         []int16 // the window that is not full yet

	loudness *loudness
	speech   speech
	printer  *printer
	dtmf     *dtmf.Inband
	digits   []byte
}

func newMeter() *meter {
	return &meter{first: -1, win: make([]int16, 0, window), loudness: newLoudness(Narrow), printer: newPrinter(), dtmf: dtmf.NewInband()}
}

func (m *meter) write(pcm []int16) {
	m.loudness.write(pcm)
	m.speech.write(pcm)
	m.printer.write(pcm)
	m.dtmf.Write(pcm, m.heard)
	for _, s := range pcm {
		m.peak = max(m.peak, int(s), -int(s))
		if m.win = append(m.win, s); len(m.win) == window {
			m.window()
		}
	}
}

func (m *meter) heard(p dtmf.Press) {
	if !p.Ended && len(m.digits) < maxDigits {
		m.digits = append(m.digits, p.Digit)
	}
}

func (m *meter) window() {
	n := int64(len(m.win))
	sum := 0.0
	for _, s := range m.win {
		sum += float64(s) * float64(s)
	}
	m.win = m.win[:0]
	if DBFS(sum/float64(n)) >= silenceLevel {
		if m.first < 0 {
			m.first = m.samples
		}
		m.last = m.samples + n
		m.loud += n
		m.energy += sum
	}
	m.samples += n
}

// report ends the measurement.
func (m *meter) report() *Report {
	if len(m.win) > 0 {
		m.window()
	}
	m.dtmf.Flush(m.heard)
	r := &Report{Duration: span(m.samples), Level: Floor, Peak: Floor, Loudness: m.loudness.integrated(),
		Speech: m.speech.share(), Digits: string(m.digits), Print: m.printer.print()}
	r.Leading, r.Trailing = r.Duration, r.Duration
	if m.first >= 0 {
		r.Leading, r.Trailing = span(m.first), span(m.samples-m.last)
		r.Level = DBFS(m.energy / float64(m.loud))
	}
	if m.peak > 0 {
		r.Peak = DBFS(float64(m.peak) * float64(m.peak))
	}
	return r
}

func span(samples int64) time.Duration { return time.Duration(samples) * time.Second / Narrow }

// DBFS is a mean square of 16-bit samples in decibels below full scale.
func DBFS(meanSquare float64) float64 {
	if meanSquare == 0 {
		return Floor
	}
	return max(Floor, 10*math.Log10(meanSquare/(32768*32768)))
}
