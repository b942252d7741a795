package progress

import (
	"encoding/binary"
	"errors"
	"fmt"

	"zvonar/media/spectrum"
)

// Bounds of an announcement that can be known by its fingerprint.
const (
	ShortestSound = 1500 // ms of sound, pauses not counted
	LongestPrint  = 60   // seconds; what is longer is cut
	maxWords      = LongestPrint * 8000 / printWord
	printMagic    = "ZFP1"
)

// Fingerprint is how an announcement is known again.
type Fingerprint struct {
	words []uint32
	sound []bool // false: a pause, which says nothing
}

// ErrTooLittleSound is for audio that is too short to be known again.
var ErrTooLittleSound = errors.New("too little sound")

// Print makes the fingerprint of an announcement of 8 kHz mono samples. Errors:
// ErrTooLittleSound.
func Print(pcm []int16) (Fingerprint, error) {
	var f Fingerprint
	var p printer
	var a audible
	sound := 0
	spectrum.New().Write(pcm[:min(len(pcm), LongestPrint*8000)], func(fr *spectrum.Frame) {
		w, ok := p.take(fr)
		if !ok || len(f.words) == maxWords {
			return
		}
		is := a.is(w.loud)
		if is {
			sound++
		}
		f.words, f.sound = append(f.words, w.bits), append(f.sound, is)
	})
	if ms := sound * printWord / perMS; ms < ShortestSound {
		return Fingerprint{}, fmt.Errorf("%w: %d ms, at least %d are needed", ErrTooLittleSound, ms, ShortestSound)
	}
	return f, nil
}

// MarshalBinary implements encoding.BinaryMarshaler: the form that is stored.
func (f Fingerprint) MarshalBinary() ([]byte, error) {
	b := append([]byte(printMagic), 0, 0)
	binary.LittleEndian.PutUint16(b[4:], uint16(len(f.words)))
	for _, w := range f.words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	bits := make([]byte, (len(f.sound)+7)/8)
	for i, is := range f.sound {
		if is {
			bits[i/8] |= 1 << (i % 8)
		}
	}
	return append(b, bits...), nil
}

// UnmarshalBinary reads that form, and nothing else.
func (f *Fingerprint) UnmarshalBinary(b []byte) error {
	if len(b) < 6 || string(b[:4]) != printMagic {
		return errors.New("this is no fingerprint of this version")
	}
	n := int(binary.LittleEndian.Uint16(b[4:]))
	b = b[6:]
	if n == 0 || n > maxWords || len(b) != 4*n+(n+7)/8 {
		return fmt.Errorf("a fingerprint of %d words in %d bytes", n, len(b))
	}
	words, sound := make([]uint32, n), make([]bool, n)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(b[4*i:])
		sound[i] = b[4*n+i/8]&(1<<(i%8)) != 0
	}
	f.words, f.sound = words, sound
	return nil
}
