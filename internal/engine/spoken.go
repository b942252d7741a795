package engine

import (
	"context"

	"zvonar/internal/calls"
)

// speak has the text of a request read aloud, outside any unit of work, and makes
// the call play it. It returns what admit pins, or the call that the request is a
// repetition of: that one needs no second recording, whatever became of the first.
func (e *Engine) speak(ctx context.Context, r CallRequest, c *calls.Call) (said *calls.Recording, replay *calls.Call, err error) {
	err = e.store.View(ctx, func(tx calls.ReadTx) (err error) {
		replay, err = e.replayed(tx, r)
		return err
	})
	if err != nil || replay != nil {
		return nil, replay, err
	}
	if e.cfg.Speech == nil {
		return nil, nil, calls.Errorf(calls.CodeWrongState, "this daemon reads no texts aloud").At("body.text", nil)
	}
	text := *r.Spoken
	text.Variables = r.Variables
	rec, err := e.cfg.Speech.Spoken(ctx, c.Account, text)
	if err != nil {
		return nil, nil, err
	}
	c.Flow.Record = calls.ClipID(rec.ID)
	return rec, nil, nil
}
