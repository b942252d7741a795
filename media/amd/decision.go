package amd

// decision makes verdicts of what the model and the detectors say. It hears
// nothing itself: a Listener drives it.
type decision struct {
	params *Params
	tell   func(Event) // while a method runs

	verdict Verdict
	onset   int64 // of the verdict's speech, -1 without
	revised bool
	spoken  bool // Speech was told
	ended   bool // GreetingEnd was told
	ringing bool // the verdict is that it rings: somebody may still come
	now     moment
}

// moment is what one look at the scene came to.
type moment struct {
	at             int64 // the last sample heard
	onset          int64 // of the speech, -1 where nobody spoke
	quiet          int64 // samples of silence since the last speech, or in all
	machine, other float32
	clear          float32 // by how much the loudest speech stands above the noise, dB
}

// clearSpeech is what speech in noise stands out by less than, dB: about 18 dB of
// speech to noise as it is commonly measured.
const clearSpeech = 30

// done reports that nothing more will be told but tones.
func (d *decision) done() bool {
	switch d.verdict {
	case "":
		return false
	case Machine:
		return d.ended
	case Fax, Announced:
		if !d.ringing {
			return true
		}
	}
	return d.revised || d.now.at-max(d.onset, 0) > samples(d.params.MaxGreeting)
}

// settled reports that what is said can change the verdict no more, and lets time
// pass: tones still can.
func (d *decision) settled(at int64) bool {
	switch d.verdict {
	case "", Silence, Machine:
		return false
	}
	if d.ringing || at-max(d.onset, 0) <= samples(d.params.ReviseFor) {
		return false
	}
	d.now.at = at
	return true
}

// asks reports whether the model's opinion matters.
func (d *decision) asks() bool { return d.verdict != Machine }

// look takes what there is every 100 ms.
func (d *decision) look(m moment) {
	d.now = m
	switch {
	case d.verdict == Machine:
		d.endOfGreeting()
		return
	case m.onset < 0:
		if d.verdict == "" && m.at >= samples(d.params.NoSpeech) {
			d.judge(Silence, causeQuiet, 0.9)
		}
		return
	}
	elapsed := m.at - m.onset
	if !d.spoken && m.other < d.params.Limits.OtherAbove {
		d.spoken = true
		d.tell(Event{Kind: Speech, At: m.at, Onset: m.onset})
	}
	switch {
	case d.verdict == "" || d.verdict == Silence:
		d.decide(elapsed)
	case d.ringing:
		d.early()
	default:
		d.reconsider(elapsed)
	}
}

// decide gives the first verdict, or the first after silence, if it is time.
func (d *decision) decide(elapsed int64) {
	switch {
	case elapsed >= samples(d.params.Deadline):
		d.atLast(causeLimit)
	case float32(elapsed) >= d.params.Limits.Earliest*Rate:
		d.early()
	}
}

// early gives a verdict that is sure.
func (d *decision) early() {
	p := &d.params.Limits
	switch {
	case d.now.machine <= p.HumanBelow && d.now.other < p.OtherSpeech:
		d.judge(Human, causeShort, 1-d.now.machine)
	case d.now.machine >= p.MachineAbove && d.now.other < p.OtherEarly:
		d.judge(Machine, causeLong, d.now.machine)
	}
}

// atLast gives the verdict that can wait no longer.
func (d *decision) atLast(cause string) {
	p, m := &d.params.Limits, d.now
	limit := p.AtDeadline
	if m.clear < clearSpeech {
		limit -= p.LessInNoise
	}
	switch {
	case m.other >= p.OtherAbove:
		d.judge(Unknown, causeNoise, m.other)
	case m.machine >= limit:
		d.judge(Machine, cause, m.machine)
	case m.machine >= p.UnknownAbove:
		d.judge(Unknown, cause, 1-m.machine)
	default:
		d.judge(Human, cause, 1-m.machine)
	}
}

// reconsider lets somebody who was thought a person turn out a machine: soon where
// that is sure, at last where it is likely.
func (d *decision) reconsider(elapsed int64) {
	p, limit := &d.params.Limits, samples(d.params.ReviseFor)
	if elapsed > limit || d.now.other >= p.OtherLater {
		return
	}
	if d.now.machine >= p.ReviseAbove || elapsed > limit-2*lookEvery*hop && d.now.machine >= p.ReviseAtLast {
		d.judge(Machine, causeLong, d.now.machine)
	}
}

// judge tells a verdict: the first, or one that takes its place.
func (d *decision) judge(v Verdict, cause string, confidence float32) {
	if v == d.verdict || d.revised {
		return
	}
	kind := Decided
	if d.verdict != "" {
		kind, d.revised = Revised, true
	}
	if d.verdict = v; d.now.onset >= 0 {
		d.onset = d.now.onset
	}
	d.tell(Event{Kind: kind, At: d.now.at, Verdict: v, Cause: cause, Confidence: float64(confidence), Onset: d.onset})
}

// endOfGreeting tells that a machine has been silent for long enough, or has
// spoken for too long.
func (d *decision) endOfGreeting() {
	switch {
	case d.ended:
	case d.now.quiet >= samples(d.params.EndSilence):
		d.waits(d.now.at, "silence")
	case d.now.at-max(d.onset, 0) >= samples(d.params.MaxGreeting):
		d.waits(d.now.at, "timeout")
	}
}

func (d *decision) waits(now int64, by string) {
	if !d.ended {
		d.ended = true
		d.tell(Event{Kind: GreetingEnd, At: now, Verdict: d.verdict, Cause: by, Onset: d.onset})
	}
}

// sureBeep is how sure a beep must be to call a human, or nobody, a machine.
const (
	sureBeep = 0.7
	sureTone = 0.6 // the same for a tone of the network
)

// beepApart is how long a beep must come after the onset, in samples, to be judged
// by what was heard besides it.
const beepApart = Rate / 5

// inMusic reports whether a beep is a note: what came before it was no speech.
func (d *decision) inMusic(f *Finding) bool {
	return (d.verdict == "" || d.verdict == Unknown) && d.now.onset >= 0 && f.From-d.now.onset > beepApart && d.now.other >= d.params.Limits.OtherNote
}

// found takes what a detector found.
func (d *decision) found(f Finding) {
	if f.Kind == Beep {
		d.tell(Event{Kind: Beeped, At: f.To, Cause: causeBeep, Confidence: f.Confidence, Onset: d.onset, Finding: f})
		if f.Confidence >= sureBeep && !d.inMusic(&f) {
			d.judge(Machine, causeBeep, float32(f.Confidence))
		}
		if d.verdict == Machine {
			d.waits(f.To, causeBeep)
		}
		return
	}
	d.tell(Event{Kind: Heard, At: f.To, Cause: causeOf(f), Confidence: f.Confidence, Onset: d.onset, Finding: f})
	switch f.Kind {
	case FaxCNG, FaxCED:
		d.judge(Fax, causeOf(f), float32(f.Confidence))
	case Known:
		d.judge(verdictOf(f.Meaning), causeOf(f), float32(f.Confidence))
	default:
		if f.Confidence >= sureTone {
			d.judge(Announced, causeOf(f), float32(f.Confidence))
			d.ringing = f.Kind == Ringback && d.verdict == Announced
		}
	}
}

// end gives the best guess where there is no verdict yet.
func (d *decision) end(m moment) {
	d.now = m
	switch {
	case d.verdict != "":
	case m.onset < 0:
		d.judge(Silence, causeQuiet, 0.5)
	default:
		d.atLast(causeEnd)
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
