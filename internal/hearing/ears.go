package hearing

import (
	"time"

	"zvonar/internal/calls"
	"zvonar/media"
	"zvonar/media/amd"
	"zvonar/media/progress"
)

// longestSilence is how long a pause of the far end is followed sample by sample:
// no cadence has a longer one.
const longestSilence = 10 * 8000

// Ears listen to the sound before the answer of a customer's call; nil where
// nobody should. report is called on a media analyst's goroutine.
func (a *Announcements) Ears(req calls.DialRequest, report func(calls.Heard)) media.Analyser {
	if req.Role != calls.RoleCustomer || req.EarlyMedia == calls.EarlyOff || req.EarlyMedia == "" && a.cfg.Deaf != nil && a.cfg.Deaf(req.Trunk) {
		return nil
	}
	p := amd.Defaults()
	p.NoSpeech = time.Hour // it rings
	e := &ears{listener: amd.New(p, progress.New(progress.Options{Countries: a.cfg.Countries, Book: a.Book(req.Account)}))}
	e.report = func(h calls.Heard) {
		a.heard.WithLabelValues(string(h.Kind)).Inc()
		report(h)
	}
	e.tell = e.told
	return e
}

// ears feed what a port receives to a listener (media.Analyser).
type ears struct {
	listener *amd.Listener
	tell     func(amd.Event)
	report   func(calls.Heard)
	spoke    bool // a machine, in words that are not known
	named    bool // what is heard has a name: a tone, a known announcement
	mail     bool // voicemail was told
}

// told takes what the listener says. Speech before the answer is no person: what
// sounds like a machine that speaks is one, and with a beep after it takes messages.
func (e *ears) told(ev amd.Event) {
	switch ev.Kind {
	case amd.Heard, amd.Beeped:
		f := ev.Finding
		if f.Kind == amd.Known {
			e.named = true
		}
		e.report(heard(f))
		if f.Kind == amd.Beep && e.spoke && !e.named && !e.mail {
			e.mail = true
			e.report(calls.Heard{Kind: calls.HeardVoicemail, Hz: f.Hz, Confidence: f.Confidence})
		}
	case amd.Decided, amd.Revised:
		if ev.Verdict == amd.Machine && !e.spoke && !e.named && ev.Cause != string(amd.Beep) {
			e.spoke = true
			e.report(calls.Heard{Kind: calls.HeardSpeech, Confidence: ev.Confidence})
		}
	}
}

// Hear implements media.Analyser. Lost packets are gaps; what the far end did not
// send is silence, which ends a tone.
func (e *ears) Hear(s media.Sound) {
	switch {
	case s.Gap > 0 && s.Lost:
		e.listener.Gap(s.Gap)
	case s.Gap > 0:
		e.listener.Silence(min(s.Gap, longestSilence), e.tell)
	case s.Fresh:
		e.listener.Gap(0) // no frame may look across the seam
	}
	e.listener.Feed(s.PCM, e.tell)
}

// heard is a finding in the words of the domain.
func heard(f amd.Finding) calls.Heard {
	return calls.Heard{Kind: calls.HeardKind(f.Kind), Detail: f.Detail, Meaning: calls.Meaning(f.Meaning), Hz: f.Hz, Confidence: f.Confidence}
}
