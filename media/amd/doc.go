// Package amd tells a person from a machine by the sound of an answered call.
//
// A [Detector] hears one kind of sound that is not speech, or speech that is
// known word for word: beeps, tones and their cadences, fax, announcements.
// Package progress has them; this package only needs their [Finding]s.
//
// Start reading at listener.go: front.go hears (one spectrum for all), scene.go finds
// the speech, features.go, course.go, loud.go and lines.go measure it, model.go asks the
// trees, opinion.go sums up what they said so far, decision.go makes verdicts.
//
// Everything here runs on one goroutine at a time (that of a media analyst, or of
// a command that reads a file), allocates nothing after its start, and depends
// on nothing but the samples: the same sound makes the same verdict.
package amd
