package media

import "time"

// Scribe writes down what a port receives and what it sends, as it is on the line.
// The port's shard calls it: it must not wait, and leaves whatever takes time to
// somebody else. Its calls come one at a time; Over is the last and comes in any
// case.
type Scribe interface {
	Heard(Words)
	Said(Words)
	Over()
}

// Words is the sound of one packet.
type Words struct {
	Words []byte // code words, valid during the call only unless they are lasting
	// Lasting words never change: they are of a clip. What follows them in the clip lies
	// behind them, within their capacity.
	Lasting bool
	Codec   int // index of the codec
	At      time.Time
	// Stream grows where the sound begins anew: what came before has no place in its
	// time. Position is where the packet begins in it, in samples of 8 kHz; what lies
	// between two packets was lost, or is silence that was not sent.
	Stream   int
	Position int64
}

// Transcribe has s write down what is received and sent from now on, until the port
// is closed, another scribe takes its place or stop is called.
func (p *Port) Transcribe(s Scribe) (stop func()) {
	if !p.asked(func(l *leg) { l.transcribe(s) }) {
		s.Over()
	}
	return func() { p.ask(func(l *leg) { l.dismiss(s) }) }
}

// script is what a leg keeps for its scribe.
type script struct {
	scribe      Scribe // nil: nobody writes
	heard, said thread
}

// thread follows one stream by its timestamps.
type thread struct {
	begun  bool
	next   uint32 // timestamp one past the last sample
	stream int
	at     int64
}

// place says where so many samples belong; false where they come too late.
func (t *thread) place(timestamp uint32, restarted bool, n int) (stream int, position int64, ok bool) {
	switch gap, fresh := gapBefore(timestamp, t.next, t.begun && !restarted); {
	case fresh:
		t.begun, t.stream, t.at = true, t.stream+1, 0
	case gap < 0:
		return 0, 0, false
	default:
		t.at += int64(gap)
	}
	position = t.at
	t.next, t.at = timestamp+uint32(n), t.at+int64(n)
	return t.stream, position, true
}

func (l *leg) transcribe(s Scribe) {
	if l.closed {
		s.Over()
		return
	}
	l.dismiss(l.in.script.scribe)
	l.in.script = script{scribe: s}
}

// dismiss ends the work of s, if it is at work here.
func (l *leg) dismiss(s Scribe) {
	if s != nil && l.in.script.scribe == s {
		l.in.script = script{}
		s.Over()
	}
}

// hearWords and sayWords give the scribe what was received and what leaves.
func (l *leg) hearWords(timestamp uint32, restarted bool, words []byte) {
	if w, ok := l.words(&l.in.script.heard, timestamp, restarted, words, false); ok {
		l.in.script.scribe.Heard(w)
	}
}

func (l *leg) sayWords(words []byte, lasting bool) {
	if w, ok := l.words(&l.in.script.said, l.out.ts, false, words, lasting); ok {
		l.in.script.scribe.Said(w)
	}
}

func (l *leg) words(t *thread, timestamp uint32, restarted bool, words []byte, lasting bool) (w Words, ok bool) {
	stream, position, ok := t.place(timestamp, restarted, len(words))
	return Words{Words: words, Lasting: lasting, Codec: l.codec.Index, At: l.shard.engine.epoch.Add(l.shard.now), Stream: stream, Position: position}, ok
}
