package media

import (
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"zvonar/media/codec"
)

// Sound is what one packet brought to an Analyser.
type Sound struct {
	// PCM is 8 kHz mono, valid during the call only; empty with Pause.
	PCM []int16
	// At is when the packet was taken from the network.
	At time.Time
	// Gap is how many samples are missing before PCM; Lost that packets with them
	// did not arrive in time, else the far end sent none (silence suppression).
	Gap  int
	Lost bool
	// Fresh begins a stream: what came before has no place in its time.
	Fresh bool
	// Pause is comfort noise (RFC 3389): the far end says that it is silent.
	Pause bool
}

// Analyser listens to what a port receives, on a goroutine that is not the
// shard's: it may take its time, up to the second of sound that waits for it;
// beyond that it misses some. Its calls come one at a time.
type Analyser interface {
	Hear(Sound)
}

// tap is where the sound of a leg is taken off for its analysers. The leg's shard
// writes the ring; the analyst that was given the tap reads it.
type tap struct {
	port    *Port
	analyst *analyst
	ring    soundRing
	decoder codec.Decoder              // of the analyst alone
	heard   atomic.Pointer[[]Analyser] // replaced, never changed
	closed  atomic.Bool
	broken  []Analyser // that panicked; of the analyst alone
}

// add and remove are called by the leg's shard alone.
func (t *tap) add(a Analyser) {
	list := append(slices.Clone(*t.heard.Load()), a)
	t.heard.Store(&list)
}

func (t *tap) remove(a Analyser) {
	list := slices.DeleteFunc(slices.Clone(*t.heard.Load()), func(b Analyser) bool { return a == b })
	t.heard.Store(&list)
}

// analyst is one goroutine that listens to the taps it was given. Shards wake it
// every 20 ms at most.
type analyst struct {
	engine *Engine
	index  int
	load   atomic.Int64
	signal chan struct{}
	ended  chan struct{}

	mu    sync.Mutex
	fresh []*tap // not taken over yet
	done  bool

	// Of the goroutine alone:
	taps    []*tap
	payload [maxPayload]byte
	pcm     [maxPayload]int16
}

func newAnalyst(e *Engine, index int) *analyst {
	return &analyst{engine: e, index: index, signal: make(chan struct{}, 1), ended: make(chan struct{})}
}

// take gives it a further tap. Called once a tap, never for a packet.
func (a *analyst) take(t *tap) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fresh = append(a.fresh, t)
	a.load.Add(1)
}

func (a *analyst) wake() {
	select {
	case a.signal <- struct{}{}:
	default:
	}
}

// stop ends it once all that was written has been heard. No shard runs any more.
func (a *analyst) stop() {
	a.mu.Lock()
	a.done = true
	a.mu.Unlock()
	a.wake()
}

func (a *analyst) run() {
	defer close(a.ended)
	for range a.signal {
		if a.turn() {
			return
		}
	}
}

// turn hears what waits on every tap, and reports whether the analyst has ended.
func (a *analyst) turn() (ended bool) {
	a.mu.Lock()
	a.taps = append(a.taps, a.fresh...)
	a.fresh = nil
	ended = a.done
	a.mu.Unlock()
	a.taps = slices.DeleteFunc(a.taps, func(t *tap) bool {
		closed := t.closed.Load() // before the last look at its ring
		a.hear(t)
		if closed {
			a.load.Add(-1)
		}
		return closed
	})
	return ended
}

// hear gives what waits in the ring of a tap to everybody.
func (a *analyst) hear(t *tap) {
	for {
		rec, ok := t.ring.take(&a.payload)
		if !ok {
			return
		}
		t.decoder.Decode(rec.codec, a.pcm[:], a.payload[:rec.n])
		s := Sound{
			PCM: a.pcm[:rec.n], At: a.engine.epoch.Add(rec.at), Gap: int(rec.gap), Lost: rec.lost,
			Fresh: rec.kind == soundFresh, Pause: rec.kind == soundPause,
		}
		for _, one := range *t.heard.Load() {
			if !slices.Contains(t.broken, one) && !a.tell(t, one, s) {
				t.broken = append(t.broken, one)
				t.port.do(func(l *leg) { l.ignore(one) })
			}
		}
	}
}

// tell has an analyser hear, and reports whether it survived that: one that panics
// is heard of in the log, and its leg goes on without it.
func (a *analyst) tell(t *tap, one Analyser, s Sound) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			ok = false
			a.engine.analyserPanics.Add(1)
			a.engine.cfg.Log.Error("what listens to a call panicked; the call goes on without it", "listener", fmt.Sprintf("%T", one), "panic", fmt.Sprint(r),
				"port", t.port.local.Port(), "stack", string(debug.Stack()))
		}
	}()
	one.Hear(s)
	return true
}

// tapped gives the leg a tap if it has none. Called by its shard.
func (l *leg) tapped() *tap {
	if l.in.tap == nil {
		t := &tap{port: l.port, analyst: l.shard.engine.idlest()}
		t.heard.Store(&[]Analyser{})
		t.analyst.take(t)
		l.in.tap = t
	}
	return l.in.tap
}

// analyse and ignore add and take away an analyser.
func (l *leg) analyse(a Analyser) {
	if !l.closed {
		l.tapped().add(a)
	}
}

func (l *leg) ignore(a Analyser) {
	t := l.in.tap
	if t == nil {
		return
	}
	if t.remove(a); len(*t.heard.Load()) == 0 {
		l.untap()
	}
}

// listenInband switches the leg's ear on or off.
func (l *leg) listenInband(on bool) {
	switch {
	case on && l.in.ear == nil:
		l.in.ear = newEar(l.port)
		l.analyse(l.in.ear)
	case !on && l.in.ear != nil:
		e := l.in.ear
		l.in.ear = nil
		l.ignore(e)
	}
}

// untap ends the leg's tap, if it has one.
func (l *leg) untap() {
	if t := l.in.tap; t != nil {
		l.in.tap, l.in.ear = nil, nil
		t.closed.Store(true)
		l.shard.rouse(t.analyst)
	}
}

// idlest is the analyst with the fewest taps.
func (e *Engine) idlest() *analyst {
	best := e.analysts[0]
	for _, a := range e.analysts[1:] {
		if a.load.Load() < best.load.Load() {
			best = a
		}
	}
	return best
}

// rouse has the analyst woken at the end of this beat or one of the next.
func (s *shard) rouse(a *analyst) { s.roused |= 1 << a.index }

// maxAnalysts is what fits into shard.roused.
const maxAnalysts = 64

// hearing is how long what was received may wait for its analysts: a look at all
// taps costs the more, the oftener it finds next to nothing.
const hearing = 4 * beat

// wakeAnalysts wakes those that have something to hear, in good time.
func (s *shard) wakeAnalysts(stopping bool) {
	if s.now < s.heardAt+hearing && len(s.legs) > 0 && !stopping {
		return
	}
	if s.roused != 0 {
		s.heardAt = s.now
	}
	for i := 0; s.roused != 0; i, s.roused = i+1, s.roused>>1 {
		if s.roused&1 != 0 {
			s.engine.analysts[i].wake()
		}
	}
}
