package recordings

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/recordings/audio"
)

// Dictation: the author speaks into the telephone; package ivr leads him. The row
// is a draft until he keeps what he said.

const (
	// takeText marks the reference of a take, which is for one call alone.
	takeText = "a take of a dictation"
	// signalPrefix names signals in place of content.
	signalPrefix = "signal:"

	takeLead = 200 * time.Millisecond // silence that is left before the first word
	takeTail = 300 * time.Millisecond // and behind the last
	takeStep = audio.Narrow / 50      // 20 ms
	// takeFloor is the level under which nobody speaks, as RMS of 16 bit.
	takeFloor = 180.0
)

// Draft writes the row of a recording that its author will dictate in a call. It
// runs in the unit of work that admits the call. Check the title before.
func (l *Library) Draft(tx calls.Tx, account, title, actor, id, call string) (*calls.Recording, error) {
	if title == "" {
		title = "Dictation"
	}
	rec := l.fresh(account, title, actor, false, &product{})
	rec.ID, rec.CallID, rec.State, rec.Node = id, call, calls.RecordingDraft, l.cfg.Node
	return rec, l.started(tx, rec)
}

// NewDictation names a recording that is to be dictated, and checks its title.
func (l *Library) NewDictation(title string) (id string, err error) {
	return l.cfg.IDs.New("rec_"), checkTitle(title)
}

// undictated says why a draft will not come to be; empty: it still may.
func (l *Library) undictated(ctx context.Context, r *calls.Recording, now time.Time) (why string) {
	patience := keepTime
	if _, busy := l.keeping.Load(r.ID); r.Node == l.cfg.Node && !busy {
		patience = keepSoon
	}
	err := l.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		c, err := tx.Call(r.Account, r.CallID)
		switch {
		case errors.Is(err, calls.ErrNotFound):
			why = "its call is gone"
		case err != nil:
			return err
		case c.Over() && c.EndedAt != nil && now.Sub(*c.EndedAt) > patience:
			why = fmt.Sprintf("its call ended (%s), and nothing was kept", strings.TrimSuffix(string(c.Outcome)+", "+string(c.Reason), ", "))
		}
		return nil
	})
	if err != nil {
		return ""
	}
	return why
}

// Take keeps what was said in a call for it to be played back: 8 kHz mono samples,
// of which silence at both ends is cut. Errors are *calls.Error:
// recording-too-short.
func (l *Library) Take(pcm []int16) (calls.RecordingRef, error) {
	pcm = trim(pcm)
	d := time.Duration(len(pcm)) * time.Second / audio.Narrow
	if d < l.cfg.MinDuration {
		return calls.RecordingRef{}, calls.Errorf(calls.CodeRecordingTooShort, "only %.1f s were said, at least %.0f s are required", d.Seconds(), l.cfg.MinDuration.Seconds())
	}
	if err := os.MkdirAll(l.rendered.dir, 0o750); err != nil {
		return calls.RecordingRef{}, err
	}
	f, err := newClipFile(l.rendered.dir, audio.Narrow)
	if err != nil {
		return calls.RecordingRef{}, err
	}
	defer f.discard() // gone already where all went well
	if err := f.write(pcm); err != nil {
		return calls.RecordingRef{}, err
	}
	sha, err := f.finish()
	if err == nil {
		err = l.rendered.put(f.file, sha)
	}
	return calls.RecordingRef{SHA256: sha, DurationMS: d.Milliseconds(), Text: takeText, Version: 1}, err
}

// Keep takes a take in, through every check, as the recording that was dictated:
// it waits for a moderator. Errors are those of Add; wrong-state where the draft is
// gone.
func (l *Library) Keep(ctx context.Context, account, id string, take calls.RecordingRef) (err error) {
	l.keeping.Store(id, true)
	defer l.keeping.Delete(id)
	begun := l.cfg.Clock.Now()
	defer func() { l.metrics.uploaded(err, l.cfg.Clock.Now().Sub(begun)) }()
	f, err := os.Open(l.rendered.path(take.SHA256))
	if err != nil {
		return fmt.Errorf("read the take: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	p, err := l.ingest(ctx, account, f, options{})
	if err != nil {
		return err
	}
	return l.arrive(ctx, account, id, p)
}

// Abandon ends a draft that its author, or who asked for it, does not want any more.
// Errors are *calls.Error: not-found, wrong-state.
func (l *Library) Abandon(ctx context.Context, account, id, actor string) error {
	return l.fail(ctx, account, id, actor, "canceled by "+actor, nil)
}

// trim cuts silence off both ends.
func trim(pcm []int16) []int16 {
	first, last := -1, 0
	for at := 0; at+takeStep <= len(pcm); at += takeStep {
		if rms(pcm[at:at+takeStep]) > takeFloor {
			if first < 0 {
				first = at
			}
			last = at + takeStep
		}
	}
	if first < 0 {
		return nil
	}
	lead, tail := int(takeLead*audio.Narrow/time.Second), int(takeTail*audio.Narrow/time.Second)
	return pcm[max(0, first-lead):min(len(pcm), last+tail)]
}

func rms(pcm []int16) float64 {
	sum := 0.0
	for _, x := range pcm {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum / float64(len(pcm)))
}

// beeps are the signals of a dictation: tones in Hz, 0 is a pause, of 0.2 s each.
var beeps = map[calls.Signal][]float64{
	calls.SignalSpeak:  {0, 1000, 1000},           // one long: speak now
	calls.SignalChoose: {0, 1000, 0, 1000},        // two short: 1 keeps, 2 again
	calls.SignalAgain:  {0, 400, 400, 400, 0},     // one low: that was nothing, again
	calls.SignalKept:   {0, 600, 800, 1000, 0, 0}, // rising: kept
}

// Signals are references that LoadRef knows.
func (l *Library) Signals() map[calls.Signal]calls.RecordingRef {
	refs := map[calls.Signal]calls.RecordingRef{}
	for name, tones := range beeps {
		refs[name] = calls.RecordingRef{SHA256: signalPrefix + string(name), DurationMS: int64(200 * len(tones))}
	}
	return refs
}

// signal makes the sound of a signal; nil where there is none of this name.
func signal(name string) (pcm []int16) {
	const step, ramp = audio.Narrow / 5, 80
	phase := 0.0
	for i, hz := range beeps[calls.Signal(name)] {
		tones := beeps[calls.Signal(name)]
		for n := range step {
			gain := 0.2
			if n < ramp && (i == 0 || tones[i-1] == 0) {
				gain *= float64(n) / ramp
			}
			if left := step - n; left < ramp && (i == len(tones)-1 || tones[i+1] == 0) {
				gain *= float64(left) / ramp
			}
			phase += 2 * math.Pi * hz / audio.Narrow
			if hz == 0 {
				gain = 0
			}
			pcm = append(pcm, int16(gain*math.MaxInt16*math.Sin(phase)))
		}
	}
	return pcm
}
