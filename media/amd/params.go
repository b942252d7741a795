package amd

import "time"

// Params say when a verdict is given.
type Params struct {
	Model *Model // nil: the one that is built in
	// Limits that a verdict needs; zero: those of the model.
	Limits Limits

	// Deadline after the onset of speech: a verdict is given then at the latest.
	Deadline time.Duration
	// NoSpeech is how long nobody may speak from the start until that is the verdict.
	NoSpeech time.Duration
	// ReviseFor is how long after the onset a human may still turn out a machine by
	// how the speech goes on.
	ReviseFor time.Duration

	// EndSilence after a machine's speech ends its greeting, MaxGreeting at the
	// latest; both are for messages.
	EndSilence  time.Duration
	MaxGreeting time.Duration
}

// Limits are the probabilities, calibrated, that a verdict needs.
type Limits struct {
	// Earliest is how long after the onset, in seconds, a first verdict may be given.
	Earliest float32

	HumanBelow   float32 // P(machine) at or below which the verdict is human at once
	MachineAbove float32 // at or above which it is machine at once
	AtDeadline   float32 // at or above which it is machine at the deadline
	// LessInNoise is taken off AtDeadline where speech stands out of the noise by less
	// than clearSpeech: there the model is less sure of machines than they deserve.
	LessInNoise  float32
	UnknownAbove float32 // at or above which it is unknown at the deadline, else human
	ReviseAbove  float32 // at or above which a verdict becomes machine later on
	ReviseAtLast float32 // the same at the end of ReviseFor
	// P(no speech) below which somebody may be a machine before the deadline, at it,
	// and after it.
	OtherEarly, OtherAbove, OtherLater float32
	// OtherSpeech is that below which somebody may be human before the deadline: two
	// bursts of ringback are as short as a greeting. OtherNote is that from which a
	// beep is a note of music.
	OtherSpeech, OtherNote float32
}

// Defaults are parameters that take few humans for machines; docs/amd.md has what
// they reach.
func Defaults() Params {
	return Params{
		Deadline: 2750 * time.Millisecond, NoSpeech: 5 * time.Second, ReviseFor: 6 * time.Second,
		EndSilence: 1500 * time.Millisecond, MaxGreeting: 30 * time.Second,
	}
}

// Learned are the limits of the built-in model.
func Learned() Limits { return builtIn.Limits }

// samples is a duration in samples.
func samples(d time.Duration) int64 { return int64(d) * Rate / int64(time.Second) }
