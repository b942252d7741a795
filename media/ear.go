package media

import (
	"time"

	"zvonar/media/dtmf"
)

// concealable is the longest gap that a tone may be thought to sound through:
// two packets of 20 ms, or one of 40.
const concealable = 40 * sampleRate / 1000

// ear hears digits in the sound of a leg (dtmf.Inband).
type ear struct {
	port     *Port
	detector *dtmf.Inband
	at       time.Time
}

func newEar(p *Port) *ear { return &ear{port: p, detector: dtmf.NewInband()} }

// Hear implements Analyser. A lost packet is told to the detector as a gap: that
// loses and doubles fewer digits than silence or the last packet in its place
// (docs/decisions/030).
func (e *ear) Hear(s Sound) {
	e.at = s.At
	switch {
	case s.Fresh, s.Pause, s.Gap > 0 && !s.Lost, s.Gap > concealable:
		e.detector.Flush(e.press)
	case s.Gap > 0:
		e.detector.Gap(s.Gap)
	}
	e.detector.Write(s.PCM, e.press)
}

// press tells a digit once, as soon as it is certain.
func (e *ear) press(p dtmf.Press) {
	if p.Ended {
		return
	}
	e.port.engine.inband.Add(1)
	e.port.home.box.add(told{e.port, Event{Kind: EventDigit, At: e.at, Digit: p.Digit, Via: viaInband}})
}
