package capture

import (
	"math"
	"sync"
	"time"

	"zvonar/media"
)

// Bounds of a dictation.
const (
	// silentEnd is how long a speaker is silent once he has ended, silentStart how
	// long he may take to begin.
	silentEnd   = 4 * time.Second
	silentStart = 10 * time.Second
	// loud is the level over which somebody speaks, as RMS of 16 bit.
	loud = 300.0
	// longestDictation bounds what is kept in memory: 4.8 MB.
	longestDictation = 5 * time.Minute * Rate / time.Second
)

// Dictation keeps what one leg says in memory, for some minutes at most. It is a
// media.Analyser; its other methods may be called from any goroutine.
type Dictation struct {
	mu    sync.Mutex
	begun time.Time
	spoke time.Time // when somebody was heard last; zero: nobody yet
	pcm   []int16
	stop  func()
}

// Dictate listens to a leg; analyse is its Analyse. now is the time.
func Dictate(now time.Time, analyse func(media.Analyser) (stop func())) *Dictation {
	d := &Dictation{begun: now}
	stop := analyse(d)
	d.mu.Lock()
	d.stop = stop
	d.mu.Unlock()
	return d
}

// Hear implements media.Analyser. What was suppressed or lost is silence.
func (d *Dictation) Hear(s media.Sound) {
	d.mu.Lock()
	defer d.mu.Unlock()
	room := int(longestDictation) - len(d.pcm)
	if room <= 0 || s.Pause {
		return
	}
	gap := s.Gap
	if s.Fresh || len(d.pcm) == 0 { // it has no place of its own: the clock gives it one
		gap = int(s.At.Sub(d.begun)*Rate/time.Second) - len(d.pcm) - len(s.PCM)
	}
	d.pcm = append(d.pcm, make([]int16, max(0, min(gap, room)))...)
	room = int(longestDictation) - len(d.pcm)
	d.pcm = append(d.pcm, s.PCM[:min(len(s.PCM), room)]...)
	sum := 0.0
	for _, x := range s.PCM {
		sum += float64(x) * float64(x)
	}
	if len(s.PCM) > 0 && math.Sqrt(sum/float64(len(s.PCM))) > loud {
		d.spoke = s.At
	}
}

// Quiet reports whether who spoke has been silent for long, or never spoke.
func (d *Dictation) Quiet(now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.spoke.IsZero() {
		return now.Sub(d.begun) > silentStart
	}
	return now.Sub(d.spoke) > silentEnd
}

// End listens no more and gives what was said: 8 kHz mono.
func (d *Dictation) End() []int16 {
	d.mu.Lock()
	stop := d.stop
	d.mu.Unlock()
	stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pcm
}
