package dialer

import (
	"errors"
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
func textGate(d *Dialer, _ calls.ReadTx, it *item, now time.Time) (verdict, error) {
	var v verdict
	for i, ref := range it.clips {
		if !ref.Spoken() {
			continue
		}
		if d.cfg.Texts == nil {
			return heldText("no speech engine is configured", now.Add(pendingRetry)), nil
		}
		full, until, err := d.cfg.Texts.Ready(it.account, ref, func() { d.look(it.id) })
		var never *calls.Error
		switch {
		case err == nil:
			it.clips[i], it.completed = full, true
		case errors.As(err, &never):
			d.cfg.Log.Warn("a text cannot be said with the variables of a call", "call", it.id, "recording", ref.RecordingID, "problem", never.Detail)
			return verdict{refused: calls.ReasonTextUnfit}, nil
		case !errors.Is(err, calls.ErrNotYet):
			return heldText("its text could not be read aloud ("+err.Error()+"); it is tried again", until), nil
		default: // the others are asked for, too
			v = d.notYet(it, until, now)
		}
	}
	return v, nil
}

// notYet waits for a text; who asks is told only where that lasts.
func (d *Dialer) notYet(it *item, until, now time.Time) verdict {
	if it.textAsked.IsZero() {
		it.textAsked = now
	}
	if until.IsZero() {
		until = now.Add(pendingRetry) // done wakes it
	}
	if told := it.textAsked.Add(textPatience); now.Before(told) {
		if told.Before(until) {
			until = told
		}
		return verdict{wait: until}
	}
	return heldText("its text is being read aloud", until)
}

func heldText(text string, next time.Time) verdict {
	return verdict{hold: &calls.Hold{Gate: calls.GateRecording, Text: text}, next: next}
}

// putOff looks at a call again later and tells nobody.
func (d *Dialer) putOff(it *item, next time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.queue.items[it.id] == it {
		d.queue.postpone(it, it.wakeful(next, d.cfg.Clock.Now()))
	}
}

// wakeful is when to look again, where a text may have been read meanwhile.
func (it *item) wakeful(next, now time.Time) time.Time {
	if it.woken {
		it.woken = false
		return now
	}
	return next
}

// look looks at a call now, if it is queued and due.
func (d *Dialer) look(id string) {
	d.mu.Lock()
	if it := d.queue.items[id]; it != nil {
		if now := d.cfg.Clock.Now(); it.in == d.queue.waiting && !it.due.After(now) {
			d.queue.postpone(it, now)
		} else {
			it.woken = true
		}
	}
	d.mu.Unlock()
	d.poke()
}

// pin gives the call what is known of its clips by now.
func (it *item) pin() {
	if !it.completed {
		return
	}
	clips := make(map[calls.ClipID]calls.RecordingRef, len(it.ids))
	for i, id := range it.ids {
		clips[id] = it.clips[i]
	}
	it.call.Pin(clips)
}
