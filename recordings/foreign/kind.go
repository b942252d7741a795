package foreign

import (
	"bytes"
	"io"

	"zvonar/internal/calls"
)

// Kind is a format of sound files.
type Kind string

// The formats that are read.
const (
	WAV  Kind = "WAV"
	MP3  Kind = "MP3"
	FLAC Kind = "FLAC"
	Opus Kind = "Ogg Opus"
)

// headLen is how much of a file KindOf looks at.
const headLen = 64

// signature is bytes that a format has at a place.
type signature struct {
	at   int
	text string
	kind Kind   // one that is read, or
	name string // what it is called in the refusal
}

// signatures in the order in which they are tried.
var signatures = []signature{
	{0, "RIFF", WAV, ""}, {0, "RF64", WAV, ""}, {0, "BW64", WAV, ""}, // what is no sound among them is refused by the guard
	{0, "ID3", MP3, ""},
	{0, "fLaC", FLAC, ""},
	{28, "OpusHead", Opus, ""},
	{28, "\x01vorbis", "", "an Ogg Vorbis file"},
	{28, "\x7fFLAC", "", "a FLAC file in an Ogg container"},
	{28, "Speex   ", "", "an Ogg Speex file"},
	{0, "OggS", "", "an Ogg file of an unknown kind"},
	{4, "ftyp", "", "an MP4 or M4A file"},
	{0, "\x30\x26\xb2\x75", "", "a WMA file"},
	{0, "FORM", "", "an AIFF file"},
	{0, "\x1a\x45\xdf\xa3", "", "a WebM or Matroska file"},
	{0, "#!AMR", "", "an AMR file"},
	{0, "caff", "", "a CAF file"},
	{0, ".snd", "", "an AU file"},
	{0, "\xff\xf1", "", "an AAC file"}, {0, "\xff\xf9", "", "an AAC file"},
}

// KindOf tells what kind of file r is, by its first bytes. Errors are
// *calls.Error (bad-audio) that name what it is where it is known but not read.
func KindOf(r io.ReaderAt) (Kind, error) {
	b := make([]byte, headLen)
	n, err := r.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	b = b[:n]
	for _, s := range signatures {
		if s.at > len(b) || !bytes.HasPrefix(b[s.at:], []byte(s.text)) {
			continue
		}
		if s.kind == "" {
			return "", bad("this is " + s.name + ", which is not read: save the recording as WAV (16-bit PCM), MP3, FLAC or Ogg Opus")
		}
		return s.kind, nil
	}
	if len(b) > 3 && b[0] == 0xFF && b[1]&0xE6 == 0xE2 { // frame sync, layer III
		return MP3, nil
	}
	return "", bad("this is not a sound file that is read: save the recording as WAV (16-bit PCM), MP3, FLAC or Ogg Opus")
}

func bad(words string) *calls.Error {
	return calls.Errorf(calls.CodeBadAudio, "%s", words).At("body.file", nil)
}
