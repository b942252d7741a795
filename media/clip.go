package media

import (
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/media/codec"
	"zvonar/media/dtmf"
	"zvonar/media/tone"
)

// sampleRate is that of every codec of the line, Hz.
const sampleRate = 8000

// Clip is audio ready for the line: one contiguous run of code words per codec,
// immutable and shared by every port that plays it.
type Clip struct {
	words   [codec.Count][]byte // by codec index, one byte a sample
	samples int
}

// NewClip encodes 8 kHz mono samples for every codec. pcm is only read.
func NewClip(pcm []int16) *Clip {
	c := &Clip{samples: len(pcm)}
	for _, info := range codec.All() {
		b := make([]byte, len(pcm))
		codec.Encode(info.ID, b, pcm)
		c.words[info.Index] = b
	}
	return c
}

// NewWideClip is NewClip with the same sound at 16 kHz for the codecs that carry
// it; nil: there is none.
func NewWideClip(pcm, wide []int16) *Clip {
	c := NewClip(pcm)
	if wide != nil {
		info, _ := codec.Lookup(codec.G722)
		n := codec.EncodeWide(c.words[info.Index], wide)
		fill(c.words[info.Index][n:], info.Silence) // the two forms may differ by a sample
	}
	return c
}

// Duration of the clip.
func (c *Clip) Duration() time.Duration { return durationOf(int64(c.samples)) }

// size in memory, bytes.
func (c *Clip) size() int64 { return int64(c.samples) * codec.Count }

func durationOf(samples int64) time.Duration {
	return time.Duration(samples) * time.Second / sampleRate
}

// sharedTones are the generated tones, made once and read only.
var sharedTones = sync.OnceValue(newToneClips)

// toneClips finds a tone by its kind.
type toneClips map[calls.ToneKind]toneClip

// sharedKeys are the tones of the sixteen digits, by event code.
var sharedKeys = sync.OnceValue(func() (keys [len(dtmf.Alphabet)]*Clip) {
	for i := range keys {
		keys[i] = NewClip(tone.Key(dtmf.Alphabet[i], dtmf.OnTime))
	}
	return keys
})

type toneClip struct {
	clip *Clip
	loop bool
}

func newToneClips() toneClips {
	t := toneClips{}
	for _, kind := range tone.Kinds() {
		c, _ := tone.Of(kind)
		t[kind] = toneClip{NewClip(c.PCM()), c.Repeat}
	}
	return t
}
