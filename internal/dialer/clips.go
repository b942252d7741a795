package dialer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// clipSets keeps each set of clips once: the calls of a campaign have the same.
type clipSets struct {
	list  []clipSet
	names map[string]uint32
	free  []uint32
}

type clipSet struct {
	name  string
	clips []clipKey
	users int
}

func (s *clipSets) init() { s.list, s.names = make([]clipSet, 1), map[string]uint32{} }

// use is the number of the set of clips, 0 for none.
func (s *clipSets) use(clips map[calls.ClipID]calls.RecordingRef) uint32 {
	if len(clips) == 0 {
		return 0
	}
	keys := make([]clipKey, 0, len(clips))
	names := make([]string, 0, len(clips))
	for _, ref := range clips {
		k := clipKey{ref.RecordingID, max(ref.Version, 1)}
		keys, names = append(keys, k), append(names, fmt.Sprint(k.id, "/", k.version))
	}
	slices.Sort(names)
	name := strings.Join(names, " ")
	n, ok := s.names[name]
	if !ok {
		if last := len(s.free) - 1; last >= 0 {
			n, s.free = s.free[last], s.free[:last]
		} else {
			n = uint32(len(s.list))
			s.list = append(s.list, clipSet{})
		}
		s.list[n] = clipSet{name: name, clips: keys}
		s.names[name] = n
	}
	s.list[n].users++
	return n
}

// leave gives a set back.
func (s *clipSets) leave(n uint32) {
	if n == 0 {
		return
	}
	if s.list[n].users--; s.list[n].users == 0 {
		delete(s.names, s.list[n].name)
		s.list[n] = clipSet{}
		s.free = append(s.free, n)
	}
}

// clipGate wants every clip that the call may play to be approved still.
func clipGate(d *Dialer, tx calls.ReadTx, w *work, now time.Time) (verdict, error) {
	for id, ref := range w.call.Flow.Clips {
		s, v, err := d.clip(tx, clipKey{ref.RecordingID, max(ref.Version, 1)}, now)
		if err != nil || !v.open() {
			return v, err
		}
		if ref.RecordID == 0 && s.RecordID != 0 { // approved since the call was accepted
			ref.RecordID = s.RecordID
			w.complete(id, ref)
		}
	}
	return verdict{}, nil
}

// clip judges one version of a recording.
func (d *Dialer) clip(tx calls.ReadTx, k clipKey, now time.Time) (calls.Standing, verdict, error) {
	s, err := d.standing(tx, k, now)
	if errors.Is(err, calls.ErrNotFound) {
		return s, verdict{}, nil // retention took the recording; its content may be there
	}
	if err != nil {
		return s, verdict{}, err
	}
	return s, judgeClip(s, k.version, now), nil
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
func (d *Dialer) standing(tx calls.ReadTx, k clipKey, now time.Time) (calls.Standing, error) {
	if now.Sub(d.standingsAt) > standingHolds || now.Before(d.standingsAt) {
		d.standingsAt, d.standings = now, map[clipKey]calls.Standing{}
	}
	if s, known := d.standings[k]; known {
		return s, nil
	}
	s, err := tx.ClipStanding(k.id, k.version)
	if err == nil {
		d.standings[k] = s
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

// suspected takes the sets of clips that Recheck asked for.
func (d *Dialer) suspected() (recordings []string, sets map[uint32][]clipKey) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.suspects) == 0 {
		return nil, nil
	}
	sets = map[uint32][]clipKey{}
	for n, set := range d.queue.sets.list {
		for _, k := range set.clips {
			if d.suspects[k.id] {
				sets[uint32(n)] = set.clips
			}
		}
	}
	for id := range d.suspects {
		recordings = append(recordings, id)
	}
	d.suspects, d.standings, d.standingsAt = nil, nil, time.Time{}
	return recordings, sets
}

// sift asks the clip gate about all sets that Recheck named, and ends or looks again at
// the calls that have them. Those that are not due yet are told nothing unless they end.
func (d *Dialer) sift(ctx context.Context, now time.Time) error {
	recordings, sets := d.suspected()
	if len(sets) == 0 {
		return nil
	}
	verdicts := map[uint32]verdict{}
	err := d.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		for n, clips := range sets {
			for _, k := range clips {
				if _, v, err := d.clip(tx, k, now); err != nil {
					return err
				} else if !v.open() {
					verdicts[n] = v
					break
				}
			}
		}
		return nil
	})
	if err != nil {
		for _, id := range recordings { // not lost: they are looked at again
			d.Recheck(id)
		}
		return err
	}
	judged := d.sifted(sets, verdicts, now)
	for _, v := range verdicts { // these calls may wait behind others when it is final
		if v.hold != nil && v.hold.Until != nil {
			for _, id := range recordings {
				d.cfg.Clock.AfterFunc(v.hold.Until.Sub(now), func() { d.Recheck(id) })
			}
		}
	}
	return d.sentence(ctx, judged, recordings, now)
}

// sentence is what becomes of a call because of its recording.
type sentence struct {
	id string
	verdict
}

// sifted looks at once at the due calls of sets that may be played, and lists the calls
// that end or are held.
func (d *Dialer) sifted(sets map[uint32][]clipKey, verdicts map[uint32]verdict, now time.Time) (judged []sentence) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q, at := d.queue, micros(now)
	for _, i := range q.index.places {
		if i == 0 {
			continue
		}
		e := q.slab.at(i)
		if _, asked := sets[e.clips]; !asked {
			continue
		}
		v, due := verdicts[e.clips], e.due <= at
		switch {
		case v.refused != "", v.hold != nil && due:
			judged = append(judged, sentence{q.id(i), v})
		case due: // what held it may be over
			q.postpone(i, now, now)
		}
	}
	return judged
}

// sentence ends or holds calls because of their recording.
func (d *Dialer) sentence(ctx context.Context, list []sentence, recordings []string, now time.Time) error {
	for _, s := range list {
		c, err := d.load(ctx, s.id)
		switch {
		case err != nil:
			for _, id := range recordings {
				d.Recheck(id)
			}
			return err
		case c == nil:
		case s.hold != nil:
			d.hold(&work{id: s.id, call: c}, *s.hold, later(s.next, now))
		case d.own(s.id):
			d.cfg.Starter.Refused(c, s.refused)
		}
	}
	return nil
}
