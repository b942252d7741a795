package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/life"
)

// cursor is the place in the log up to which everything is derived.
const cursor = "ledger"

// page is how many events are looked at in one unit of work.
const page = 500

// pause lies between two looks at the log, so that a busy log is not read for
// every commit.
const pause = 250 * time.Millisecond

// Config of a Ledger. Store and Clock are needed.
type Config struct {
	Store calls.Store
	// Lead tells whether this node is the one of several that does the work; nil: it is.
	Lead    func() (leads bool, changed <-chan struct{})
	Clock   clock.Clock
	Log     *slog.Logger          // nil: discarded
	Metrics prometheus.Registerer // nil: none
}

// Ledger follows the log.
type Ledger struct {
	cfg  Config
	open *prometheus.CounterVec

	life life.Worker
}

// New checks the configuration.
func New(cfg Config) (*Ledger, error) {
	if cfg.Store == nil || cfg.Clock == nil {
		return nil, errors.New("ledger: Store and Clock are needed")
	}
	if cfg.Lead == nil {
		cfg.Lead = func() (bool, <-chan struct{}) { return true, nil }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	l := &Ledger{cfg: cfg, open: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_attention_total",
		Help: "Calls that came to need a person, by kind: attention (call.needs_attention), missed."}, []string{"kind"})}
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(l.open)
	}
	return l, nil
}

// Start begins where the last process stopped. It must be called once.
func (l *Ledger) Start(context.Context) error { return l.life.Start("ledger", l.run) }

// Stop ends the goroutine and waits for it, or for ctx. Stopping twice, or without
// Start, is harmless.
func (l *Ledger) Stop(ctx context.Context) error { return l.life.Stop(ctx) }

func (l *Ledger) run(ctx context.Context) {
	for ctx.Err() == nil {
		changed := l.cfg.Store.Changed()
		leads, led := l.cfg.Lead()
		if leads {
			if err := l.catchUp(ctx); err != nil && ctx.Err() == nil {
				l.cfg.Log.Error("the log cannot be followed; counts and the list of what needs a person are behind", "error", err)
				changed = nil // tried again after the pause
			}
		}
		if changed != nil {
			select {
			case <-changed:
			case <-led:
			case <-ctx.Done():
				return
			}
		}
		l.rest(ctx)
	}
}

func (l *Ledger) rest(ctx context.Context) {
	over := make(chan struct{})
	defer l.cfg.Clock.AfterFunc(pause, func() { close(over) }).Stop()
	select {
	case <-over:
	case <-ctx.Done():
	}
}

// catchUp derives everything up to the present end of the log.
func (l *Ledger) catchUp(ctx context.Context) error {
	for ctx.Err() == nil {
		pos, found, end, err := l.look(ctx)
		if err != nil || pos >= end {
			return err
		}
		through := end
		if len(found) == page {
			through = found[len(found)-1].Pos
		}
		if len(found) == 0 && end-pos < page {
			return nil // nothing to write yet; the cursor may stay a little behind
		}
		var kinds []string
		err = l.cfg.Store.Update(ctx, func(tx calls.Tx) error {
			kinds = nil
			if at, err := tx.Cursor(cursor); err != nil || at != pos {
				return err // another node was here meanwhile
			}
			d := derivation{tx: tx, days: map[calls.NumberDay]*calls.NumberDay{}}
			for _, e := range found {
				if err := d.event(e); err != nil {
					return err
				}
			}
			kinds = d.kinds
			return errors.Join(d.count(), tx.SetCursor(cursor, through))
		})
		if err != nil {
			return err
		}
		for _, k := range kinds {
			l.open.WithLabelValues(k).Inc()
		}
		if len(found) < page {
			return nil
		}
	}
	return nil
}

// followed are the events that something is derived of.
var followed = []calls.EventType{calls.CallNeedsAttention, calls.CallCompleted}

// look reads the next events that matter.
func (l *Ledger) look(ctx context.Context) (pos int64, found []calls.Event, end int64, err error) {
	err = l.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		if pos, err = tx.Cursor(cursor); err != nil {
			return err
		}
		if end, err = tx.LastPos(); err != nil || pos >= end {
			return err
		}
		found, err = tx.Events(calls.EventFilter{Types: followed, After: pos, Limit: page})
		return err
	})
	return pos, found, end, err
}

// derivation is what a page of events comes to.
type derivation struct {
	tx    calls.Tx
	days  map[calls.NumberDay]*calls.NumberDay
	kinds []string
}

// end is what is read of a call.completed.
type end struct {
	Direction calls.Direction `json:"direction"`
	Outcome   calls.Outcome   `json:"outcome"`
	Reason    calls.Reason    `json:"reason"`
	From      string          `json:"from"`
	TalkMS    int64           `json:"talk_ms"`
	Attempts  []struct {
		Role    calls.Role `json:"role"`
		Charged bool       `json:"charged"`
	} `json:"attempts"`
	Actions  []calls.ActionResult `json:"actions"`
	Answered *time.Time           `json:"answered_at"`
}

func (d *derivation) event(e calls.Event) error {
	if e.Type == calls.CallNeedsAttention {
		var data struct {
			Why string `json:"why"`
		}
		if err := json.Unmarshal(e.Data, &data); err != nil {
			data.Why = "the event cannot be read"
		}
		return d.attention(e, "attention", data.Why)
	}
	var c end
	if err := json.Unmarshal(e.Data, &c); err != nil {
		return nil // not ours to mend; the record of the call is not needed here
	}
	d.number(e, &c)
	if why := missed(&c); why != "" {
		return d.attention(e, calls.AttentionMissed, why)
	}
	return nil
}

// missed says why a caller was missed: he came through to nobody.
func missed(c *end) string {
	if c.Direction != calls.In {
		return ""
	}
	if c.Outcome == calls.OutcomeMissed {
		if c.Reason == calls.ReasonElsewhere {
			return "" // somebody took it
		}
		return "the call was missed"
	}
	wanted, reached := false, false
	for _, a := range c.Actions {
		if a.Action == string(calls.ActionManager) {
			wanted = true
			reached = reached || a.Result == "ok"
		}
	}
	if wanted && !reached {
		return "the caller asked for a manager and reached none"
	}
	return ""
}

// attention notes a call that needs a person.
func (d *derivation) attention(e calls.Event, kind, why string) error {
	number := ""
	if c, err := d.tx.Call(e.Account, e.CallID); err == nil {
		if number = c.To; c.Direction == calls.In {
			number = c.From
		}
	} else if !errors.Is(err, calls.ErrNotFound) {
		return err
	} else {
		return nil // the call is gone, by retention: nobody can do anything
	}
	d.kinds = append(d.kinds, kind)
	return d.tx.PutAttention(&calls.Attention{ID: e.ID, Account: e.Account, CallID: e.CallID, Kind: kind, Why: why, Number: number,
		State: calls.AttentionOpen, CreatedAt: e.Time})
}

// number counts an outgoing call that rang somebody, or tried to.
func (d *derivation) number(e calls.Event, c *end) {
	if c.Direction != calls.Out || c.From == "" || c.From == calls.ErasedText {
		return
	}
	dialled := false
	for _, a := range c.Attempts {
		dialled = dialled || a.Role == calls.RoleCustomer && a.Charged
	}
	if !dialled {
		return
	}
	key := calls.NumberDay{Account: e.Account, Number: c.From, Day: calls.DayOf(e.Time)}
	day := d.days[key]
	if day == nil {
		day = &calls.NumberDay{Account: key.Account, Number: key.Number, Day: key.Day}
		d.days[key] = day
	}
	day.Dialled++
	day.TalkMS += c.TalkMS
	if c.Outcome == calls.OutcomeAnswered {
		day.Answered++
	}
}

// count writes what was counted.
func (d *derivation) count() error {
	for _, day := range d.days {
		if err := d.tx.CountNumber(*day); err != nil {
			return err
		}
	}
	return nil
}
