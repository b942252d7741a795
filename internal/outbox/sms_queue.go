package outbox

import (
	"context"
	"errors"
	"unicode/utf8"

	"zvonar/internal/calls"
)

// maxText is the longest text, in characters: ten parts of an SMS.
const maxText = 670

// Queue makes a text durable that no call asked for; it is sent like any other. To and
// From are digits only. Errors are *calls.Error: invalid-field, or invalid-number where
// the number is on the blacklist of the account.
func (s *SMS) Queue(ctx context.Context, account, from, to, text string) (id string, err error) {
	if n := utf8.RuneCountInString(text); n == 0 || n > maxText || !utf8.ValidString(text) {
		return "", calls.Errorf(calls.CodeInvalidField, "a text has 1 to %d characters", maxText).At("body.text", nil)
	}
	now := s.cfg.Clock.Now()
	m := &calls.SMS{ID: s.cfg.IDs.New("sms_"), Account: account, From: from, To: to, Text: text, State: calls.SMSIsQueued, CreatedAt: now}
	err = s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		switch _, err := tx.Blocked(account, to); {
		case err == nil:
			return calls.Errorf(calls.CodeInvalidNumber, "the number is on the blacklist").At("body.to", nil)
		case !errors.Is(err, calls.ErrNotFound):
			return err
		}
		if err := tx.InsertSMS(m); err != nil {
			return err
		}
		e := calls.NewEvent(s.cfg.IDs.New("evt_"), now, "sms:"+m.ID, calls.SMSQueued, map[string]string{"id": m.ID, "to": to, "text": text})
		e.Account, e.Line = account, from
		return tx.AppendEvent(&e)
	})
	if err != nil {
		return "", err
	}
	s.Kick()
	return m.ID, nil
}
