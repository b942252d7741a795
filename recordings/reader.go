package recordings

import (
	"context"
	"errors"
	"sync"
	"time"

	"zvonar/internal/calls"
)

const (
	// maxWaiting bounds the texts that wait for the engine; whoever comes then
	// asks again.
	maxWaiting = 100
	// engineRetry is how long an engine that failed is left alone with a text.
	engineRetry = 30 * time.Second
	// unfitLife is how long is remembered that a text makes no clip.
	unfitLife = 10 * time.Minute
	// trimEvery is after how many texts the size of what lies there is looked at.
	trimEvery = 100
)

// unfit are the problems of a spoken text that trying again does not mend.
var unfit = map[calls.Code]bool{calls.CodeRecordingTooShort: true, calls.CodeRecordingHasDigits: true, calls.CodeTooLarge: true}

// Reader reads texts aloud for single calls, before anybody is rung. Up to as many
// at a time as the library lets be spoken; a goroutine of its own each, between
// Start and Stop.
type Reader struct {
	l *Library

	mu      sync.Mutex
	ctx     context.Context // nil: does not run
	cancel  context.CancelFunc
	work    sync.WaitGroup
	known   map[string]*reading // that wait, are spoken, or failed
	waiting []*reading
	busy    int
	spoken  int
}

// reading is one text on its way.
type reading struct {
	account string
	ref     calls.RecordingRef
	done    []func()
	failed  error     // nil: it is on its way
	until   time.Time // with failed: it is not tried before
}

// NewReader makes a Reader of the texts of l.
func NewReader(l *Library) *Reader { return &Reader{l: l, known: map[string]*reading{}} }

// Start lets texts be read.
func (r *Reader) Start(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx != nil {
		return errors.New("recordings: the reader was started before")
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return nil
}

// Stop ends what is being read and waits for that, or for ctx.
func (r *Reader) Stop(ctx context.Context) error {
	r.mu.Lock()
	if r.cancel == nil {
		r.mu.Unlock()
		return nil
	}
	r.cancel()
	r.waiting = nil
	r.mu.Unlock()
	ended := make(chan struct{})
	go func() { r.work.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Ready completes a reference whose text lies spoken, and refreshes that. Else it
// has the text read, calls done later, from another goroutine, and returns
// calls.ErrNotYet. Other errors: a *calls.Error, the text makes no clip, now or
// later; any other, the engine failed and is tried again at until.
func (r *Reader) Ready(account string, ref calls.RecordingRef, done func()) (full calls.RecordingRef, until time.Time, err error) {
	now := r.l.cfg.Clock.Now()
	full, found := r.l.rendered.find(ref, now)
	if found {
		return full, time.Time{}, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := renderedKey(ref)
	if k := r.known[key]; k != nil {
		if k.failed == nil {
			k.done = append(k.done, done)
			return ref, time.Time{}, calls.ErrNotYet
		}
		if now.Before(k.until) {
			return ref, k.until, k.failed
		}
	}
	if r.ctx == nil || r.ctx.Err() != nil || len(r.waiting) >= maxWaiting {
		return ref, now.Add(time.Second), calls.ErrNotYet
	}
	k := &reading{account: account, ref: ref, done: []func(){done}}
	r.known[key], r.waiting = k, append(r.waiting, k)
	if r.busy < speakers {
		r.busy++
		r.work.Add(1)
		go r.run(r.ctx)
	}
	return ref, time.Time{}, calls.ErrNotYet
}

// run reads what waits until nothing does.
func (r *Reader) run(ctx context.Context) {
	defer r.work.Done()
	for {
		r.mu.Lock()
		if len(r.waiting) == 0 || ctx.Err() != nil {
			r.busy--
			r.mu.Unlock()
			return
		}
		k := r.waiting[0]
		r.waiting = r.waiting[1:]
		r.mu.Unlock()
		err := r.read(ctx, k)
		r.finish(k, err)
	}
}

// read speaks one text and puts it where Ready finds it.
func (r *Reader) read(ctx context.Context, k *reading) error {
	select {
	case r.l.voices <- struct{}{}:
		defer func() { <-r.l.voices }()
	case <-ctx.Done():
		return ctx.Err()
	}
	p, err := r.l.speak(ctx, k.account, utterance{text: k.ref.Text, voice: k.ref.Voice, options: options{once: true}})
	if err != nil {
		return err
	}
	return r.l.rendered.note(k.ref, p)
}

// finish keeps what failed in mind and tells who waits.
func (r *Reader) finish(k *reading, err error) {
	now := r.l.cfg.Clock.Now()
	r.mu.Lock()
	for key, other := range r.known { // what failed long ago
		if other.failed != nil && !now.Before(other.until) {
			delete(r.known, key)
		}
	}
	result := "ok"
	switch {
	case err == nil:
		delete(r.known, renderedKey(k.ref))
		r.spoken++
	case unfit[calls.CodeOf(err)]:
		result, k.failed, k.until = "unfit", err, now.Add(unfitLife)
	default:
		result, k.failed, k.until = "failed", errors.New("the speech engine failed: the daemon's log says why"), now.Add(engineRetry)
	}
	trim := err == nil && r.spoken%trimEvery == 0
	tell, ctx := k.done, r.ctx
	k.done = nil
	r.mu.Unlock()
	r.l.metrics.rendered(result)
	if err != nil && ctx.Err() == nil {
		r.l.cfg.Log.Error("a text could not be read aloud for a call", "recording", k.ref.RecordingID, "account", k.account, "err", err)
	}
	for _, done := range tell {
		done()
	}
	if trim {
		if _, err := r.l.Forget(); err != nil {
			r.l.cfg.Log.Warn("what was spoken for calls could not be cleared", "err", err)
		}
	}
}
