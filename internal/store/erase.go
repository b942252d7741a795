package store

import (
	"strings"

	"zvonar/internal/calls"
)

// The texts by which an erasure finds a number; all go by an index.
const (
	callsByCallee  = `SELECT ` + erasedCallColumns + ` FROM calls WHERE account = ? AND callee = ? ORDER BY id LIMIT ?`
	callsByCaller  = `SELECT ` + erasedCallColumns + ` FROM calls WHERE account = ? AND caller = ? ORDER BY id LIMIT ?`
	callsByAttempt = `SELECT ` + erasedCallColumns + ` FROM calls WHERE id IN
		(SELECT call_id FROM attempts WHERE account = ? AND callee = ? LIMIT ?) ORDER BY id`
	textsByCallee = `SELECT id, callee, body, state FROM sms WHERE account = ? AND callee = ? LIMIT ?`

	erasedCallColumns = `id, account, ref, series, direction, is_over, callee, caller, doc`

	liveByCallee  = `SELECT id FROM calls WHERE account = ? AND callee = ? AND is_over = 0 LIMIT 1`
	liveByCaller  = `SELECT id FROM calls WHERE account = ? AND caller = ? AND is_over = 0 LIMIT 1`
	liveByAttempt = `SELECT c.id FROM attempts a JOIN calls c ON c.id = a.call_id WHERE a.account = ? AND a.callee = ? AND c.is_over = 0 LIMIT 1`
	openTexts     = `SELECT call_id FROM sms WHERE account = ? AND callee = ? AND state IN ('queued', 'sending') LIMIT 1`

	eventsOfCall    = `SELECT pos, ref, line, data, subject, call_id FROM events WHERE call_id = ? AND call_id <> '' ORDER BY pos`
	eventsOfSubject = `SELECT pos, ref, line, data, subject, call_id FROM events WHERE account = ? AND subject = ? ORDER BY pos`
	responsesOfCall = `UPDATE deliveries SET response = CASE WHEN response = '' THEN '' ELSE 'erased' END, last_error = CASE WHEN last_error = '' THEN '' ELSE 'erased' END
		WHERE event_pos IN (SELECT pos FROM events WHERE call_id = ? AND call_id <> '') AND (response <> '' OR last_error <> '')`
	responsesOfTopic = `UPDATE deliveries SET subject = ?, response = CASE WHEN response = '' THEN '' ELSE 'erased' END, last_error = CASE WHEN last_error = '' THEN '' ELSE 'erased' END
		WHERE event_pos IN (SELECT pos FROM events WHERE account = ? AND subject = ?)`
	auditOfObject = `SELECT id, object, detail FROM audit WHERE account = ? AND object = ?`
)

// LiveCallOf implements calls.LogReads.
func (t *tx) LiveCallOf(account, number string) (string, error) {
	for _, query := range []string{liveByCallee, liveByCaller, liveByAttempt, openTexts} {
		found, err := many(t, scalar[string], query, account, number)
		if err != nil || len(found) > 0 {
			return strings.Join(found, ""), err
		}
	}
	return "", nil
}

// CallsOf implements calls.LogReads.
func (t *tx) CallsOf(account, number string, limit int) ([]string, error) {
	for _, query := range []string{callsByCallee, callsByCaller, callsByAttempt} {
		list, err := many(t, scanErasedCall, query, account, number, limited(limit, 1000))
		if err != nil || len(list) > 0 {
			ids := make([]string, 0, len(list))
			for _, c := range list {
				ids = append(ids, c.id)
			}
			return ids, err
		}
	}
	return nil, nil
}

// erasure is one portion of erasing a number.
type erasure struct {
	t *tx
	calls.Erasure
	redactor
	n calls.Erased
}

// Erase implements calls.LogChanges.
func (t *tx) Erase(e calls.Erasure, limit int) (calls.Erased, bool, error) {
	x := &erasure{t: t, Erasure: e, redactor: redactor{number: e.Number}}
	limit = limited(limit, 1000)
	for _, query := range []string{callsByCallee, callsByCaller, callsByAttempt} {
		list, err := many(t, scanErasedCall, query, e.Account, e.Number, limit)
		for _, c := range list {
			if err == nil {
				err = x.call(c)
			}
			x.n.Of = append(x.n.Of, c.id)
		}
		if err != nil || len(list) > 0 {
			return x.n, true, err
		}
	}
	texts, err := many(t, scanErasedText, textsByCallee, e.Account, e.Number, limit)
	for _, m := range texts {
		if err == nil {
			err = x.text(m, true)
		}
	}
	if err != nil || len(texts) > 0 {
		return x.n, true, err
	}
	if more, err := x.contacts(limit); err != nil || more {
		return x.n, true, err
	}
	return x.n, false, x.rest()
}

type erasedCall struct {
	id, account, ref, series string
	direction                calls.Direction
	over                     int
	callee, caller, doc      string
}

func scanErasedCall(sc scanner) (c erasedCall, err error) {
	err = sc.Scan(&c.id, &c.account, &c.ref, &c.series, &c.direction, &c.over, &c.callee, &c.caller, &c.doc)
	return c, err
}

// customer reports whether the number is that of the person the call was with,
// so that all of the call is about this person. Elsewhere the number is one of
// several (a manager's, or our own line), and only the number goes.
func (c *erasedCall) customer(number string) bool {
	if c.direction == calls.In {
		return c.caller == number
	}
	return c.callee == number
}

// call erases one call with everything that belongs to it.
func (x *erasure) call(c erasedCall) error {
	if c.over == 0 {
		return liveError(c.id)
	}
	whole := c.customer(x.Number)
	doc, err := x.callDoc(&c, whole)
	if err != nil {
		return err
	}
	for _, label := range []string{"ref:" + c.ref, "series:" + c.series} {
		if strings.Contains(label, x.Number) {
			if err := x.audit(label, x.clean(label), false); err != nil {
				return err
			}
		}
	}
	if _, err := x.t.exec(`UPDATE calls SET callee = ?, caller = ?, ref = ?, series = ?, doc = ?, erased_at = ? WHERE id = ?`,
		x.clean(c.callee), x.clean(c.caller), x.clean(c.ref), x.clean(c.series), doc, micros(x.At), c.id); err != nil {
		return err
	}
	x.n.Calls++
	steps := []func(string, bool) error{x.attempts, x.callTexts, x.callAttention, x.responses, x.callEvents, x.ownWebhooks}
	for _, step := range steps {
		if err := step(c.id, whole); err != nil {
			return err
		}
	}
	if !whole {
		return nil
	}
	_, err = x.t.exec(dropSinkStates, c.account, calls.CallSubject(c.id))
	return err
}

func liveError(id string) error {
	return calls.Errorf(calls.CodeWrongState, "call %s with this number is not over, or its text is not sent yet; wait for its call.completed, or end it, and ask again", id)
}

func (x *erasure) attempts(id string, whole bool) error {
	list, err := many(x.t, scanAttempt, `SELECT `+attemptColumns+` FROM attempts WHERE call_id = ? ORDER BY n`, id)
	if err != nil {
		return err
	}
	for _, a := range list {
		if a.To == x.Number || whole && a.Role == calls.RoleCustomer {
			a.To = calls.ErasedText
		}
		doc, err := packAttempt(a)
		if err == nil {
			doc, err = x.document(doc, "")
		}
		if err != nil {
			return err
		}
		if _, err := x.t.exec(`UPDATE attempts SET callee = ?, doc = ?, dialog = NULL WHERE id = ?`, x.clean(a.To), doc, a.ID); err != nil {
			return err
		}
		x.n.Attempts++
	}
	return nil
}

type erasedText struct{ id, callee, body, state string }

func scanErasedText(sc scanner) (m erasedText, err error) {
	err = sc.Scan(&m.id, &m.callee, &m.body, &m.state)
	return m, err
}

func (x *erasure) callTexts(id string, whole bool) error {
	list, err := many(x.t, scanErasedText, `SELECT id, callee, body, state FROM sms WHERE call_id = ?`, id)
	for _, m := range list {
		if err == nil {
			err = x.text(m, whole || m.callee == x.Number)
		}
	}
	return err
}

// text erases one text, and what was told of it outside its call.
func (x *erasure) text(m erasedText, whole bool) error {
	if m.state == string(calls.SMSIsQueued) || m.state == string(calls.SMSIsSending) {
		return calls.Errorf(calls.CodeWrongState, "a text to this number is not sent yet; ask again in a moment")
	}
	callee, body := x.clean(m.callee), x.clean(m.body)
	if whole {
		callee, body = calls.ErasedText, calls.ErasedText
	}
	x.n.Texts++
	if _, err := x.t.exec(`UPDATE sms SET callee = ?, caller = CASE WHEN caller = ? THEN 'erased' ELSE caller END, body = ?, error = '', provider_id = '' WHERE id = ?`,
		callee, x.Number, body, m.id); err != nil {
		return err
	}
	return x.events(whole, eventsOfSubject, x.Account, "sms:"+m.id)
}

// responses erases what receivers answered when they were told of the call.
func (x *erasure) responses(id string, _ bool) error {
	n, err := x.t.exec(responsesOfCall, id)
	x.n.Deliveries += int(n)
	return err
}

func (x *erasure) callEvents(id string, whole bool) error { return x.events(whole, eventsOfCall, id) }

type erasedEvent struct {
	pos             int64
	ref, line, data string
	subject, callID string
}

func scanErasedEvent(sc scanner) (e erasedEvent, err error) {
	err = sc.Scan(&e.pos, &e.ref, &e.line, &e.data, &e.subject, &e.callID)
	return e, err
}

// events rewrites in place what a list of events says; who reads the log finds
// every one of them where it was.
func (x *erasure) events(whole bool, query string, args ...any) error {
	list, err := many(x.t, scanErasedEvent, query, args...)
	if err != nil {
		return err
	}
	for _, e := range list {
		data, err := x.eventData(e.data, whole, e.subject == calls.CallSubject(e.callID))
		if err != nil {
			return err
		}
		if data == e.data && x.clean(e.ref) == e.ref && x.clean(e.line) == e.line {
			continue
		}
		if _, err := x.t.exec(`UPDATE events SET data = ?, line = ?, ref = ? WHERE pos = ?`, data, x.clean(e.line), x.clean(e.ref), e.pos); err != nil {
			return err
		}
		x.n.Events++
	}
	return nil
}

// ownWebhooks removes the webhooks of a person's call alone, with their
// deliveries: their URLs were made for this call and may name the person.
func (x *erasure) ownWebhooks(id string, whole bool) error {
	docs, err := many(x.t, scalar[string], `SELECT doc FROM webhooks WHERE call_id = ? AND call_id <> ''`, id)
	if err != nil || len(docs) == 0 || !whole && !strings.Contains(strings.Join(docs, ""), x.Number) {
		return err
	}
	for _, b := range belongings {
		switch b.rows {
		case "webhooks":
		case "deliveries":
			if b.subject {
				continue
			}
		default:
			continue
		}
		n, err := x.t.exec(b.sql, id)
		if err != nil {
			return err
		}
		if b.rows == "deliveries" {
			x.n.Deliveries += int(n)
		}
	}
	return nil
}

// rest erases what is no call: the number's own events, the audit log, and what
// the blacklist says besides the number. It is the last portion.
func (x *erasure) rest() error {
	subject, stand := "number:"+x.Number, "number:"+x.ID
	n, err := x.t.exec(responsesOfTopic, stand, x.Account, subject)
	if err != nil {
		return err
	}
	x.n.Deliveries += int(n)
	if err := x.events(true, eventsOfSubject, x.Account, subject); err != nil {
		return err
	}
	if _, err := x.t.exec(`UPDATE events SET subject = ? WHERE account = ? AND subject = ?`, stand, x.Account, subject); err != nil {
		return err
	}
	if _, err := x.t.exec(dropSinkStates, x.Account, subject); err != nil {
		return err
	}
	if err := x.audit(subject, "number:"+calls.ErasedText, true); err != nil {
		return err
	}
	if err := x.people(); err != nil {
		return err
	}
	if err := x.exchanges(); err != nil {
		return err
	}
	if x.Unblock {
		_, err := x.t.Unblock(x.Account, x.Number)
		return err
	}
	kept, err := x.t.exec(`UPDATE blacklist SET reason = '' WHERE account = ? AND number = ?`, x.Account, x.Number)
	if err != nil {
		return err
	}
	narrow, err := x.t.exec(`UPDATE narrow_blocks SET reason = '' WHERE account = ? AND number = ?`, x.Account, x.Number)
	x.n.Blocked = kept+narrow > 0
	return err
}

type erasedAudit struct {
	id             int64
	object, detail string
}

// audit rewrites the entries about object: who did what and when stays, and
// what he wrote where it is about the person as a whole.
func (x *erasure) audit(object, stand string, whole bool) error {
	list, err := many(x.t, func(sc scanner) (a erasedAudit, err error) { err = sc.Scan(&a.id, &a.object, &a.detail); return a, err },
		auditOfObject, x.Account, object)
	if err != nil {
		return err
	}
	for _, a := range list {
		detail := x.clean(a.detail)
		if whole && detail != "" {
			detail = calls.ErasedText
		}
		if _, err := x.t.exec(`UPDATE audit SET object = ?, detail = ? WHERE id = ?`, stand, detail, a.id); err != nil {
			return err
		}
		x.n.Audit++
	}
	return nil
}

// callDoc is the document of a call without the person.
func (x *erasure) callDoc(row *erasedCall, whole bool) (string, error) {
	c, err := unpackCall(row.doc)
	if err != nil {
		return "", err
	}
	if whole {
		forget(c)
	}
	c.BodyHash, c.Dialog = "", nil // from both the number could be found again
	doc, err := packCall(c)
	if err != nil {
		return "", err
	}
	return x.document(doc, "metadata")
}
