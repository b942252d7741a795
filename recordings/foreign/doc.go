// Package foreign reads sound files that are not WAV: MP3, FLAC and Ogg Opus.
// Their decoders are other people's code and see bytes that strangers chose, so
// they never run in the daemon: [Decode] starts a child process, the same binary
// under a hidden command that calls [Child], with the file as its standard input
// and nothing else of ours, under limits of memory, processor time and output
// ([Confine]); samples come back through a pipe, and whatever happens to the
// child, the daemon has an error in words. [Run] starts other people's programs
// (speech engines) under the same limits.
//
// Decode and Run may be called from any goroutine and block until the child is
// gone. Child and Confined are for the process that was started for it.
//
// Start reading at decode.go (the daemon's side), then child.go and mp3.go,
// flac.go, opus.go; kind.go tells formats apart by their first bytes.
package foreign
