package recordings

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"zvonar/internal/calls"
)

const (
	// jobLimit bounds one job, so that whoever finds an older one knows that
	// nobody works on it.
	jobLimit = 10 * time.Minute
	orphaned = jobLimit + 5*time.Minute
	// lookEvery is how often is looked for jobs that nobody works on, and for
	// dictations whose call is over.
	lookEvery = 5 * time.Second
	// keepTime is how long after its call a dictation may still be on its way
	// through the checks.
	keepTime = 30 * time.Second
	keepSoon = time.Second // where this node knows that it is not
	// maxJobs waits or runs at a time on a node.
	maxJobs = 1000

	interrupted = "interrupted; upload again"
	ourselves   = "zvonar" // who decided, where no moderator did
)

// Jobs takes recordings in while nobody waits for the answer. Each has a row from
// the start, in state processing, so that a crash leaves something to be told of.
// One goroutine between Start and Stop, and one for each job.
type Jobs struct {
	l      *Library
	cancel context.CancelFunc
	life   context.Context
	work   sync.WaitGroup

	mu      sync.Mutex
	running map[string]*job // by recording
}

// job is one recording on its way in.
type job struct {
	cancel   context.CancelFunc
	canceled atomic.Pointer[string] // by whom
	progress atomic.Uint64          // thousandths
	done     chan struct{}          // closed when it has ended
}

// NewJobs makes the jobs of a library.
func NewJobs(l *Library) *Jobs {
	life, cancel := context.WithCancel(context.Background())
	return &Jobs{l: l, life: life, cancel: cancel, running: map[string]*job{}}
}

// Start ends what a former process of this node has left and begins to look for
// what others leave.
func (j *Jobs) Start(ctx context.Context) error {
	if err := j.look(ctx, true); err != nil {
		return fmt.Errorf("recordings: end the jobs of before: %w", err)
	}
	j.work.Go(j.run)
	return nil
}

// Stop cancels every job and waits for that, or for ctx.
func (j *Jobs) Stop(ctx context.Context) error {
	j.cancel()
	ended := make(chan struct{})
	go func() { j.work.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Add spools a file, as Library.Add takes it, and takes it in behind the answer:
// the recording that it returns is processing. Errors are too-large, invalid-field
// for the title, overloaded.
func (j *Jobs) Add(ctx context.Context, account, title, actor string, system bool, r io.Reader) (*calls.Recording, error) {
	if err := checkTitle(title); err != nil {
		return nil, err
	}
	f, size, err := j.l.spool(r)
	if err != nil {
		return nil, err
	}
	rec := j.l.fresh(account, title, actor, system, &product{})
	return j.begin(ctx, rec, func(ctx context.Context, progress func(float64)) (*product, error) {
		defer discard(f)
		return j.l.convert(ctx, account, f, size, options{system: system, progress: progress})
	}, func() { discard(f) })
}

// AddText has a text read aloud likewise. Errors are those of Library.AddText about
// the text itself.
func (j *Jobs) AddText(ctx context.Context, account, actor string, s Spoken) (*calls.Recording, error) {
	s, u, err := j.l.toSpeak(s)
	if err != nil {
		return nil, err
	}
	rec := j.l.fresh(account, s.Title, actor, s.System, &product{})
	rec.Text, rec.Voice, rec.Variables = s.Text, s.Voice, s.Variables
	return j.begin(ctx, rec, func(ctx context.Context, progress func(float64)) (*product, error) {
		select {
		case j.l.voices <- struct{}{}:
			defer func() { <-j.l.voices }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		u.progress = progress
		return j.l.speak(ctx, account, u)
	}, func() {})
}

// begin makes the row durable and starts the work; drop lets go of what the work
// would have used.
func (j *Jobs) begin(ctx context.Context, rec *calls.Recording, work func(context.Context, func(float64)) (*product, error), drop func()) (*calls.Recording, error) {
	rec.State, rec.Node = calls.RecordingProcessing, j.l.cfg.Node
	life, cancel := context.WithTimeout(j.life, jobLimit)
	entry := &job{cancel: cancel, done: make(chan struct{})}
	j.mu.Lock()
	full := len(j.running) >= maxJobs
	if !full {
		j.running[rec.ID] = entry
	}
	j.mu.Unlock()
	err := calls.Errorf(calls.CodeOverloaded, "%d recordings are on their way in already: send it again in a minute", maxJobs)
	if !full {
		if e := j.l.cfg.Store.Update(ctx, func(tx calls.Tx) error { return j.l.started(tx, rec) }); e == nil {
			j.work.Go(func() { j.do(life, entry, rec.ID, rec.Account, work) })
			shown := *rec
			return &shown, nil
		} else if !errors.As(e, &err) {
			drop()
			j.forget(rec.ID, cancel)
			return nil, e
		}
	}
	drop()
	if full {
		cancel()
	} else {
		j.forget(rec.ID, cancel)
	}
	return nil, err
}

func (j *Jobs) forget(id string, cancel context.CancelFunc) {
	cancel()
	j.mu.Lock()
	delete(j.running, id)
	j.mu.Unlock()
}

// do works, and writes down what came of it.
func (j *Jobs) do(ctx context.Context, entry *job, id, account string, work func(context.Context, func(float64)) (*product, error)) {
	defer close(entry.done)
	defer j.forget(id, entry.cancel)
	begun := j.l.cfg.Clock.Now()
	p, err := work(ctx, func(x float64) { entry.progress.Store(uint64(1000 * max(0, min(x, 1)))) })
	j.l.metrics.uploaded(err, j.l.cfg.Clock.Now().Sub(begun))
	// What came of it is told also where the job was canceled, or the daemon stops.
	told, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	if err == nil {
		if err = j.l.arrive(told, account, id, p); err == nil {
			return
		}
	}
	by, why := ourselves, reasonOf(err)
	switch who := entry.canceled.Load(); {
	case who != nil:
		by, why = *who, "canceled by "+*who
	case j.life.Err() != nil:
		why = interrupted
	case ctx.Err() != nil:
		why = fmt.Sprintf("it took longer than %s; %s", jobLimit, interrupted)
	}
	if err := j.l.fail(told, account, id, by, why, checksOf(err)); err != nil && calls.CodeOf(err) != calls.CodeWrongState {
		j.l.cfg.Log.Error("a recording that could not be taken in stays processing for a while", "recording", id, "err", err)
	}
}

// Cancel ends the job of a recording, whose row then says so. Errors are
// *calls.Error: wrong-state where no job of this node makes it.
func (j *Jobs) Cancel(id, actor string) error {
	j.mu.Lock()
	entry := j.running[id]
	j.mu.Unlock()
	if entry == nil {
		return calls.Errorf(calls.CodeWrongState, "the recording is not on its way in here: ask the node that took it, or wait")
	}
	entry.canceled.CompareAndSwap(nil, &actor)
	entry.cancel()
	return nil
}

// Progress tells how far a job of this node is, 0 to 1; false: it has none.
func (j *Jobs) Progress(id string) (float64, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	entry := j.running[id]
	if entry == nil {
		return 0, false
	}
	return float64(entry.progress.Load()) / 1000, true
}

func (j *Jobs) run() {
	for {
		due := make(chan struct{})
		t := j.l.cfg.Clock.AfterFunc(lookEvery, func() { close(due) })
		select {
		case <-due:
		case <-j.life.Done():
			t.Stop()
			return
		}
		if err := j.look(j.life, false); err != nil && j.life.Err() == nil {
			j.l.cfg.Log.Warn("recordings that nobody works on could not be looked for; it is tried again", "err", err)
		}
	}
}

// look ends what nobody works on any more: jobs of before (start) and of other
// nodes, dictations whose call is over.
func (j *Jobs) look(ctx context.Context, start bool) error {
	now := j.l.cfg.Clock.Now()
	type end struct{ account, id, why string }
	var ends []end
	see := func(r *calls.Recording) {
		j.mu.Lock()
		mine := j.running[r.ID] != nil
		j.mu.Unlock()
		switch {
		case mine:
		case r.State == calls.RecordingProcessing && (start && r.Node == j.l.cfg.Node || now.Sub(r.CreatedAt) > orphaned):
			ends = append(ends, end{r.Account, r.ID, interrupted})
		case r.State == calls.RecordingDraft:
			if why := j.l.undictated(ctx, r, now); why != "" {
				ends = append(ends, end{r.Account, r.ID, why})
			}
		}
	}
	for _, state := range []calls.RecordingState{calls.RecordingProcessing, calls.RecordingDraft} {
		if err := j.l.pages(ctx, calls.RecordingFilter{State: state, Limit: 500}, see); err != nil {
			return err
		}
	}
	for _, e := range ends {
		if err := j.l.fail(ctx, e.account, e.id, ourselves, e.why, nil); err != nil && calls.CodeOf(err) != calls.CodeWrongState {
			return err
		}
	}
	return nil
}

// started writes the row of a recording that is on its way in.
func (l *Library) started(tx calls.Tx, rec *calls.Recording) error {
	if err := tx.InsertRecording(rec); err != nil {
		return err
	}
	return l.tell(tx, rec, calls.RecordingStarted)
}

// onItsWay are the states that end by themselves.
func onItsWay(s calls.RecordingState) bool {
	return s == calls.RecordingProcessing || s == calls.RecordingDraft
}

// arrive makes p what the recording says: it waits for a moderator.
func (l *Library) arrive(ctx context.Context, account, id string, p *product) error {
	var rec *calls.Recording
	err := l.cfg.Store.Update(ctx, func(tx calls.Tx) (err error) {
		if rec, err = find(tx, account, id); err != nil {
			return err
		}
		if !onItsWay(rec.State) {
			return calls.Errorf(calls.CodeWrongState, "the recording is %s by now", rec.State)
		}
		if err := admitContent(tx, p.SHA256); err != nil {
			return err
		}
		rec.State, rec.Node = calls.RecordingPending, ""
		rec.SHA256, rec.WideSHA256, rec.DurationMS, rec.Checks, rec.Print = p.SHA256, p.WideSHA256, p.Duration.Milliseconds(), p.Checks, p.Print
		if err := tx.UpdateRecording(rec); err != nil {
			return err
		}
		return l.tell(tx, rec, calls.RecordingUploaded)
	})
	if err == nil {
		l.arrived(rec)
	}
	return err
}

// fail ends a recording that never came to be.
func (l *Library) fail(ctx context.Context, account, id, by, why string, checks []calls.Check) error {
	err := l.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		rec, err := find(tx, account, id)
		if err != nil {
			return err
		}
		if !onItsWay(rec.State) {
			return calls.Errorf(calls.CodeWrongState, "the recording is %s by now", rec.State)
		}
		now := l.cfg.Clock.Now().UTC()
		rec.State, rec.Node, rec.Reason, rec.DecidedBy, rec.DecidedAt, rec.Checks = calls.RecordingIsRejected, "", why, by, &now, checks
		entry := calls.AuditEntry{Account: account, Actor: by, Action: "recording.end", Object: id, At: now, Detail: why}
		return errors.Join(tx.UpdateRecording(rec), l.tell(tx, rec, calls.RecordingRejected), tx.Audit(entry))
	})
	if err == nil {
		l.cfg.Log.Info("recording not taken in", "recording", id, "account", account, "reason", why)
	}
	return err
}

// reasonOf is what the uploader is told of an error.
func reasonOf(err error) string {
	var told *calls.Error
	switch {
	case errors.As(err, &told):
		return told.Detail
	case errors.Is(err, os.ErrDeadlineExceeded):
		return interrupted
	}
	return "it could not be taken in: the daemon's log says why; " + interrupted
}

// checksOf are the checks that an error carries.
func checksOf(err error) []calls.Check {
	var told *calls.Error
	if errors.As(err, &told) {
		checks, _ := told.Extra["checks"].([]calls.Check)
		return checks
	}
	return nil
}
