package amd

// Listener hears an answered call and judges who answered. One goroutine at a
// time; no allocation once made.
type Listener struct {
	params   Params
	features vector
	opinion  opinion
	front
	decision
}

// New makes a listener. What the detectors find becomes verdicts, too; they are
// the listener's from here on.
func New(p Params, detectors ...Detector) *Listener {
	if p.Model == nil {
		p.Model = &builtIn
	}
	if p.Limits == (Limits{}) {
		p.Limits = p.Model.Limits
	}
	l := &Listener{params: p}
	l.decision = decision{params: &l.params, onset: -1, now: moment{onset: -1}}
	l.listen(detectors, l.found, l.step)
	l.rest = l.settled
	return l
}

// Model is the id of the model that judges.
func (l *Listener) Model() string { return l.params.Model.ID }

// Verdict is the one that stands, "" before the first.
func (l *Listener) Verdict() Verdict { return l.verdict }

// Done reports that nothing more will be told but tones: the verdict stands, and
// the greeting of a machine is over.
func (l *Listener) Done() bool { return l.done() }

// Feed hears the samples that follow, however many. tell is called before it
// returns and is not kept.
func (l *Listener) Feed(pcm []int16, tell func(Event)) {
	l.tell = tell
	l.write(pcm)
	l.tell = nil
}

// Gap says that n samples were lost.
func (l *Listener) Gap(n int) { l.gap(n) }

// Silence says that the far end sent nothing for n samples: it is silent.
func (l *Listener) Silence(n int, tell func(Event)) {
	l.tell = tell
	l.silence(n)
	l.tell = nil
}

// Close says that the sound ended. Without a verdict by then, the best guess is
// one.
func (l *Listener) Close(tell func(Event)) {
	l.tell = tell
	l.front.end()
	if l.verdict == "" {
		l.decision.end(l.moment())
	}
	l.tell = nil
}

// step is done every 100 ms.
func (l *Listener) step() {
	if !l.done() {
		l.scene.look()
		l.look(l.moment())
	}
}

// moment is what the last look at the scene says.
func (l *Listener) moment() moment {
	m := l.scene.moment()
	if m.onset >= 0 && l.asks() {
		l.scene.measure(&l.features)
		m.clear = l.features[fRange]
		m.machine = l.opinion.after(l.params.Model.Machine.odds(&l.features))
		m.other = l.params.Model.Other.probability(&l.features)
	}
	return m
}
