package engine

import (
	"maps"

	"zvonar/internal/calls"
)

// RecordingDecided hears that a moderator has decided on a recording, on this
// node or another. revoked is the version up to which it is taken back now, 0
// where it is not: what waits in the queue is looked at anew, and calls that run
// play nothing of it any more.
func (e *Engine) RecordingDecided(id string, revoked int) {
	e.mu.Lock()
	barred := maps.Clone(e.barred) // sessions read the old one
	if barred == nil {
		barred = map[string]int{}
	}
	if revoked > 0 {
		barred[id] = revoked
	} else {
		delete(barred, id)
	}
	e.barred = barred
	running := make([]*session, 0, len(e.sessions))
	for _, s := range e.sessions {
		running = append(running, s)
	}
	e.mu.Unlock()
	if revoked > 0 {
		for _, s := range running {
			s.box.post(s.dropRevoked)
		}
	}
	e.cfg.Queue.Recheck(id)
}

// bars reports whether the content that ref pins was revoked while this process
// ran. What was revoked before never came so far: the dialer and admission ask
// the store.
func (e *Engine) bars() func(calls.RecordingRef) bool {
	e.mu.Lock()
	barred := e.barred
	e.mu.Unlock()
	if len(barred) == 0 {
		return nil
	}
	return func(ref calls.RecordingRef) bool { return max(ref.Version, 1) <= barred[ref.RecordingID] }
}

// dropRevoked takes what was revoked out of a running call. It ends where the
// customer hears such a clip, and where it is the one that the call was made
// for and was not played to him yet; in a menu that goes on, the digits that lead to
// the clip find nothing there.
func (s *session) dropRevoked() {
	bars := s.e.bars()
	if bars == nil {
		return
	}
	clips := map[calls.ClipID]calls.RecordingRef{}
	for id, ref := range s.call.Flow.Clips {
		if !bars(ref) {
			clips[id] = ref
		}
	}
	if len(clips) == len(s.call.Flow.Clips) {
		return
	}
	first := s.call.Flow.Clips[s.call.Flow.Record]
	s.call.Flow.Clips = clips // a new map: the store may be writing the old one
	if s.flow != nil {
		s.flow.Pin(clips)
	}
	switch s.phase {
	case leaving, over, bridged:
	case talking, reaching, confirming:
		for _, ref := range s.plays {
			if bars(ref) {
				s.hangup(calls.ReasonRecordingRevoked, calls.ByZvonar)
				return
			}
		}
	default: // nobody is on the line yet
		if bars(first) {
			s.hangup(calls.ReasonRecordingRevoked, calls.ByZvonar)
		}
	}
}
