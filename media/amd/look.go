package amd

import "zvonar/media/spectrum"

// Look is what the features say at one time; for training and reports.
type Look struct {
	At    int64 // samples from the start
	Onset int64 // where the first speech is believed to have begun, -1 without
	Quiet int64 // samples of silence since the last speech, or in all
	X     [features]float32
}

// Features are the names of Look.X.
func Features() []string { return featureNames[:] }

// Looks tells every look at a sound after the onset of speech, 100 ms apart.
func Looks(pcm []int16, each func(*Look)) {
	s := &scene{}
	var l Look
	spectrum.New().Write(pcm, func(f *spectrum.Frame) {
		if !s.take(f) {
			return
		}
		s.look()
		if s.note(&l); l.Onset >= 0 {
			each(&l)
		}
	})
}

// note writes the last look down.
func (s *scene) note(l *Look) {
	m := s.moment()
	l.At, l.Onset, l.Quiet = m.at, m.onset, m.quiet
	if m.onset >= 0 {
		s.measure((*vector)(&l.X))
	}
}

// moment is the last look without an opinion.
func (s *scene) moment() moment {
	m := moment{at: s.heard(), onset: -1, quiet: int64(s.n) * hop}
	if s.nruns > 0 {
		m.onset, m.quiet = s.onset(), int64(s.n-s.runs[s.nruns-1].to)*hop
	}
	return m
}

// heard is the last sample that the scene knows of, onset the first of speech.
func (s *scene) heard() int64 { return (s.end()-1)*hop + spectrum.Window }

func (s *scene) onset() int64 {
	return (s.first+int64(s.runs[0].from))*hop + spectrum.Window/2 - hop
}
