// Package progress hears what the network itself says on a line: ringback, busy,
// congestion, special information tones, fax, the warning that a talk is
// recorded, the beep after which a message may be left, and announcements that
// are known by their sound (fingerprints).
//
// A [Listener] is fed 8 kHz samples in blocks of any size and tells [amd.Finding]s;
// it implements amd.Detector. No goroutine, no clock, no allocation once made; its
// owner calls it from one goroutine at a time. What sounds where is data:
// tones.txt, and the [Book] of announcements, which is shared and never changes.
//
// How a tone is found: the spectrum of every 10 ms (media/spectrum) has one strong
// line or two (line.go); frames in a row with the same lines are a burst with
// edges exact to some milliseconds (burst.go); bursts and the silence between them
// are compared with the cadences of the table (cadence.go), the three tones of a
// SIT (sit.go), or are a beep (beep.go). listener.go puts it together.
//
// How an announcement is known: print.go makes words of the spectrum, fingerprint.go
// a fingerprint of the words, book.go finds the words of a leg in all fingerprints.
package progress
