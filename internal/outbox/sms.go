package outbox

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/failpoint"
)

// Sender hands one text to whoever transmits it. It is called by several
// goroutines, once for each try of a text; ctx carries its time limit.
type Sender interface {
	// Send returns the transmitter's own id of the text, "" where it gives none,
	// once it was taken over for sending. A *TextRefused says that certainly
	// nothing was sent; with any other error it may have been, and the text is
	// never tried again. The words of errors are shown to users.
	Send(ctx context.Context, m calls.SMS) (providerID string, err error)
}

const (
	// SMSTimeout is how long a sender may take for one text.
	SMSTimeout = 30 * time.Second
	// defaultSenders is how many texts are sent at once.
	defaultSenders = 8
	// smsLook is how often the worker looks for texts that nobody told it of:
	// those of nodes that are gone.
	smsLook = time.Minute
)

// unknownOutcome is the fate of a text whose sending was cut off: it may have
// gone out, so it is not sent again.
const unknownOutcome = "outcome unknown: sending was cut off by a restart"

// SMSConfig of an SMS. Store, Clock, IDs and Sender are required.
type SMSConfig struct {
	Store   calls.Store
	Clock   clock.Clock
	IDs     *clock.IDs
	Sender  Sender
	Held    func() error          // whether what this node began is still its own (calls.Nodes); nil: it is
	Senders int                   // texts sent at once; 0: 8
	Log     *slog.Logger          // nil: discarded
	Metrics prometheus.Registerer // nil: none
}

// SMS sends the texts that calls asked for, each at most once, several at a
// time, those to one number in the order they were asked for. Make one with
// NewSMS.
type SMS struct {
	cfg    SMSConfig
	log    *slog.Logger
	result *prometheus.CounterVec
	tries  *prometheus.CounterVec

	life life
	wake chan struct{} // a text was queued, or a sender is free again
}

// NewSMS makes an SMS that is not running yet.
func NewSMS(cfg SMSConfig) (*SMS, error) {
	if cfg.Store == nil || cfg.Clock == nil || cfg.IDs == nil || cfg.Sender == nil {
		return nil, errors.New("outbox: Store, Clock, IDs and Sender are required")
	}
	if cfg.Held == nil {
		cfg.Held = func() error { return nil }
	}
	if cfg.Senders <= 0 {
		cfg.Senders = defaultSenders
	}
	s := &SMS{cfg: cfg, log: cfg.Log, wake: make(chan struct{}, 1),
		result: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_sms_total", Help: "Texts by what became of them: sent, delivered, failed."}, []string{"result"}),
		tries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_sms_tries_total",
			Help: "Requests to the sender of texts, by result: taken, refused, postponed (tried again), unknown."}, []string{"result"})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for _, r := range []calls.SMSState{calls.SMSIsSent, calls.SMSIsDelivered, calls.SMSIsFailed} {
		s.result.WithLabelValues(string(r))
	}
	for _, r := range []smsTurn{turnTaken, turnRefused, turnPostponed, turnUnknown} {
		s.tries.WithLabelValues(string(r))
	}
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(s.result, s.tries)
	}
	return s, nil
}

// Start fails the texts whose sending an earlier process did not finish, and
// begins to send.
func (s *SMS) Start(ctx context.Context) error {
	return s.life.begin(func() error { return s.failCutOff(ctx, true) }, s.run)
}

// Stop sends nothing further and waits for the texts under way; when ctx ends
// first they are broken off. Safe to call twice, and without Start.
func (s *SMS) Stop(ctx context.Context) error { return s.life.end(ctx) }

// Kick says that a text was queued. It returns at once and may be called from
// any goroutine, before Start too.
func (s *SMS) Kick() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// failCutOff ends the texts whose sending nobody will finish.
func (s *SMS) failCutOff(ctx context.Context, own bool) error {
	for {
		var list []calls.SMS
		err := s.cfg.Store.View(ctx, func(r calls.ReadTx) (err error) {
			list, err = r.TextsCutOff(own, 100)
			return err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		for _, m := range list {
			if _, err := s.turn(ctx, m.Account, m.ID, turnUnknown, func(m *calls.SMS) { m.Error = unknownOutcome }); err != nil && !errors.Is(err, errNoMove) {
				return err // errNoMove: another node was faster
			}
		}
	}
}

// run owns the senders until soft ends.
func (s *SMS) run(soft, hard context.Context) {
	var sending sync.WaitGroup
	defer sending.Wait()
	free := make(chan struct{}, s.cfg.Senders)
	for range s.cfg.Senders {
		free <- struct{}{}
	}
	looked := s.cfg.Clock.Now()
	for soft.Err() == nil {
		wait, err := s.sendDue(soft, hard, free, &sending)
		if err == nil && s.cfg.Clock.Now().Sub(looked) >= smsLook {
			looked = s.cfg.Clock.Now()
			err = s.failCutOff(soft, false)
		}
		if err != nil && soft.Err() == nil {
			s.log.Error("the SMS worker cannot read or write the store; trying again", "error", err)
			wait = faultPause
		}
		s.idle(soft, wait)
	}
}

// idle waits until something was queued, a sender became free, or d is over.
func (s *SMS) idle(ctx context.Context, d time.Duration) {
	over := make(chan struct{})
	defer s.cfg.Clock.AfterFunc(d, func() { close(over) }).Stop()
	select {
	case <-s.wake:
	case <-over:
	case <-ctx.Done():
	}
}

// sendDue hands what is due to the free senders and tells how long nothing else
// will be due.
func (s *SMS) sendDue(soft, hard context.Context, free chan struct{}, sending *sync.WaitGroup) (wait time.Duration, err error) {
	for soft.Err() == nil && len(free) > 0 {
		begun, found, err := s.begin(soft, len(free))
		if err != nil {
			return 0, err
		}
		if found == 0 {
			break // not at begun == 0: another node took these, and others may be due
		}
		for _, m := range begun {
			<-free // this goroutine alone takes, so it is there
			sending.Go(func() {
				s.send(hard, m)
				free <- struct{}{}
				s.Kick()
			})
		}
	}
	now := s.cfg.Clock.Now()
	var next time.Time
	err = s.cfg.Store.View(soft, func(r calls.ReadTx) (err error) {
		next, err = r.NextTextAt(now)
		return err
	})
	if wait = smsLook; err == nil && !next.IsZero() {
		wait = min(wait, next.Sub(now))
	}
	return wait, err
}

// begin commits "sending" for up to n texts that are due, and tells how many of
// them it found.
func (s *SMS) begin(ctx context.Context, n int) (begun []calls.SMS, found int, err error) {
	var due []calls.SMS
	err = s.cfg.Store.View(ctx, func(r calls.ReadTx) (err error) {
		due, err = r.TextsDue(s.cfg.Clock.Now(), n)
		return err
	})
	if err != nil || len(due) == 0 {
		return nil, 0, err
	}
	err = s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		begun = begun[:0]
		for _, m := range due {
			m.State, m.Tries = smsMoves[calls.SMSIsQueued][turnBegun].to, m.Tries+1
			switch err := tx.MoveSMS(calls.SMSIsQueued, &m); {
			case err == nil:
				begun = append(begun, m)
			case !errors.Is(err, calls.ErrNotFound): // that: another node has it
				return err
			}
		}
		return nil
	})
	return begun, len(due), err
}

// send asks the sender once and commits what came of it.
func (s *SMS) send(ctx context.Context, m calls.SMS) {
	failpoint.Hit(failpoint.SMSSending)
	id, err := s.hand(ctx, m)
	failpoint.Hit(failpoint.SMSSent)
	if err != nil && ctx.Err() != nil {
		return // broken off by Stop: the next start fails it as unknown
	}
	what, change := s.outcome(m, id, err)
	s.tries.WithLabelValues(string(what)).Inc()
	if err != nil {
		s.log.Warn("a text was not sent", "sms", m.ID, "to", calls.Mask(m.To), "try", m.Tries, "result", what, "error", err)
	}
	// The result outlives a failing store for as long as this process does.
	for {
		_, err = s.turn(ctx, m.Account, m.ID, what, change)
		switch {
		case err == nil, ctx.Err() != nil:
			return
		case errors.Is(err, errNoMove), errors.Is(err, calls.ErrFenced):
			// This node was taken for dead, and the text ended as unknown.
			s.log.Error("what became of a text came too late to be noted", "sms", m.ID, "result", what, "error", err)
			return
		}
		s.log.Error("the result of a text could not be noted; trying again", "sms", m.ID, "error", err)
		pause(ctx, s.cfg.Clock, faultPause)
	}
}

// hand gives a text to the sender. A process that was stopped for long between
// the commit of "sending" and here sends nothing: it may be taken for dead, and
// the text for one of unknown outcome.
func (s *SMS) hand(ctx context.Context, m calls.SMS) (providerID string, err error) {
	if err := s.cfg.Held(); err != nil {
		return "", &TextRefused{Reason: "not sent: " + err.Error(), Again: true, Err: err}
	}
	limited, cancel := context.WithTimeout(ctx, SMSTimeout)
	defer cancel()
	return s.cfg.Sender.Send(limited, m)
}

// outcome judges what a sender said of a text.
func (s *SMS) outcome(m calls.SMS, providerID string, sent error) (smsTurn, func(*calls.SMS)) {
	now := s.cfg.Clock.Now()
	var refused *TextRefused
	switch {
	case sent == nil:
		return turnTaken, func(m *calls.SMS) { m.Error, m.ProviderID, m.SentAt = "", providerID, now }
	case !errors.As(sent, &refused):
		return turnUnknown, func(m *calls.SMS) { m.Error = "outcome unknown: " + sent.Error() }
	case refused.Again && m.Tries <= len(smsAgain):
		again := now.Add(smsAgain[m.Tries-1])
		return turnPostponed, func(m *calls.SMS) { m.Error, m.NextAt = refused.Error(), again }
	}
	return turnRefused, func(m *calls.SMS) { m.Error = refused.Error() }
}

// pause waits for d on clk, or until ctx ends.
func pause(ctx context.Context, clk clock.Clock, d time.Duration) {
	over := make(chan struct{})
	defer clk.AfterFunc(d, func() { close(over) }).Stop()
	select {
	case <-over:
	case <-ctx.Done():
	}
}
