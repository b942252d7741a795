package outbox

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/failpoint"
)

// Sender hands one text to whoever transmits it. nil means it was taken over
// for sending; an error's words are shown to users. It is called once per text.
type Sender interface {
	Send(ctx context.Context, m calls.SMS) error
}

// SMSTimeout is how long a sender may take for one text.
const SMSTimeout = 30 * time.Second

// unknownOutcome is the fate of a text whose sending was cut off: it may have
// gone out, so it is not sent again.
const unknownOutcome = "outcome unknown after a restart"

// SMSConfig of an SMS. Store, Clock, IDs and Sender are required.
type SMSConfig struct {
	Store   calls.Store
	Clock   clock.Clock
	IDs     *clock.IDs
	Sender  Sender
	Log     *slog.Logger          // nil: discarded
	Metrics prometheus.Registerer // nil: none
}

// SMS sends the texts that calls asked for, one after another, each at most
// once. Make one with NewSMS.
type SMS struct {
	cfg    SMSConfig
	log    *slog.Logger
	result *prometheus.CounterVec

	life life
}

// NewSMS makes an SMS that is not running yet.
func NewSMS(cfg SMSConfig) (*SMS, error) {
	if cfg.Store == nil || cfg.Clock == nil || cfg.IDs == nil || cfg.Sender == nil {
		return nil, errors.New("outbox: Store, Clock, IDs and Sender are required")
	}
	s := &SMS{cfg: cfg, log: cfg.Log, result: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zvonar_sms_total", Help: "Texts by result."}, []string{"result"})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for _, r := range []calls.SMSState{calls.SMSIsSent, calls.SMSIsFailed} {
		s.result.WithLabelValues(string(r))
	}
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(s.result)
	}
	return s, nil
}

// Start fails the texts whose sending an earlier process did not finish, and
// begins to send.
func (s *SMS) Start(ctx context.Context) error {
	return s.life.begin(func() error { return s.failUnfinished(ctx) }, s.run)
}

// Stop sends nothing further and waits for the text under way; when ctx ends
// first that is broken off. Safe to call twice, and without Start.
func (s *SMS) Stop(ctx context.Context) error { return s.life.end(ctx) }

func (s *SMS) failUnfinished(ctx context.Context) error {
	for {
		var list []calls.SMS
		err := s.cfg.Store.View(ctx, func(r calls.ReadTx) (err error) {
			list, err = r.SMSByState(calls.SMSIsSending, 100)
			return err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		for _, m := range list {
			if err := s.finish(ctx, m, errors.New(unknownOutcome)); err != nil {
				return err
			}
		}
	}
}

func (s *SMS) run(soft, hard context.Context) {
	for soft.Err() == nil {
		changed := s.cfg.Store.Changed()
		if err := s.sendQueued(soft, hard); err != nil && soft.Err() == nil {
			s.log.Error("the SMS worker cannot read or write the store; trying again", "error", err)
			pause(soft, s.cfg.Clock, faultPause)
			continue
		}
		select {
		case <-changed:
		case <-soft.Done():
		}
	}
}

// sendQueued sends everything that is queued.
func (s *SMS) sendQueued(soft, hard context.Context) error {
	for soft.Err() == nil {
		var list []calls.SMS
		err := s.cfg.Store.View(soft, func(r calls.ReadTx) (err error) {
			list, err = r.SMSByState(calls.SMSIsQueued, 20)
			return err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		for _, m := range list {
			if soft.Err() != nil {
				return nil
			}
			if err := s.send(hard, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// send commits "sending", calls the sender once and commits what came of it.
func (s *SMS) send(ctx context.Context, m calls.SMS) error {
	m.State = calls.SMSIsSending
	if err := s.cfg.Store.Update(ctx, func(tx calls.Tx) error { return tx.UpdateSMS(&m) }); err != nil {
		return err
	}
	failpoint.Hit(failpoint.SMSSending)
	limited, cancel := context.WithTimeout(ctx, SMSTimeout)
	err := s.cfg.Sender.Send(limited, m)
	cancel()
	failpoint.Hit(failpoint.SMSSent)
	if ctx.Err() != nil {
		return ctx.Err() // broken off by Stop: the next start fails it as unknown
	}
	// The result outlives a failing store for as long as this process does.
	for {
		noted := s.finish(ctx, m, err)
		if noted == nil || ctx.Err() != nil {
			return noted
		}
		s.log.Error("the result of a text could not be noted; trying again", "sms", m.ID, "error", noted)
		pause(ctx, s.cfg.Clock, faultPause)
	}
}

// smsData is the data of sms.sent and sms.failed.
type smsData struct {
	ID    string `json:"id"`
	To    string `json:"to"`
	Error string `json:"error,omitempty"`
}

// finish makes the end of a text durable and tells of it on the call's subject.
func (s *SMS) finish(ctx context.Context, m calls.SMS, sent error) error {
	typ := calls.SMSSent
	m.State, m.Error = calls.SMSIsSent, ""
	if sent != nil {
		typ = calls.SMSFailed
		m.State, m.Error = calls.SMSIsFailed, sent.Error()
	}
	now := s.cfg.Clock.Now()
	data := smsData{ID: m.ID, To: m.To, Error: m.Error}
	err := s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		if err := tx.UpdateSMS(&m); err != nil {
			return err
		}
		c, err := tx.Call(m.Account, m.CallID)
		var e calls.Event
		switch {
		case err == nil:
			e = calls.ForCall(s.cfg.IDs.New("evt_"), now, c, typ, data)
		case errors.Is(err, calls.ErrNotFound):
			e = calls.NewEvent(s.cfg.IDs.New("evt_"), now, "sms:"+m.ID, typ, data)
			e.Account = m.Account
		default:
			return err
		}
		return tx.AppendEvent(&e)
	})
	if err != nil {
		return err
	}
	s.result.WithLabelValues(string(m.State)).Inc()
	if sent != nil {
		s.log.Warn("a text was not sent", "sms", m.ID, "to", calls.Mask(m.To), "error", sent)
	}
	return nil
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
