package engine

import (
	"context"

	"zvonar/internal/calls"
)

// Record implements API.
func (e *Engine) Record(ctx context.Context, account, id string, on bool) (*calls.Call, error) {
	return e.ask(ctx, account, id, func(s *session) error {
		if _, err := s.speaker(calls.RoleCustomer); err != nil {
			return err
		}
		if !on {
			s.endCapture()
			return nil
		}
		return s.beginCapture()
	})
}

// beginCapture writes down the talk from now on; once is enough.
func (s *session) beginCapture() error {
	if s.captured != nil {
		return nil
	}
	end, err := s.customer.leg.Capture(s.call.ID)
	if err != nil {
		s.log.Error("the talk cannot be captured", "err", err)
		return calls.Errorf(calls.CodeOverloaded, "the talk cannot be captured; the log tells why")
	}
	s.captured = end
	return nil
}

// endCapture ends it; call.recording_ready follows when the file is complete,
// perhaps after call.completed.
func (s *session) endCapture() {
	end := s.captured
	if end == nil {
		return
	}
	s.captured = nil
	c := s.call.Clone()
	end(func(r calls.Capture, err error) {
		if err != nil {
			s.log.Error("the capture of a talk is not complete", "err", err)
			return
		}
		s.e.CaptureReady(c, r)
	})
}

// CaptureReady tells that the capture of a call is complete. Any goroutine calls
// it, also for a call of a former process.
func (e *Engine) CaptureReady(c *calls.Call, r calls.Capture) {
	ev := e.event(c, calls.CallRecordingReady, captureData{
		URL: e.cfg.CaptureLinks.URL(c.ID, e.clock.Now().Add(calls.CaptureLinkLife)), DurationMS: r.DurationMS, SHA256: r.SHA256})
	e.store.Observe(func(tx calls.Tx) error {
		again := ev // a unit may run more than once
		return tx.AppendEvent(&again)
	}, func(err error) {
		if err != nil {
			e.log.Error("a capture is ready and could not be told of", "call", c.ID, "err", err)
		}
	})
}

type captureData struct {
	URL        string `json:"url"`
	DurationMS int64  `json:"duration_ms"`
	SHA256     string `json:"sha256"`
}
