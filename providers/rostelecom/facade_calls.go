package rostelecom

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
	"zvonar/providers"
)

// callBack rings the employee and connects the number that was asked for: a call of
// two parties in his name.
func (f *facade) callBack(a *asked) {
	var q struct {
		RequestNumber text `json:"request_number"`
		FromPIN       text `json:"from_pin"`
		FromSIPURI    text `json:"from_sipuri"`
		Domain        text `json:"domain"`
	}
	if json.Unmarshal(a.body, &q) != nil {
		f.fail(a, resultBad, "the body is not a JSON object of call_back")
		return
	}
	to, err := f.number(q.RequestNumber)
	if err != nil {
		f.fail(a, resultCallback, "request_number: "+err.Error())
		return
	}
	if q.FromPIN == "" && q.FromSIPURI == "" {
		f.fail(a, resultCallback, "from_pin or from_sipuri is needed")
		return
	}
	who, err := f.employee(a.r.Context(), a.key.Account, string(q.FromPIN), string(q.FromSIPURI))
	if errors.Is(err, calls.ErrNotFound) {
		f.fail(a, resultCallback, "there is no such from_pin or from_sipuri")
		return
	}
	if err != nil {
		f.broken(a, err)
		return
	}
	c, _, err := f.house.Once(a.r.Context(), f.set.RepeatWindow, engine.CallRequest{
		Account: a.key.Account, To: to, From: f.set.From, Capture: f.set.Capture,
		Bridge: &calls.Bridge{Manager: "employee:" + who.ID, Order: calls.ManagerFirst},
		ToAt:   "request_number", ManagerAt: "from_pin",
	}, a.key.ID, methodCallBack, to, who.ID)
	var refused *calls.Error
	switch {
	case errors.As(err, &refused):
		f.fail(a, resultCallback, refused.Detail)
	case err != nil:
		f.broken(a, err)
	default:
		providers.Named(a.r.Context(), providers.Label{Correlation: c.ID})
		f.write(a.w, 200, struct {
			reply
			SessionID string `json:"session_id"`
		}{f.result(resultOK, messageOK), sessionOf(c.ID)})
	}
}

// broken answers where the house itself failed.
func (f *facade) broken(a *asked, err error) {
	f.log.Error("a request could not be answered", "method", a.r.URL.Path, "err", err)
	f.refuse(a.w, a.r, 503, "the request could not be answered now")
}

// employee finds who is rung: by internal number, or by the user of his SIP URI.
func (f *facade) employee(ctx context.Context, account, pin, uri string) (found *calls.Employee, err error) {
	err = f.house.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		if pin != "" {
			found, err = tx.EmployeeByExtension(account, user(pin))
			return err
		}
		found, err = tx.EmployeeBySIPUser(user(uri))
		if err == nil && found.Account != account {
			err = calls.ErrNotFound
		}
		if errors.Is(err, calls.ErrNotFound) {
			found, err = tx.EmployeeByExtension(account, user(uri))
		}
		return err
	})
	return found, err
}

// maxUsers bounds an address book.
const maxUsers = 5000

// usersInfo lists the employees that have an internal number.
func (f *facade) usersInfo(a *asked) {
	var q struct {
		UserPIN text `json:"user_pin"`
	}
	if json.Unmarshal(a.body, &q) != nil {
		f.fail(a, resultBad, "the body is not a JSON object of users_info")
		return
	}
	users := []User{}
	err := f.house.Store.View(a.r.Context(), func(tx calls.ReadTx) error {
		for after := ""; len(users) < maxUsers; {
			list, err := tx.Employees(a.key.Account, after, 500)
			if err != nil || len(list) == 0 {
				return err
			}
			for _, e := range list {
				after = e.ID
				if e.Extension != "" && (q.UserPIN == "" || string(q.UserPIN) == e.Extension) {
					users = append(users, User{DisplayName: e.Name, Name: userName(e), PIN: e.Extension})
				}
			}
		}
		return nil
	})
	if err != nil {
		f.broken(a, err)
		return
	}
	f.write(a.w, 200, struct {
		reply
		Users []User `json:"users"`
	}{f.result(resultOK, messageOK), users})
}

// userName is the account name of an employee.
func userName(e *calls.Employee) string {
	if e.SIPUser != "" {
		return e.SIPUser
	}
	return e.Extension
}

// infoOut is the info object of call_info.
type infoOut struct {
	CallType        int     `json:"call_type"`
	Direction       int     `json:"direction"`
	State           int     `json:"state"`
	OrigNumber      string  `json:"orig_number"`
	OrigPIN         *string `json:"orig_pin"`
	DestNumber      string  `json:"dest_number"`
	AnsweringSIPURI *string `json:"answering_sipuri"`
	AnsweringPIN    *string `json:"answering_pin"`
	StartCallDate   string  `json:"start_call_date"`
	Duration        int64   `json:"duration"`
	SessionLog      string  `json:"session_log"`
	IsVoicemail     bool    `json:"is_voicemail"`
	IsRecord        bool    `json:"is_record"`
	IsFax           bool    `json:"is_fax"`
	StatusCode      string  `json:"status_code"`
	StatusString    string  `json:"status_string"`
}

func (f *facade) callInfo(a *asked) {
	c, ok := f.call(a)
	if !ok {
		return
	}
	info, err := f.infoOf(a.r.Context(), c)
	if err != nil {
		f.broken(a, err)
		return
	}
	f.write(a.w, 200, struct {
		reply
		Info infoOut `json:"info"`
	}{f.result(resultOK, messageOK), info})
}

// call finds the call of a request that names a session; false: it was answered.
func (f *facade) call(a *asked) (*calls.Call, bool) {
	var q struct {
		SessionID text `json:"session_id"`
	}
	if json.Unmarshal(a.body, &q) != nil || q.SessionID == "" {
		f.fail(a, resultBad, "session_id is needed")
		return nil, false
	}
	var c *calls.Call
	id, err := callOf(string(q.SessionID)), error(calls.ErrNotFound)
	if id != "" {
		err = f.house.Store.View(a.r.Context(), func(tx calls.ReadTx) (err error) {
			c, err = tx.Call(a.key.Account, id)
			return err
		})
	}
	switch {
	case errors.Is(err, calls.ErrNotFound):
		f.fail(a, resultMissing, "there is no such session")
		return nil, false
	case err != nil:
		f.broken(a, err)
		return nil, false
	}
	providers.Named(a.r.Context(), providers.Label{Correlation: c.ID})
	return c, true
}

// infoOf reads what is needed of a call besides itself.
func (f *facade) infoOf(ctx context.Context, c *calls.Call) (infoOut, error) {
	pin := ""
	if c.Employee != "" {
		err := f.house.Store.View(ctx, func(tx calls.ReadTx) error {
			e, err := tx.Employee(c.Account, c.Employee)
			if err == nil {
				pin = e.Extension
			}
			return err
		})
		if err != nil && !errors.Is(err, calls.ErrNotFound) {
			return infoOut{}, err
		}
	}
	_, err := f.house.Captures.Path(c.Account, c.ID)
	return describe(c, pin, f.set.Domain, err == nil), nil
}

// describe tells a call as call_info does: pure. pin is the employee's.
func describe(c *calls.Call, pin, domain string, recorded bool) infoOut {
	optional := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	info := infoOut{CallType: 1, Direction: 2, State: infoNotAccepted, OrigNumber: sipURI(c.From, domain), OrigPIN: optional(pin), DestNumber: sipURI(c.To, domain),
		StartCallDate: c.CreatedAt.In(moscow).Format(secondForm), IsRecord: recorded, IsVoicemail: c.Verdict == calls.VerdictMachine,
		IsFax: c.Verdict == calls.VerdictFax, StatusCode: "0"}
	if c.Flow.Bridge != nil {
		info.CallType = 3
	}
	answering, answeringPIN := info.DestNumber, ""
	if c.Direction == calls.In {
		info.Direction, info.OrigPIN = 1, nil
		answering, answeringPIN = sipURI(pin, domain), pin
		if pin == "" {
			answering = info.DestNumber
		}
	}
	if c.AnsweredAt != nil {
		info.State, info.Duration = infoAccepted, (c.TalkMS+999)/1000
		info.AnsweringSIPURI, info.AnsweringPIN = optional(answering), optional(answeringPIN)
	} else if c.SIPCode >= 400 {
		info.StatusCode = strconv.Itoa(c.SIPCode)
	}
	if c.Over() {
		info.StatusString = string(c.Outcome)
		if c.Reason != "" {
			info.StatusString += " (" + string(c.Reason) + ")"
		}
	}
	info.SessionLog = sessionLog(c)
	return info
}

// sessionLog is the protocol of a call: who was called, connected and gone, with the
// seconds since its beginning.
func sessionLog(c *calls.Call) string {
	who := c.To
	if c.Direction == calls.In {
		who = c.Line
	}
	s := "0:ct:" + who + ";"
	at := func(t *time.Time, what string) {
		if t != nil {
			s += strconv.FormatInt(max(int64(t.Sub(c.CreatedAt)/time.Second), 0), 10) + ":" + what + ":" + who + ";"
		}
	}
	at(c.AnsweredAt, "cc")
	at(c.EndedAt, "cd")
	return s
}

// historyRecord is a line of a history, in the order of historyColumns.
func historyRecord(session string, i infoOut) []string {
	s := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	return slices.Clip([]string{session, strconv.Itoa(i.CallType), strconv.Itoa(i.Direction), strconv.Itoa(i.State), i.OrigNumber, s(i.OrigPIN), i.DestNumber,
		s(i.AnsweringSIPURI), s(i.AnsweringPIN), i.StartCallDate, strconv.FormatInt(i.Duration, 10), strconv.FormatBool(i.IsVoicemail),
		strconv.FormatBool(i.IsRecord), strconv.FormatBool(i.IsFax), i.StatusCode, i.StatusString})
}
