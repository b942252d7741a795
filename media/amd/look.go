package amd

import "zvonar/media/spectrum"

// Look is what the features say at one time; for training and reports.
type Look struct {
	At    int64 // samples from the start
	Onset int64 // where the first speech is believed to have begun
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
		if s.look(); s.nruns == 0 {
			return
		}
		s.measure((*vector)(&l.X))
		l.At, l.Onset = s.heard(), s.onset()
		each(&l)
	})
}

// heard is the last sample that the scene knows of, onset the first of speech.
func (s *scene) heard() int64 { return (s.end()-1)*hop + spectrum.Window }

func (s *scene) onset() int64 {
	return (s.first+int64(s.runs[0].from))*hop + spectrum.Window/2 - hop
}
