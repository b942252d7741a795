package dialer

import (
	"context"
	"errors"
	"time"

	"zvonar/internal/calls"
)

// A revoked clip must not reach anybody a second later. standingHolds is how
// long what the store said of a clip counts, so that a thousand calls with the
// same one do not ask a thousand times.
const (
	standingHolds = 200 * time.Millisecond
	pendingRetry  = time.Minute // a moderator's decision wakes what waits for it at once
)

type clipKey struct {
	id      string
	version int
}

// clipGate wants every clip that the call may play to be approved still.
func clipGate(d *Dialer, tx calls.ReadTx, it *item, now time.Time) (verdict, error) {
	for i, ref := range it.clips {
		s, err := d.standing(tx, ref, now)
		if errors.Is(err, calls.ErrNotFound) {
			continue // retention took the recording; its content may be there
		}
		if err != nil {
			return verdict{}, err
		}
		if v := judgeClip(s, max(ref.Version, 1), now); v.hold != nil || v.refused != "" {
			return v, nil
		}
		if ref.RecordID == 0 && s.RecordID != 0 { // approved since the call was accepted
			it.clips[i].RecordID, it.completed = s.RecordID, true
		}
	}
	return verdict{}, nil
}

// judgeClip says what the standing of a version means for a call that pinned it.
func judgeClip(s calls.Standing, version int, now time.Time) verdict {
	if s.Revoked.Bars(version) {
		if !now.Before(s.Revoked.Final) {
			return verdict{refused: calls.ReasonRecordingRevoked}
		}
		final := s.Revoked.Final
		return verdict{hold: &calls.Hold{Gate: calls.GateRecording, Until: &final,
			Text: "its recording was revoked: the call is canceled unless that is taken back in time"}, next: final}
	}
	switch s.Version {
	case calls.RecordingDraft, calls.RecordingProcessing, calls.RecordingPending:
		return verdict{hold: &calls.Hold{Gate: calls.GateRecording, Text: "its recording waits for a moderator"}, next: now.Add(pendingRetry)}
	case calls.RecordingIsRejected, calls.VersionWithdrawn:
		return verdict{refused: calls.ReasonRecordingRejected}
	}
	return verdict{}
}

// standing asks the store, or what it said a moment ago.
func (d *Dialer) standing(tx calls.ReadTx, ref calls.RecordingRef, now time.Time) (calls.Standing, error) {
	if now.Sub(d.standingsAt) > standingHolds || now.Before(d.standingsAt) {
		d.standingsAt, d.standings = now, map[clipKey]calls.Standing{}
	}
	key := clipKey{ref.RecordingID, max(ref.Version, 1)}
	if s, known := d.standings[key]; known {
		return s, nil
	}
	s, err := tx.ClipStanding(key.id, key.version)
	if err == nil {
		d.standings[key] = s
	}
	return s, err
}

// Recheck looks at every queued call that may play a recording, whatever it waits
// for: a moderator has decided on it.
func (d *Dialer) Recheck(recordingID string) {
	d.mu.Lock()
	if d.suspects == nil {
		d.suspects = map[string]bool{}
	}
	d.suspects[recordingID] = true
	d.mu.Unlock()
	d.poke()
}

// suspected takes the calls that Recheck asked for.
func (d *Dialer) suspected() (list []*item) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.suspects) == 0 {
		return nil
	}
	for _, it := range d.queue.items {
		if it.plays(d.suspects) {
			list = append(list, it)
		}
	}
	d.suspects, d.standings, d.standingsAt = nil, nil, time.Time{}
	return list
}

func (it *item) plays(recordings map[string]bool) bool {
	for _, ref := range it.clips {
		if recordings[ref.RecordingID] {
			return true
		}
	}
	return false
}

// sift asks the clip gate about all calls that Recheck named. Those that are not
// due yet are told nothing unless they end.
func (d *Dialer) sift(ctx context.Context, now time.Time) error {
	list := d.suspected()
	if len(list) == 0 {
		return nil
	}
	verdicts := make([]verdict, len(list))
	err := d.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		for i, it := range list {
			if verdicts[i], err = clipGate(d, tx, it, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		for _, it := range list { // not lost: they are looked at again
			for _, ref := range it.clips {
				d.Recheck(ref.RecordingID)
			}
		}
		return err
	}
	for i, it := range list {
		d.sifted(it, verdicts[i], now)
	}
	d.siftAgain(list, verdicts, now)
	return nil
}

// siftAgain looks at what is held until a revocation is final when it is: these
// calls may wait behind others then.
func (d *Dialer) siftAgain(list []*item, verdicts []verdict, now time.Time) {
	final := map[string]time.Time{}
	for i, v := range verdicts {
		if v.hold != nil && v.hold.Until != nil {
			for _, ref := range list[i].clips {
				final[ref.RecordingID] = *v.hold.Until
			}
		}
	}
	for id, at := range final {
		d.cfg.Clock.AfterFunc(at.Sub(now), func() { d.Recheck(id) })
	}
}

// sifted acts on what the clip gate said of one call.
func (d *Dialer) sifted(it *item, v verdict, now time.Time) {
	switch {
	case v.refused != "":
		if d.own(it) {
			d.cfg.Starter.Refused(it.call, v.refused)
		}
	case it.due.After(now): // nothing keeps it back before that
	case v.hold != nil:
		d.hold(it, *v.hold, later(v.next, now))
	default: // open: what held it may be over
		d.mu.Lock()
		if d.queue.items[it.id] == it {
			d.queue.postpone(it, now)
		}
		d.mu.Unlock()
	}
}
