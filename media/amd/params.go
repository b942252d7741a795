package amd

import "time"

// Params say when a verdict is given. Probabilities are calibrated.
type Params struct {
	Model *Model // nil: the one that is built in

	// Deadline after the onset of speech: a verdict is given then at the latest.
	Deadline time.Duration
	// NoSpeech is how long nobody may speak from the start until that is the verdict.
	NoSpeech time.Duration
	// ReviseFor is how long after the onset a human may still turn out a machine by
	// how the speech goes on.
	ReviseFor time.Duration

	HumanBelow   float32 // P(machine) at or below which the verdict is human at once
	MachineAbove float32 // at or above which it is machine at once
	AtDeadline   float32 // at or above which it is machine at the deadline
	UnknownAbove float32 // at or above which it is unknown at the deadline, else human
	ReviseAbove  float32 // at or above which a verdict becomes machine later on
	OtherAbove   float32 // P(no speech) at or above which nobody is thought to speak

	// EndSilence after a machine's speech ends its greeting, MaxGreeting at the
	// latest; both are for messages.
	EndSilence  time.Duration
	MaxGreeting time.Duration
}

// Defaults are parameters that take few humans for machines; docs/amd.md has what
// they reach.
func Defaults() Params {
	return Params{
		Deadline: 2800 * time.Millisecond, NoSpeech: 5 * time.Second, ReviseFor: 6 * time.Second,
		HumanBelow: 0.03, MachineAbove: 0.96, AtDeadline: 0.6, UnknownAbove: 0.35, ReviseAbove: 0.8, OtherAbove: 0.5,
		EndSilence: 1500 * time.Millisecond, MaxGreeting: 30 * time.Second,
	}
}

// samples is a duration in samples.
func samples(d time.Duration) int64 { return int64(d) * Rate / int64(time.Second) }
