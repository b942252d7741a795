package hearing

import (
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
	if req.Role != calls.RoleCustomer || a.cfg.Deaf != nil && a.cfg.Deaf(req.Trunk) {
		return nil
	}
	e := &ears{listener: progress.New(progress.Options{Countries: a.cfg.Countries, Book: a.Book(req.Account)})}
	e.tell = func(f amd.Finding) {
		h := heard(f)
		a.heard.WithLabelValues(string(h.Kind)).Inc()
		report(h)
	}
	return e
}

// ears feed what a port receives to a listener (media.Analyser).
type ears struct {
	listener *progress.Listener
	tell     func(amd.Finding)
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
