package amd

import "testing"

// atDeadline is the verdict on speech that has lasted until the deadline.
func atDeadline(m moment) Verdict {
	p := Defaults()
	p.Limits = Limits{HumanBelow: 0.04, MachineAbove: 0.97, AtDeadline: 0.75, LessInNoise: 0.35, UnknownAbove: 0.35, OtherEarly: 0.25, OtherAbove: 0.4, OtherLater: 0.25}
	d := decision{params: &p, tell: func(Event) {}, onset: -1}
	m.at = samples(p.Deadline)
	d.look(m)
	return d.verdict
}

func TestALikelyMachineIsBelievedSoonerInNoise(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		m    moment
		want Verdict
	}{
		{moment{machine: 0.6, clear: 35}, Unknown},
		{moment{machine: 0.8, clear: 35}, Machine},
		{moment{machine: 0.6, clear: 20}, Machine},
		{moment{machine: 0.38, clear: 20}, Unknown},
		{moment{machine: 0.3, clear: 20}, Human},
		{moment{machine: 0.99, other: 0.5, clear: 35}, Unknown},
	} {
		if got := atDeadline(c.m); got != c.want {
			t.Errorf("P(machine) %.2f, P(no speech) %.2f, %.0f dB clear of the noise: %s, want %s", c.m.machine, c.m.other, c.m.clear, got, c.want)
		}
	}
}

func TestAShortGreetingMustBeSpeech(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		other float32
		want  Verdict
	}{{0.1, Human}, {0.3, ""}, {0.5, ""}} {
		p := Defaults()
		p.Limits = Limits{Earliest: 0.9, HumanBelow: 0.04, MachineAbove: 0.97, OtherAbove: 0.6, OtherSpeech: 0.25}
		d := decision{params: &p, tell: func(Event) {}, onset: -1}
		d.look(moment{at: 2 * Rate, machine: 0.01, other: c.other})
		if d.verdict != c.want {
			t.Errorf("P(no speech) %.1f: %q, want %q", c.other, d.verdict, c.want)
		}
	}
}

func TestANoteOfMusicIsNoBeepOfAMachine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		m    moment
		from int64
		want Verdict
	}{
		{"after music", moment{at: Rate, other: 0.8}, Rate / 2, ""},
		{"after what may be music", moment{at: Rate, other: 0.5}, Rate / 2, ""},
		{"after speech", moment{at: Rate, other: 0.1}, Rate / 2, Machine},
		{"the first sound", moment{at: Rate, onset: Rate / 2, other: 0.8}, Rate / 2, Machine},
		{"out of silence", moment{at: Rate, onset: -1}, Rate / 2, Machine},
	} {
		p := Defaults()
		p.Limits = Limits{Earliest: 2, OtherAbove: 0.6, OtherNote: 0.4}
		beeps := 0
		d := decision{params: &p, onset: -1, tell: func(e Event) {
			if e.Kind == Beeped {
				beeps++
			}
		}}
		d.look(c.m)
		d.found(Finding{Kind: Beep, From: c.from, To: c.from + Rate/8, Confidence: 0.95})
		if d.verdict != c.want || beeps != 1 {
			t.Errorf("a beep %s: verdict %q and %d beeps told, want %q and one", c.name, d.verdict, beeps, c.want)
		}
	}
}
