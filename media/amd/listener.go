package amd

import "zvonar/media/spectrum"

// Listener hears an answered call and judges who answered. One goroutine at a
// time; no allocation once made.
type Listener struct {
	params    Params
	detectors []Detector
	spectrum  *spectrum.Analyzer
	scene     scene
	look      vector

	tell  func(Event) // during a call of its methods
	see   func(*spectrum.Frame)
	found func(Finding)

	verdict  Verdict
	revised  bool
	onset    int64 // of the verdict's speech, -1 without
	spoken   bool  // Speech was told
	ended    bool  // GreetingEnd was told
	ringing  bool  // the verdict is that it rings: somebody may still come
	machine  float32
	other    float32
	judgedAt int64 // of the first verdict
	passed   int64 // samples that only the detectors heard, the verdict being settled
}

// New makes a listener. What the detectors find becomes verdicts, too; they are
// the listener's from here on.
func New(p Params, detectors ...Detector) *Listener {
	if p.Model == nil {
		p.Model = &builtIn
	}
	l := &Listener{params: p, detectors: detectors, spectrum: spectrum.New(), onset: -1}
	l.see, l.found = l.frame, l.finding
	return l
}

// Model is the id of the model that judges.
func (l *Listener) Model() string { return l.params.Model.ID }

// Verdict is the one that stands, "" before the first.
func (l *Listener) Verdict() Verdict { return l.verdict }

// Feed hears the samples that follow, however many. tell is called before it
// returns and is not kept.
func (l *Listener) Feed(pcm []int16, tell func(Event)) {
	l.tell = tell
	for _, d := range l.detectors {
		d.Feed(pcm, l.found)
	}
	if l.settled() {
		l.pass(len(pcm))
	} else {
		l.spectrum.Write(pcm, l.see)
	}
	l.tell = nil
}

// pass leaves out samples that cannot change the verdict.
func (l *Listener) pass(n int) {
	l.spectrum.Gap(0)
	l.passed += int64(n)
}

// heard is how many samples there were so far.
func (l *Listener) heard() int64 { return l.scene.heard() + l.passed }

// Gap says that n samples were lost.
func (l *Listener) Gap(n int) {
	for _, d := range l.detectors {
		d.Gap(n)
	}
	l.spectrum.Gap(n)
}

// silent is a detector that can be told of silence that was not sent.
type silent interface {
	Silence(n int, tell func(Finding))
}

// Silence says that the far end sent nothing for n samples: it is silent.
func (l *Listener) Silence(n int, tell func(Event)) {
	l.tell = tell
	for _, d := range l.detectors {
		if s, ok := d.(silent); ok {
			s.Silence(n, l.found)
		} else {
			d.Gap(n)
		}
	}
	if l.settled() {
		l.pass(n)
	} else {
		l.spectrum.Silence(n, l.see)
	}
	l.tell = nil
}

// closer is a detector that knows more once nothing follows.
type closer interface {
	Close(tell func(Finding))
}

// Close says that the sound ended. Without a verdict by then, the best guess is
// one.
func (l *Listener) Close(tell func(Event)) {
	l.tell = tell
	for _, d := range l.detectors {
		if c, ok := d.(closer); ok {
			c.Close(l.found)
		}
	}
	if l.verdict == "" {
		switch l.scene.look(); {
		case l.scene.nruns == 0:
			l.judge(Silence, causeQuiet, 0.5)
		default:
			l.consider()
			l.atLast(causeEnd)
		}
	}
	l.tell = nil
}

// Done reports that nothing more will be told but tones: the verdict stands, and
// the greeting of a machine is over.
func (l *Listener) Done() bool {
	switch l.verdict {
	case "":
		return false
	case Machine:
		return l.ended
	case Fax, Announced:
		if !l.ringing {
			return true
		}
	}
	return l.revised || l.heard()-max(l.onset, 0) > samples(l.params.MaxGreeting)
}

// frame takes 10 ms.
func (l *Listener) frame(f *spectrum.Frame) {
	if l.scene.take(f) && !l.Done() {
		l.step()
	}
}

// step is done every 100 ms.
func (l *Listener) step() {
	now := l.heard()
	l.scene.look()
	if l.scene.nruns == 0 {
		switch {
		case l.verdict == "" && now >= samples(l.params.NoSpeech):
			l.judge(Silence, causeQuiet, 0.9)
		case l.verdict == Machine:
			l.endOfGreeting(now, int64(l.scene.n)*hop)
		}
		return
	}
	if l.verdict == Machine {
		trailing := l.scene.n - l.scene.runs[l.scene.nruns-1].to
		l.endOfGreeting(now, int64(trailing)*hop)
		return
	}
	l.consider()
	elapsed := now - l.scene.onset()
	if !l.spoken && l.other < l.params.OtherAbove {
		l.spoken = true
		l.tell(Event{Kind: Speech, At: now, Onset: l.scene.onset()})
	}
	switch {
	case l.verdict == "" || l.verdict == Silence:
		l.decide(elapsed)
	case l.ringing:
		l.decide(0)
	case elapsed <= samples(l.params.ReviseFor) && l.machine >= l.params.ReviseAbove && l.other < l.params.OtherAbove:
		l.judge(Machine, causeLong, l.machine)
	}
}

// settled reports that what is said from now on changes the verdict no more; tones
// may, and the end of a machine's greeting is waited for.
func (l *Listener) settled() bool {
	switch l.verdict {
	case "", Silence, Machine:
		return false
	}
	return !l.ringing && l.heard()-max(l.onset, 0) > samples(l.params.ReviseFor)
}

// consider asks the model.
func (l *Listener) consider() {
	l.scene.measure(&l.look)
	l.machine = l.params.Model.Machine.probability(&l.look)
	l.other = l.params.Model.Other.probability(&l.look)
}

// decide gives the first verdict, or the first after silence, if it is time.
func (l *Listener) decide(elapsed int64) {
	if elapsed >= samples(l.params.Deadline) {
		l.atLast(causeLimit)
		return
	}
	if l.other >= l.params.OtherAbove {
		return
	}
	switch {
	case l.machine <= l.params.HumanBelow:
		l.judge(Human, causeShort, 1-l.machine)
	case l.machine >= l.params.MachineAbove && l.other < l.params.OtherAbove/surely:
		l.judge(Machine, causeLong, l.machine)
	}
}

// surely is by how much surer it must be that somebody speaks at all for an early
// machine: music speaks on and on, too.
const surely = 4

// atLast gives the verdict that can wait no longer.
func (l *Listener) atLast(cause string) {
	switch {
	case l.other >= l.params.OtherAbove:
		l.judge(Unknown, causeNoise, l.other)
	case l.machine >= l.params.AtDeadline:
		l.judge(Machine, cause, l.machine)
	case l.machine >= l.params.UnknownAbove:
		l.judge(Unknown, cause, 1-l.machine)
	default:
		l.judge(Human, cause, 1-l.machine)
	}
}

// judge tells a verdict: the first, or one that takes its place.
func (l *Listener) judge(v Verdict, cause string, confidence float32) {
	if v == l.verdict || l.revised {
		return
	}
	kind := Decided
	if l.verdict != "" {
		kind, l.revised = Revised, true
	}
	if l.verdict = v; l.scene.nruns > 0 {
		l.onset = l.scene.onset()
	}
	l.judgedAt = l.heard()
	l.tell(Event{Kind: kind, At: l.judgedAt, Verdict: v, Cause: cause, Confidence: float64(confidence), Onset: l.onset})
}

// endOfGreeting tells that a machine has been silent for long enough, or has
// spoken for too long.
func (l *Listener) endOfGreeting(now, trailing int64) {
	switch {
	case l.ended:
	case trailing >= samples(l.params.EndSilence):
		l.waits(now, "silence")
	case now-max(l.onset, 0) >= samples(l.params.MaxGreeting):
		l.waits(now, "timeout")
	}
}

func (l *Listener) waits(now int64, by string) {
	if !l.ended {
		l.ended = true
		l.tell(Event{Kind: GreetingEnd, At: now, Verdict: l.verdict, Cause: by, Onset: l.onset})
	}
}

// sureBeep is how sure a beep must be to call a human, or nobody, a machine.
const (
	sureBeep = 0.7
	sureTone = 0.6 // the same for a tone of the network
)

// finding takes what a detector found.
func (l *Listener) finding(f Finding) {
	if f.Kind == Beep {
		l.tell(Event{Kind: Beeped, At: f.To, Cause: causeBeep, Confidence: f.Confidence, Onset: l.onset, Finding: f})
		if f.Confidence >= sureBeep {
			l.judge(Machine, causeBeep, float32(f.Confidence))
		}
		if l.verdict == Machine {
			l.waits(f.To, causeBeep)
		}
		return
	}
	l.tell(Event{Kind: Heard, At: f.To, Cause: causeOf(f), Confidence: f.Confidence, Onset: l.onset, Finding: f})
	switch f.Kind {
	case FaxCNG, FaxCED:
		l.judge(Fax, causeOf(f), float32(f.Confidence))
	case Known:
		l.judge(verdictOf(f.Meaning), causeOf(f), float32(f.Confidence))
	default:
		if f.Confidence >= sureTone {
			l.judge(Announced, causeOf(f), float32(f.Confidence))
			l.ringing = f.Kind == Ringback && l.verdict == Announced
		}
	}
}

// causeOf names a finding: "busy", "sit_ic", the name of an announcement.
func causeOf(f Finding) string {
	switch {
	case f.Kind == Known:
		return f.Detail
	case f.Kind == SIT && f.Detail != "":
		return string(SIT) + "_" + f.Detail
	}
	return string(f.Kind)
}

// verdictOf is what a known announcement means: what an operator calls voicemail,
// machine, assistant or ivr takes messages, all else tells why nobody answers.
func verdictOf(meaning string) Verdict {
	switch meaning {
	case "voicemail", "machine", "assistant", "screening", "ivr":
		return Machine
	}
	return Announced
}
