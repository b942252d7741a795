// Package recordings is the library of clips that callers hear: it takes a sound
// file in, makes of it the forms that the line plays (8 kHz and, where the file
// has it, 16 kHz; 16 bit, mono), checks it, keeps it by the hash of its content,
// and leads it through moderation. A clip gets its numeric record_id when it is
// approved and can be played only then.
//
// [Library] has no goroutine of its own; its methods may be called from any.
// [Watch] (what was decided, on whichever node) and [Keeper] (what is too old,
// and content that nobody has) are one goroutine each between Start and Stop. [Jobs]
// takes files and texts in behind the answer, [Reader] reads what single calls say
// before anybody is rung: goroutines of their own, bounded, likewise.
// Add converts on the caller's goroutine (about 0.2 s of CPU a minute of 48 kHz
// sound), at most two at a time; it streams from file to file and keeps no clip
// in memory. Resolve runs inside a unit of work of the caller. Load feeds
// media.Library and must stay off the goroutines of calls.
//
// A text may have variables (template.go): the moderator approves it with samples,
// Fill makes of it what one call says, rendered.go keeps the sound of that for a day.
// A dictation (dictated.go) is a draft until its author keeps it; package ivr leads him.
//
// Start reading at library.go (Add, from upload to row) and ingest.go (from file
// to clip), then moderation.go (the table of decisions) with versions.go, queue.go
// and undo.go; files.go and collect.go are where the sound lies. recordings/s3 is
// the client of a bucket; recordings/audio is the sound itself: the guard
// before the decoder, filters, measures; recordings/words says numbers and dates.
package recordings
