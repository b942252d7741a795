// Package spectrum is the short-time spectrum of what a leg hears: the one front
// end of everything that listens for tones, voices and known announcements, so
// that a call pays for it once.
//
// An [Analyzer] takes 8 kHz samples in blocks of any size and hands out a [Frame]
// every 10 ms. No goroutine, no lock, no allocation after New; its owner calls it
// from one goroutine at a time.
//
// Start reading at spectrum.go; fft.go is the transform.
package spectrum
