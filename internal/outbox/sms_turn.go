package outbox

import (
	"context"
	"errors"
	"time"

	"zvonar/internal/calls"
)

// smsData is the data of sms.sent, sms.delivered and sms.failed.
type smsData struct {
	ID         string `json:"id"`
	To         string `json:"to"`
	ProviderID string `json:"provider_id,omitempty"`
	Error      string `json:"error,omitempty"`
}

// errNoMove is the answer to a turn that a text cannot take.
var errNoMove = errors.New("outbox: the text is not in a state for that")

// turn moves a text on by the table, with its event, in one unit of work, and
// returns it as it is then. change fills in what the turn brought.
func (s *SMS) turn(ctx context.Context, account, id string, what smsTurn, change func(*calls.SMS)) (m *calls.SMS, err error) {
	var tell calls.EventType
	err = s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		m, tell, err = s.turnIn(tx, account, id, what, change)
		return err
	})
	if err == nil && tell != "" {
		s.result.WithLabelValues(string(m.State)).Inc()
	}
	return m, err
}

func (s *SMS) turnIn(tx calls.Tx, account, id string, what smsTurn, change func(*calls.SMS)) (*calls.SMS, calls.EventType, error) {
	m, err := tx.SMS(account, id)
	if err != nil {
		return nil, "", err
	}
	from := m.State
	move, ok := smsMoves[from][what]
	switch {
	case !ok && what == turnTaken && !m.ReportedAt.IsZero():
		// The report was faster than the sender's answer; only its name is new.
		reported := m.Error
		change(m)
		m.Error = reported
		return m, "", tx.MoveSMS(from, m)
	case !ok && !m.ReportedAt.IsZero():
		return m, "", nil // a report decided it while the sender failed to answer
	case !ok:
		return m, "", errNoMove
	}
	change(m)
	m.State = move.to
	if err := tx.MoveSMS(from, m); err != nil || move.tell == "" {
		return m, "", err
	}
	e, err := s.event(tx, m, move.tell)
	if err != nil {
		return nil, "", err
	}
	return m, move.tell, tx.AppendEvent(&e)
}

// event tells of a text on the subject of its call.
func (s *SMS) event(tx calls.ReadTx, m *calls.SMS, typ calls.EventType) (calls.Event, error) {
	now := s.cfg.Clock.Now()
	data := smsData{ID: m.ID, To: m.To, ProviderID: m.ProviderID, Error: m.Error}
	c, err := tx.Call(m.Account, m.CallID)
	if err == nil {
		return calls.ForCall(s.cfg.IDs.New("evt_"), now, c, typ, data), nil
	}
	if !errors.Is(err, calls.ErrNotFound) {
		return calls.Event{}, err
	}
	e := calls.NewEvent(s.cfg.IDs.New("evt_"), now, "sms:"+m.ID, typ, data)
	e.Account = m.Account
	return e, nil
}

// TextReport is what somebody learned about a text that was sent.
type TextReport struct {
	Delivered bool
	Error     string    // why it was not delivered, in the reporter's words
	At        time.Time // zero: now
}

// Report notes a delivery report of a text, once: the same report again changes
// nothing, the opposite one is refused. Errors: not-found, wrong-state.
func (s *SMS) Report(ctx context.Context, account, id string, r TextReport) (*calls.SMS, error) {
	what, state := turnDelivered, calls.SMSIsDelivered
	if !r.Delivered {
		what, state = turnUndelivered, calls.SMSIsFailed
	}
	if r.At.IsZero() {
		r.At = s.cfg.Clock.Now()
	}
	var m *calls.SMS
	var tell calls.EventType
	err := s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		known, err := tx.SMS(account, id)
		switch {
		case err != nil:
			return err
		case !known.ReportedAt.IsZero() && known.State == state:
			m, tell = known, ""
			return nil
		case !known.ReportedAt.IsZero():
			return calls.Errorf(calls.CodeWrongState, "another report said %s already; the first one stands", known.State)
		}
		m, tell, err = s.turnIn(tx, account, id, what, func(m *calls.SMS) {
			m.ReportedAt = r.At
			if m.Error = ""; !r.Delivered {
				m.Error = undeliveredWords(r.Error)
			}
		})
		if errors.Is(err, errNoMove) {
			return calls.Errorf(calls.CodeWrongState, "the text is %s: nothing was sent that could be reported", known.State)
		}
		return err
	})
	if err == nil && tell != "" {
		s.result.WithLabelValues(string(m.State)).Inc()
	}
	return m, err
}

// ReportByProvider is Report for whoever knows the text by the sender's id only.
func (s *SMS) ReportByProvider(ctx context.Context, providerID string, r TextReport) (*calls.SMS, error) {
	var m *calls.SMS
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		m, err = tx.SMSByProviderID(providerID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.Report(ctx, m.Account, m.ID, r)
}

// undeliveredWords keeps what a report said, fit for logs and events.
func undeliveredWords(said string) string {
	if said = calls.Clean(said, 200); said != "" {
		return "not delivered: " + said
	}
	return "not delivered"
}
