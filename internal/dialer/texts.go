package dialer

import (
	"errors"
	"maps"
	"time"

	"zvonar/internal/calls"
)

// Texts reads aloud what single calls say (recordings.Reader). It returns at once.
type Texts interface {
	// Ready completes a reference whose text lies spoken. calls.ErrNotYet: it is
	// being read, done is called then, from any goroutine, or until says when to ask
	// again. A *calls.Error: it never will be; any other: not before until.
	Ready(account string, ref calls.RecordingRef, done func()) (full calls.RecordingRef, until time.Time, err error)
}

// textPatience is how long a text may be on its way before anybody is told.
const textPatience = 2 * time.Second

// textGate wants every text that the call alone says to lie spoken: nobody is rung
// before. It comes after the gates that know no hurry, so that nothing is spoken
// for calls that wait for tomorrow.
func textGate(d *Dialer, _ calls.ReadTx, w *work, now time.Time) (verdict, error) {
	var v verdict
	for id, ref := range w.known() {
		if !ref.Spoken() {
			continue
		}
		if d.cfg.Texts == nil {
			return heldText("no speech engine is configured", now.Add(pendingRetry)), nil
		}
		full, until, err := d.cfg.Texts.Ready(w.call.Account, ref, func() { d.wakeUp(w.id) })
		var never *calls.Error
		switch {
		case err == nil:
			w.complete(id, full)
		case errors.As(err, &never):
			d.cfg.Log.Warn("a text cannot be said with the variables of a call", "call", w.id, "recording", ref.RecordingID, "problem", never.Detail)
			return verdict{refused: calls.ReasonTextUnfit}, nil
		case !errors.Is(err, calls.ErrNotYet):
			return heldText("its text could not be read aloud ("+err.Error()+"); it is tried again", until), nil
		default: // the others are asked for, too
			v = d.notYet(w.id, until, now)
		}
	}
	return v, nil
}

// mostReading bounds what is remembered of calls that were taken back meanwhile.
const mostReading = 1000

// notYet waits for a text; who asks is told only where that lasts.
func (d *Dialer) notYet(id string, until, now time.Time) verdict {
	asked, known := d.reading[id]
	if !known {
		if len(d.reading) >= mostReading {
			maps.DeleteFunc(d.reading, func(_ string, at time.Time) bool { return now.Sub(at) > time.Hour })
		}
		d.reading[id], asked = now, now
	}
	if until.IsZero() {
		until = now.Add(pendingRetry) // done wakes it
	}
	if told := asked.Add(textPatience); now.Before(told) {
		if told.Before(until) {
			until = told
		}
		return verdict{next: later(until, now)}
	}
	return heldText("its text is being read aloud", until)
}

func heldText(text string, next time.Time) verdict {
	return verdict{hold: &calls.Hold{Gate: calls.GateRecording, Text: text}, next: next}
}

// wakeUp looks at a call now, if it is queued and due.
func (d *Dialer) wakeUp(id string) {
	d.mu.Lock()
	if i := d.queue.find(id); i != 0 {
		now := d.cfg.Clock.Now()
		if e := d.queue.slab.at(i); e.state == waiting && e.due <= micros(now) {
			d.queue.postpone(i, now, now)
		} else {
			d.queue.woken[i] = true
		}
	}
	d.mu.Unlock()
	d.poke()
}
