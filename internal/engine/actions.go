package engine

import (
	"time"

	"zvonar/internal/calls"
	"zvonar/ivr"
)

// actions says what each kind of action does. A record action is played by the
// flow itself; here it is only told of.
var actions = map[calls.ActionKind]func(*session, byte, calls.Action){
	calls.ActionRecord:  (*session).noteRecord,
	calls.ActionManager: (*session).forwardTo,
	calls.ActionSMS:     (*session).sendSMS,
	calls.ActionBlock:   (*session).block,
}

func (s *session) act(digit byte, action calls.Action) {
	for i := len(s.call.Digits) - 1; i >= 0; i-- {
		if d := &s.call.Digits[i]; d.Leg == calls.RoleCustomer && d.Digit == string(rune(digit)) {
			d.Action = string(action.Kind)
			break
		}
	}
	if do, ok := actions[action.Kind]; ok {
		do(s, digit, action)
		return
	}
	s.acted(digit, action, ivr.ActionFailed, "this version does not know the action")
}

// actionEvent keeps the result of an action in the call and makes its event.
func (s *session) actionEvent(digit byte, action calls.Action, errText string) calls.Event {
	pressed := ""
	if digit != 0 {
		pressed = string(rune(digit))
	}
	r := calls.ActionResult{Digit: pressed, Action: string(action.Kind), Value: action.Value, Result: "ok", Error: errText}
	if errText != "" {
		r.Result = "failed"
	}
	s.call.Actions = append(s.call.Actions, r)
	return s.event(calls.CallAction, r)
}

// acted tells the log and then the flow how an action ended.
func (s *session) acted(digit byte, action calls.Action, end ivr.ActionEnd, errText string) {
	s.tell(s.actionEvent(digit, action, errText))
	s.e.metrics.action(action.Kind, errText == "")
	s.flowActed(digit, action, end, errText)
}

// flowActed lets the flow go on, if there is still a flow to go on.
func (s *session) flowActed(digit byte, action calls.Action, end ivr.ActionEnd, errText string) {
	if s.call.Flow.Bridge != nil {
		s.partyActed(action, end)
		return
	}
	if s.phase == talking {
		s.flow.OnActionDone(digit, action, end, errText)
	}
}

func (s *session) noteRecord(digit byte, action calls.Action) {
	s.tell(s.actionEvent(digit, action, ""))
	s.e.metrics.action(action.Kind, true)
}

// other is the number of the person on the customer's leg.
func (s *session) other() string {
	if s.call.Direction == calls.In {
		return s.call.From
	}
	return s.call.To
}

// sendSMS makes the intent durable; the outbox sends it, at most once.
func (s *session) sendSMS(digit byte, action calls.Action) {
	to := s.other()
	if to == "" {
		s.acted(digit, action, ivr.ActionFailed, "the number of the caller is not known")
		return
	}
	if s.texts++; s.texts > maxTexts {
		s.acted(digit, action, ivr.ActionFailed, "too many texts were asked for in this call")
		return
	}
	sms := calls.SMS{ID: s.e.ids.New("sms_"), Account: s.call.Account, CallID: s.call.ID, To: to,
		From: s.call.Line, Text: action.Value, State: calls.SMSIsQueued, CreatedAt: s.now()}
	events := []calls.Event{
		s.actionEvent(digit, action, ""),
		s.event(calls.SMSQueued, smsData{ID: sms.ID, To: sms.To, Text: sms.Text}),
	}
	s.commit(func(tx calls.Tx) error { return tx.InsertSMS(&sms) }, func(err error) {
		if err == nil && s.e.cfg.TextQueued != nil {
			s.e.cfg.TextQueued()
		}
		s.committed(digit, action)(err)
	}, events...)
}

// block puts the customer on the account's blacklist.
func (s *session) block(digit byte, action calls.Action) {
	number := s.other()
	if number == "" {
		s.acted(digit, action, ivr.ActionFailed, "the number of the caller is not known")
		return
	}
	entry := calls.BlockEntry{Account: s.call.Account, Number: number, Scope: s.blockScope(action.Value),
		Reason: "pressed " + string(rune(digit)), Source: "digit", CallID: s.call.ID, CreatedAt: s.now(),
		Digit: string(rune(digit)), DigitAt: s.pressedAt(digit)}
	told := s.actionEvent(digit, action, "")
	blocked := s.e.blockEvent(entry)
	blocked.Ref = s.call.Ref
	s.commit(func(tx calls.Tx) error { return blockIn(tx, entry, blocked) }, func(err error) {
		s.e.wg.Go(func() { s.e.lookAt(s.e.life, entry.Account, entry.Number) })
		s.committed(digit, action)(err)
	}, told)
}

// blockScope is how far a needBlock goes: the account (1), or what the call is of.
func (s *session) blockScope(value string) string {
	switch {
	case value == calls.BlockCampaign && s.call.CampaignID != "":
		return calls.ScopeCampaign + s.call.CampaignID
	case value == calls.BlockNumber && s.call.Line != "":
		return calls.ScopeNumber + s.call.Line
	}
	return calls.ScopeAccount
}

// pressedAt is when the customer pressed a digit last.
func (s *session) pressedAt(digit byte) time.Time {
	for i := len(s.call.Digits) - 1; i >= 0; i-- {
		if d := s.call.Digits[i]; d.Leg == calls.RoleCustomer && d.Digit == string(rune(digit)) {
			return d.At
		}
	}
	return s.now()
}

// committed is the continuation of an action that is done once it is durable.
func (s *session) committed(digit byte, action calls.Action) func(error) {
	return func(err error) {
		if err != nil {
			s.call.Actions = s.call.Actions[:len(s.call.Actions)-1]
			s.acted(digit, action, ivr.ActionFailed, "the store did not accept it")
			return
		}
		s.e.metrics.action(action.Kind, true)
		s.flowActed(digit, action, ivr.ActionOK, "")
	}
}
