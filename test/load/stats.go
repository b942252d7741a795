//go:build linux

package main

import "time"

// finest is the width of a bucket.
const finest = 100 * time.Microsecond

// histogram counts times up to half a second.
type histogram struct {
	buckets [5001]int
	count   int
	max     time.Duration
}

func (h *histogram) observe(d time.Duration) {
	d = max(d, 0)
	h.count++
	h.max = max(h.max, d)
	h.buckets[min(int(d/finest), len(h.buckets)-1)]++
}

// quantile is a time that a share of the observations did not exceed, rounded up.
func (h *histogram) quantile(share float64) time.Duration {
	n := 0
	for i, b := range h.buckets {
		if n += b; float64(n) >= share*float64(h.count) {
			return time.Duration(i+1) * finest
		}
	}
	return h.max
}

// over is the share of what was longer than d.
func (h *histogram) over(d time.Duration) float64 {
	n := 0
	for _, b := range h.buckets[d/finest:] {
		n += b
	}
	return float64(n) / float64(max(h.count, 1))
}

// window is what the calls saw between two instants.
type window struct {
	began       time.Time
	callSeconds float64
	rx, tx      int
	lost        int
	disordered  int
	refused     int
	answered    int
	failed      int
	repeated    int // messages that had to be sent or were received again
	deviation   histogram
	unsealed    int // packets that were not genuine
	firstAudio  histogram
	delay       histogram // of a bridge
	lateness    histogram // of the generator itself
}
