package hearing

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/media/amd"
	"zvonar/media/progress"
	"zvonar/recordings"
)

// Config of Announcements.
type Config struct {
	Store     calls.Store
	Countries []string // whose tones are likeliest, the first before all
	// Deaf reports trunks whose early media nobody listens to; nil: none.
	Deaf    func(trunk string) bool
	Refresh time.Duration // how often other nodes' changes are looked for; 0: a minute
	Clock   clock.Clock
	IDs     *clock.IDs
	Log     *slog.Logger          // nil: discarded
	Metrics prometheus.Registerer // nil: none
}

// Announcements are those that are known, of all accounts.
type Announcements struct {
	cfg   Config
	books atomic.Pointer[map[string]*progress.Book] // by account, replaced and never changed
	heard *prometheus.CounterVec

	mu      sync.Mutex // of what follows
	timer   clock.Timer
	stopped bool
	known   int
}

// New makes Announcements that know nothing before Start.
func New(cfg Config) *Announcements {
	if cfg.Refresh <= 0 {
		cfg.Refresh = time.Minute
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &Announcements{cfg: cfg, heard: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_early_heard_total",
		Help: "Tones and known announcements that were heard before an answer."}, []string{"kind"})}
	a.books.Store(&map[string]*progress.Book{})
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(a.heard, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "zvonar_fingerprints",
			Help: "Announcements that are known by their fingerprints."}, func() float64 {
			a.mu.Lock()
			defer a.mu.Unlock()
			return float64(a.known)
		}))
	}
	return a
}

// Start reads what the store has, and looks for changes of other nodes from now
// on.
func (a *Announcements) Start(ctx context.Context) error {
	if err := a.read(ctx); err != nil {
		return err
	}
	a.again()
	return nil
}

// Stop ends that.
func (a *Announcements) Stop(context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopped = true
	if a.timer != nil {
		a.timer.Stop()
	}
	return nil
}

// again arranges the next look.
func (a *Announcements) again() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return
	}
	a.timer = a.cfg.Clock.AfterFunc(a.cfg.Refresh, func() {
		ctx, cancel := context.WithTimeout(context.Background(), a.cfg.Refresh)
		defer cancel()
		if err := a.read(ctx); err != nil {
			a.cfg.Log.Warn("the known announcements could not be read; those read before stay in use", "err", err)
		}
		a.again()
	})
}

// read makes the books anew.
func (a *Announcements) read(ctx context.Context) error {
	var rows []*calls.Fingerprint
	err := a.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rows, err = tx.Fingerprints("")
		return err
	})
	if err != nil {
		return err
	}
	lists := map[string][]progress.Announcement{}
	for _, r := range rows {
		one := progress.Announcement{ID: r.ID, Title: r.Title, Meaning: string(r.Meaning)}
		if err := one.Print.UnmarshalBinary(r.Print); err != nil {
			a.cfg.Log.Warn("a fingerprint cannot be read; add the announcement again", "id", r.ID, "err", err)
			continue
		}
		lists[r.Account] = append(lists[r.Account], one)
	}
	books := make(map[string]*progress.Book, len(lists))
	for account, list := range lists {
		books[account] = progress.NewBook(list)
	}
	a.books.Store(&books)
	a.mu.Lock()
	a.known = len(rows)
	a.mu.Unlock()
	return nil
}

// Book is what an account knows now; nil is nothing.
func (a *Announcements) Book(account string) *progress.Book { return (*a.books.Load())[account] }

// Add makes an announcement known by a recording of it. Errors are *calls.Error:
// unknown meanings and bad titles, files that are no sound or too little of it,
// more announcements than an account may have.
func (a *Announcements) Add(ctx context.Context, account, actor, title string, meaning calls.Meaning, file calls.SoundFile) (*calls.Fingerprint, error) {
	if !meaning.Known() {
		return nil, calls.Errorf(calls.CodeInvalidField, "an announcement means one of %s", meanings()).At("body.meaning", string(meaning))
	}
	if title == "" || len(title) > maxTitle || !calls.Printable(title) {
		return nil, calls.Errorf(calls.CodeInvalidField, "a title has 1 to %d bytes and no control characters", maxTitle).At("body.title", nil)
	}
	pcm, err := decode(ctx, file)
	if err != nil {
		return nil, err
	}
	print, err := progress.Print(pcm)
	if err != nil {
		return nil, calls.Errorf(calls.CodeBadAudio, "the announcement cannot be known again: %v; record %.1f s of it or more", err, progress.ShortestSound/1000.0).At("body.file", nil)
	}
	sound, err := print.MarshalBinary()
	if err != nil {
		return nil, err
	}
	f := &calls.Fingerprint{ID: a.cfg.IDs.New("fp_"), Account: account, Title: title, Meaning: meaning, Print: sound,
		DurationMS: int64(len(pcm)) / 8, AddedBy: actor, CreatedAt: a.cfg.Clock.Now()}
	err = a.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		there, err := tx.Fingerprints(account)
		if err != nil {
			return err
		}
		if len(there) >= calls.MaxFingerprints {
			return calls.Errorf(calls.CodeInvalidField, "%d announcements are known already; remove one first", len(there)).At("body", nil)
		}
		return tx.InsertFingerprint(f)
	})
	if err != nil {
		return nil, err
	}
	return f, a.read(ctx)
}

// maxTitle bounds a title, in bytes.
const maxTitle = 200

func meanings() string {
	var b strings.Builder
	for i, m := range calls.Meanings() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(m))
	}
	return b.String()
}

// decode reads a file as 8 kHz samples.
func decode(ctx context.Context, file calls.SoundFile) ([]int16, error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("read the upload: %w", err)
	}
	return recordings.Decode(ctx, file, size)
}

// Remove forgets an announcement. Errors: calls.ErrNotFound.
func (a *Announcements) Remove(ctx context.Context, account, id string) error {
	err := a.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		there, err := tx.DeleteFingerprint(account, id)
		if err == nil && !there {
			err = calls.ErrNotFound
		}
		return err
	})
	if err != nil {
		return err
	}
	return a.read(ctx)
}

// Test tells what would be heard in a file: tones, beeps and the announcements
// that the account knows. Errors are *calls.Error where the file is to blame.
func (a *Announcements) Test(ctx context.Context, account string, file calls.SoundFile) ([]calls.HeardAt, error) {
	pcm, err := decode(ctx, file)
	if err != nil {
		return nil, err
	}
	list := []calls.HeardAt{}
	at := 0
	tell := func(f amd.Finding) {
		if len(list) < maxFindings {
			list = append(list, calls.HeardAt{Heard: heard(f), FromMS: f.From / 8, ToMS: f.To / 8, TellMS: int64(at) / 8})
		}
	}
	l := progress.New(progress.Options{Countries: a.cfg.Countries, Book: a.Book(account)})
	for at < len(pcm) {
		from := at
		at = min(at+frame, len(pcm))
		l.Feed(pcm[from:at], tell)
		if at%(frame*50) == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	l.Close(tell)
	return list, nil
}

const (
	frame       = 160 // samples of 20 ms
	maxFindings = 1000
)
