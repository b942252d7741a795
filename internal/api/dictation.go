package api

import (
	"context"
	"net/http"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
)

// dictate has a number called whose owner speaks the recording.
func (s *Server) dictate(ctx context.Context, to, title string, body []byte) (*addedRecordingOutput, error) {
	id, err := s.cfg.Recordings.NewDictation(title)
	if err != nil {
		return nil, err
	}
	var rec *calls.Recording
	r := engine.CallRequest{To: to, ToAt: "body.dictate_to", Priority: dictationPriority, Dictate: &calls.Dictation{RecordingID: id},
		Within: func(tx calls.Tx, c *calls.Call) (err error) {
			rec, err = s.cfg.Recordings.Draft(tx, c.Account, title, actorOf(ctx), id, c.ID)
			return err
		}}
	if _, err := s.submit(ctx, r, "", body); err != nil {
		return nil, err
	}
	s.changed(ctx, "recording.dictate", id, "call "+rec.CallID)
	return s.added(rec), nil
}

// dictationPriority: somebody waits at his telephone.
const dictationPriority = 100

type canceledRecordingOutput struct {
	Status int
	Body   RecordingResource
}

func (s *Server) cancelRecording(ctx context.Context, in *RecordingPath) (*canceledRecordingOutput, error) {
	rec, err := s.recording(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	switch rec.State {
	case calls.RecordingProcessing:
		err = s.cfg.Jobs.Cancel(rec.ID, actorOf(ctx))
	case calls.RecordingDraft:
		if err = s.cfg.Recordings.Abandon(ctx, rec.Account, rec.ID, actorOf(ctx)); err == nil {
			_, err = s.cfg.Engine.Hangup(ctx, rec.Account, rec.CallID)
		}
		if calls.CodeOf(err) == calls.CodeWrongState { // it is over already
			err = nil
		}
	default:
		err = calls.Errorf(calls.CodeWrongState, "the recording is %s: only what is on its way in can be canceled; archive or revoke it", rec.State)
	}
	if err != nil {
		return nil, err
	}
	s.changed(ctx, "recording.cancel", rec.ID, "")
	if rec, err = s.recording(ctx, rec.ID); err != nil {
		return nil, err
	}
	return &canceledRecordingOutput{Status: http.StatusAccepted, Body: s.viewRecording(rec)}, nil
}
