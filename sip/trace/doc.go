// Package trace keeps the SIP messages of calls, so that somebody can look later
// at what was said on the wire.
//
// [Recorder] is shown every message that crosses the edge (it is an edge.Tap) and
// told which dialogs belong to which call (Bind). It keeps them in segment files
// of a bounded total size, the oldest go first; secrets are blotted out before
// anything is kept. Watched numbers are told to the log as well, and a [HEP]
// gets a copy of everything.
//
// Seen, Bind and Watch may be called from any goroutine and never wait for the
// disk: what comes faster than it is written is dropped and counted. One
// goroutine (Start) owns the files; Read and Erase ask it where to look. Start
// reading at recorder.go; record.go is the form on disk.
package trace
