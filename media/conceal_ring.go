package media

import "zvonar/media/codec"

// gap is a frame that is not there.
type gap int

const (
	gapNone gap = iota
	gapLost     // the speaker's sequence has a hole
	gapLate     // nothing came in time
	gapMade     // either, concealed by us
)

// asIs reports whether the speaker's frames are the listener's: nothing is made
// here then, and a gap stays one.
func (o *ringReader) asIs(index int) bool { return o.from == index && o.frame == o.want }

// spent passes over the holes in whose place something was sent already, because
// nothing had come.
func (r *ring) spent(read, high uint64, index int) uint64 {
	o := &r.out
	for o.late > 0 && read+1 < high && r.slots[read%ringSlots].position.Load() != read+1 {
		o.late--
		if o.asIs(index) {
			o.holes++
		}
		read++
	}
	o.late = 0
	return read
}

// translate appends a frame to pending.
func (r *ring) translate(s *slot, index int) {
	o := &r.out
	o.from, o.frame = s.codec, s.n
	to, said := o.pending[o.n:], s.data[:s.n]
	switch {
	case o.asIs(index), codec.DecodeTable(index) == nil && s.codec == index:
		o.n += o.words.Translate(s.codec, index, to, said)
	case codec.DecodeTable(index) != nil:
		n := o.words.Translate(s.codec, index, to, said)
		o.conceal.heard(index, to[:n])
		o.n += n
	default: // a stateful codec takes what was faded in already
		var words [maxFrame]byte
		n := copy(words[:], said)
		o.conceal.heard(s.codec, words[:n])
		o.n += o.words.Translate(s.codec, index, to, words[:n])
	}
}

// missing deals with code words that are not there; dst is silence already. whole
// tells that they are all of the listener's frame, or its start.
func (r *ring) missing(what gap, dst []byte, index int, whole bool) {
	o := &r.out
	past := index
	if codec.DecodeTable(index) == nil {
		past = o.from
	}
	switch {
	case what == gapLate:
		o.late++
	}
	switch {
	case o.asIs(index) && whole:
		o.gap = what
		return
	case codec.DecodeTable(past) == nil: // a stateful codec in frames of another length
		return
	}
	o.gap = gapMade
	var pcm [maxFrame]int16
	n := min(len(dst), len(pcm))
	o.conceal.conceal(past, pcm[:n])
	o.words.Encode(index, dst, pcm[:n])
	var words [maxFrame]byte
	codec.Encode(codec.All()[past].ID, words[:n], pcm[:n])
	o.conceal.note(words[:n])
}
