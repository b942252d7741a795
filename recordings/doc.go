// Package recordings is the library of clips that callers hear: it takes a WAV
// file in, makes of it the one form the line needs (8 kHz, 16 bit, mono), checks
// it, keeps it on disk by the hash of its content, and leads it through
// moderation. A clip gets its numeric record_id when it is approved and can be
// played only then.
//
// [Library] has no goroutine of its own; its methods may be called from any.
// Add converts on the caller's goroutine (about 0.2 s of CPU a minute of 48 kHz
// sound), at most two at a time. Resolve runs inside a unit of work of the
// caller. Load feeds media.Library and must stay off the goroutines of calls.
//
// An upload is hostile until proven otherwise. Nothing decodes it before the
// guard in riff.go has walked its chunks within bounds, and no size that the
// file claims is ever allocated.
//
// Start reading at library.go (Add, from upload to row), then moderation.go;
// riff.go, decode.go, resample.go and checks.go are its four steps.
package recordings
