package hearing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"zvonar/internal/calls"
	"zvonar/media/amd"
	"zvonar/media/progress"
)

// Kept is the sound that was kept of answers. Read gives fs.ErrNotExist for a call
// without; the caller closes what it gets.
type Kept interface {
	Read(call string) (io.ReadSeekCloser, error)
}

// Evidence judges answers again by the sound that was kept of them, as `zvonar amd`
// judges a file, and with the announcements that their account knows today. Safe
// for concurrent use.
type Evidence struct {
	Announcements *Announcements
	Kept          Kept
	Profiles      *Profiles // nil: the built-in ones
}

// Read opens the kept sound of a call, mono WAV of 8 kHz from the answer on.
func (e *Evidence) Read(call string) (io.ReadSeekCloser, error) { return e.Kept.Read(call) }

// Rescore judges a call again, keeps what it came to and tells it as call.amd. The
// call keeps its verdict and its outcome. Errors: calls.ErrNotFound, wrong-state.
func (e *Evidence) Rescore(ctx context.Context, account, id, actor string) (*calls.JudgedAgain, error) {
	cfg := e.Announcements.cfg
	var call *calls.Call
	err := cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		call, err = tx.Call(account, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	row, err := calls.EvidenceFor(call)
	if err != nil {
		return nil, err
	}
	j, err := e.judge(ctx, call)
	if err != nil {
		return nil, err
	}
	told := j.Told()
	told.Revised, told.Rescored = j.Verdict != call.Verdict, true
	ev := calls.ForCall(cfg.IDs.New("evt_"), cfg.Clock.Now(), call, calls.CallAMD, told)
	err = cfg.Store.Update(ctx, func(tx calls.Tx) error {
		if known, err := tx.Evidence(call.ID); err == nil {
			row = known
		} else if !errors.Is(err, calls.ErrNotFound) {
			return err
		}
		row.Rescored, row.Model, row.RescoredAt = j.Verdict, j.Model, cfg.Clock.Now()
		again := ev // a unit may run more than once
		return errors.Join(tx.PutEvidence(row), tx.AppendEvent(&again),
			tx.Audit(calls.AuditEntry{Account: call.Account, Actor: actor, Action: "call.rescore", Object: call.ID, At: cfg.Clock.Now(), Detail: string(j.Verdict)}))
	})
	if err != nil {
		return nil, err
	}
	return &calls.JudgedAgain{Judged: j, Was: call.Verdict}, nil
}

// judge hears what was kept.
func (e *Evidence) judge(ctx context.Context, call *calls.Call) (calls.Judged, error) {
	file, err := e.Kept.Read(call.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return calls.Judged{}, calls.Errorf(calls.CodeNotFound, "no sound of this answer is kept (amd.keep), it is kept no longer, or it lies on another node")
	}
	if err != nil {
		return calls.Judged{}, fmt.Errorf("read the sound of an answer: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	sound, err := io.ReadAll(file)
	if err != nil {
		return calls.Judged{}, fmt.Errorf("read the sound of an answer: %w", err)
	}
	pcm, err := decode(ctx, bytes.NewReader(sound))
	if err != nil {
		return calls.Judged{}, fmt.Errorf("the kept sound of %s: %w", call.ID, err)
	}
	l := amd.New(e.Profiles.For(call.Flow.AMD.Profile, call.Trunk, call.To), progress.New(progress.Options{Countries: e.Announcements.cfg.Countries, Book: e.Announcements.Book(call.Account)}))
	j := calls.Judged{Model: l.Model()}
	tell := func(v amd.Event) {
		if v.Kind != amd.Decided && v.Kind != amd.Revised {
			return
		}
		j.Verdict, j.Cause, j.Confidence, j.FromAnswerMS, j.FromOnsetMS = calls.Verdict(v.Verdict), v.Cause, v.Confidence, v.At*1000/amd.Rate, nil
		if v.Onset >= 0 {
			ms := (v.At - v.Onset) * 1000 / amd.Rate
			j.FromOnsetMS = &ms
		}
	}
	for at := 0; at < len(pcm); at += frame {
		l.Feed(pcm[at:min(at+frame, len(pcm))], tell)
	}
	l.Close(tell)
	return j, nil
}
