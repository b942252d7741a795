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

// Trace is what a Listener came to know of a sound, before any verdict, so that
// many models and parameters can judge it without hearing it again.
type Trace struct {
	steps []traced
}

// traced is a look, a finding, or the look at the end.
type traced struct {
	look    Look
	finding *Finding
	end     bool
	other   float32
	machine float32
}

// Record hears a whole sound, 20 ms at a time.
func Record(pcm []int16, detectors ...Detector) *Trace {
	t, h := &Trace{}, &front{}
	h.listen(detectors, func(f Finding) { t.steps = append(t.steps, traced{finding: &f}) }, func() {
		h.scene.look()
		t.add(&h.scene, false)
	})
	const packet = Rate / 50
	for i := 0; i < len(pcm); i += packet {
		h.write(pcm[i:min(len(pcm), i+packet)])
	}
	h.end()
	t.add(&h.scene, true)
	return t
}

func (t *Trace) add(s *scene, end bool) {
	t.steps = append(t.steps, traced{end: end})
	s.note(&t.steps[len(t.steps)-1].look)
}

// Consider asks a model about every look.
func (t *Trace) Consider(m *Model) {
	for i := range t.steps {
		if s := &t.steps[i]; s.finding == nil && s.look.Onset >= 0 {
			s.machine = m.Machine.probability((*vector)(&s.look.X))
			s.other = m.Other.probability((*vector)(&s.look.X))
		}
	}
}

// Judge tells what a Listener with these parameters, and the model that was asked
// last, would have told. The parameters need limits.
func (t *Trace) Judge(p Params, tell func(Event)) {
	d := decision{params: &p, tell: tell, onset: -1, now: moment{onset: -1}}
	for i := range t.steps {
		s := &t.steps[i]
		m := moment{at: s.look.At, onset: s.look.Onset, quiet: s.look.Quiet, machine: s.machine, other: s.other}
		switch {
		case s.finding != nil:
			d.found(*s.finding)
		case s.end:
			d.end(m)
		case !d.done():
			d.look(m)
		}
	}
}
