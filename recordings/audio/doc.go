// Package audio turns sound files into the forms that the line plays and says
// what is in them. It knows no library, no row and no disk: samples in, samples
// and measures out, block by block, so that a clip of ten minutes costs no more
// memory than one of ten seconds.
//
// A [Converter] makes of interleaved samples at any rate from 8 to 48 kHz the
// 8 kHz mono that G.711 plays and, where the source has more than that, the
// 16 kHz mono that G.722 plays, and measures the former on its way. [DecodeWAV]
// feeds it from a WAV file; package foreign from anything else.
//
// A file is hostile until proven otherwise. Nothing decodes a WAV before the
// guard in riff.go has walked its chunks within bounds, and no size that the
// file claims is ever allocated.
//
// Nothing here has a goroutine; a value belongs to one goroutine at a time.
// Start reading at convert.go; riff.go, wav.go and resample.go are how samples
// get there, measure.go, loudness.go, speech.go and print.go what is seen of them.
package audio
