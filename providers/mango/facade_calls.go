package mango

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
	"zvonar/internal/numbering"
	"zvonar/providers"
)

// A command_id becomes the ref of its call: a request that comes twice rings once, and
// the sink says command_id again in every notice. Some software sends the same id
// always; then a later call has a ref with the mark of its body, so that the later one
// rings once, too, where it comes twice.
const refPrefix = "mango"

// markLength is how much of the hash of a body is its mark.
const markLength = 24

func refOf(command, mark string) string {
	if mark != "" {
		mark = "#" + mark
	}
	return refPrefix + mark + ":" + command
}

// commandOf is the command_id that began a call, or "".
func commandOf(ref string) string {
	head, command, ok := strings.Cut(ref, ":")
	if name, _, _ := strings.Cut(head, "#"); !ok || name != refPrefix {
		return ""
	}
	return command
}

// submit places a call. What was asked for before under the same command_id, and is
// not over, is that call; and so is the same order within the window of repetitions.
func (f *facade) submit(q *query, r engine.CallRequest) outcome {
	r.Account, r.TokenID = q.key.Account, ""
	to := r.To
	if n, err := numbering.Normalize(to, f.house.Country); err == nil {
		to = n
	}
	said := []string{q.key.ID, q.method.path, string(q.common.Command), to, r.From, r.Bridge.Manager, string(r.Bridge.Order)}
	sum := sha256.Sum256([]byte(strings.Join(said, "\n")))
	r.BodyHash = hex.EncodeToString(sum[:])
	if q.common.Command != "" {
		r.Ref = refOf(string(q.common.Command), "")
	}
	c, replayed, err := f.house.Once(q.r.Context(), f.set.RepeatWindow, r, said...)
	if calls.CodeOf(err) == calls.CodeRefConflict && q.common.Command != "" {
		r.Ref = refOf(string(q.common.Command), r.BodyHash[:markLength])
		c, replayed, err = f.house.Once(q.r.Context(), f.set.RepeatWindow, r, said...)
	}
	if err != nil {
		return outcome{err: err}
	}
	providers.Named(q.r.Context(), providers.Label{Correlation: c.ID})
	if replayed {
		f.log.Debug("a command came twice and is one call", "call", c.ID)
	}
	return outcome{}
}

// employee finds an employee by his extension.
func (f *facade) employee(ctx context.Context, account, extension string) (e *calls.Employee, err error) {
	err = f.house.Store.View(ctx, func(tx calls.ReadTx) error {
		e, err = tx.EmployeeByExtension(account, extension)
		return err
	})
	return e, err
}

// callback is commands/callback: an employee, or the number given for him, is rung,
// then the other number.
func (f *facade) callback(q *query) outcome {
	var b callback
	if err := q.form.parse(&b); err != nil {
		return refused(codeBadJSON, "json cannot be read")
	}
	if b.From.Extension == "" {
		return refused(codeMissing, "from.extension is missing")
	}
	someone, err := f.employee(q.r.Context(), q.key.Account, string(b.From.Extension))
	if errors.Is(err, calls.ErrNotFound) {
		return refused(codeNoObject, "there is no employee with this extension")
	}
	if err != nil {
		return outcome{err: err}
	}
	manager := toEmployee + someone.ID
	if n := string(b.From.Number); n != "" && !strings.HasPrefix(n, "sip:") {
		manager = n
	}
	to, err := f.number(q.r.Context(), q.key.Account, string(b.To))
	if err != nil {
		return outcome{err: err}
	}
	return f.submit(q, engine.CallRequest{To: to, From: string(b.Line), Employee: someone.ID, ManagerAt: "body.from", ToAt: "body.to_number",
		Bridge: &calls.Bridge{Manager: manager, Order: calls.ManagerFirst}})
}

// number is the number that a callback means: an extension is its owner's telephone.
func (f *facade) number(ctx context.Context, account, to string) (string, error) {
	if len(to) > maxExtension || digits(to) != to {
		return to, nil
	}
	someone, err := f.employee(ctx, account, to)
	if errors.Is(err, calls.ErrNotFound) || err == nil && someone.Phone == "" {
		return to, nil // it is refused as a number
	}
	if err != nil {
		return "", err
	}
	return someone.Phone, nil
}

// callbackGroup is commands/callback_group: one side is a group, the other is outside.
func (f *facade) callbackGroup(q *query) outcome {
	var b callbackGroup
	if err := q.form.parse(&b); err != nil {
		return refused(codeBadJSON, "json cannot be read")
	}
	for _, side := range []struct {
		group, other text
		order        calls.Order
	}{{b.From, b.To, calls.ManagerFirst}, {b.To, b.From, calls.ClientFirst}} {
		found, err := f.group(q.r.Context(), q.key.Account, string(side.group))
		if err != nil {
			return outcome{err: err}
		}
		if found {
			return f.submit(q, engine.CallRequest{To: string(side.other), From: string(b.Line), ToAt: "body.to", ManagerAt: "body.from",
				Bridge: &calls.Bridge{Manager: toGroup + string(side.group), Order: side.order}})
		}
	}
	return refused(codeNoObject, "neither from nor to is a group")
}

func (f *facade) group(ctx context.Context, account, name string) (found bool, err error) {
	err = f.house.Store.View(ctx, func(tx calls.ReadTx) error {
		_, err := tx.Group(account, name)
		found = err == nil
		if errors.Is(err, calls.ErrNotFound) {
			return nil
		}
		return err
	})
	return found, err
}

// callOf is our call of which a call_id names a leg.
func callOf(id text) string {
	call, _, _ := strings.Cut(string(id), legMark)
	return call
}

// legMark divides the id of a call from what makes it that of a leg.
const legMark = ":"

// onCall does something with the call that a request names.
func (f *facade) onCall(q *query, id text, do func(ctx context.Context, account, call string) (*calls.Call, error)) outcome {
	call := callOf(id)
	providers.Named(q.r.Context(), providers.Label{Correlation: call})
	_, err := do(q.r.Context(), q.key.Account, call)
	out := outcome{err: err}
	if errors.Is(err, calls.ErrNotFound) {
		out.code = codeNoCall
	}
	return out
}

// callCommand are the fields of commands about one call.
type callCommand struct {
	Call      text   `json:"call_id"`
	Method    text   `json:"method"`
	To        text   `json:"to_number"`
	Initiator text   `json:"initiator"`
	File      number `json:"internal_id"`
}

func (q *query) callCommand() (b callCommand, ok bool) {
	return b, q.form.parse(&b) == nil
}

func (f *facade) hangup(q *query) outcome {
	b, ok := q.callCommand()
	if !ok {
		return refused(codeBadJSON, "json cannot be read")
	}
	out := f.onCall(q, b.Call, f.house.Engine.Hangup)
	if calls.CodeOf(out.err) == calls.CodeWrongState {
		out.code = codeGone
	}
	return out
}

// The methods of a transfer. We ring the next one beside the talk in either case, and
// the present manager stays until he answers.
const (
	transferBlind = "blind"
	transferHold  = "hold"
)

func (f *facade) transfer(q *query) outcome {
	b, ok := q.callCommand()
	if !ok {
		return refused(codeBadJSON, "json cannot be read")
	}
	if b.Method != transferBlind && b.Method != transferHold {
		return refused(codeBadParams, "method is blind or hold")
	}
	return f.sendTo(q, b)
}

// route sends a caller who hears a menu to somebody.
func (f *facade) route(q *query) outcome {
	b, ok := q.callCommand()
	if !ok {
		return refused(codeBadJSON, "json cannot be read")
	}
	return f.sendTo(q, b)
}

func (f *facade) sendTo(q *query, b callCommand) outcome {
	target := string(b.To)
	if len(target) <= maxExtension && digits(target) == target {
		isGroup, err := f.group(q.r.Context(), q.key.Account, target)
		if err != nil {
			return outcome{err: err}
		}
		target = toEmployee + target
		if isGroup {
			target = toGroup + string(b.To)
		}
	}
	return f.onCall(q, b.Call, func(ctx context.Context, account, call string) (*calls.Call, error) {
		return f.house.Engine.Transfer(ctx, account, call, target)
	})
}

// play plays an approved recording: internal_id is its record_id.
func (f *facade) play(q *query) outcome {
	b, ok := q.callCommand()
	if !ok {
		return refused(codeBadJSON, "json cannot be read")
	}
	if b.File <= 0 {
		return refused(codeNoFile, "internal_id is missing; a pause without a file is not known here")
	}
	return f.onCall(q, b.Call, func(ctx context.Context, account, call string) (*calls.Call, error) {
		return f.house.Engine.Play(ctx, account, call, clipOf(b.File))
	})
}

func (f *facade) record(q *query) outcome {
	b, ok := q.callCommand()
	if !ok {
		return refused(codeBadJSON, "json cannot be read")
	}
	return f.onCall(q, b.Call, func(ctx context.Context, account, call string) (*calls.Call, error) {
		return f.house.Engine.Record(ctx, account, call, true)
	})
}

// hold has the customer hold where an employee asks for it, and else the employee.
func (f *facade) hold(q *query) outcome {
	b, ok := q.callCommand()
	if !ok {
		return refused(codeBadJSON, "json cannot be read")
	}
	role := calls.RoleCustomer
	if len(b.Initiator) > maxExtension {
		role = calls.RoleManager
	}
	return f.onCall(q, b.Call, func(ctx context.Context, account, call string) (*calls.Call, error) {
		return f.house.Engine.Hold(ctx, account, call, role, true)
	})
}

// smsCommand is commands/sms.
type smsCommand struct {
	Text   string `json:"text"`
	From   text   `json:"from_extension"`
	To     text   `json:"to_number"`
	Sender text   `json:"sms_sender"`
}

// Texts have four parts at the most, of so many characters in all.
const (
	mostLatin    = 612
	mostCyrillic = 268
)

func (f *facade) sms(q *query) outcome {
	var b smsCommand
	if err := q.form.parse(&b); err != nil {
		return refused(codeBadJSON, "json cannot be read")
	}
	most, n := mostLatin, 0
	for _, r := range b.Text {
		if n++; r > 0x7f {
			most = mostCyrillic
		}
	}
	if n > most {
		return refused(codeBadParams, "the text is longer than four parts")
	}
	someone, err := f.employee(q.r.Context(), q.key.Account, string(b.From))
	if errors.Is(err, calls.ErrNotFound) {
		return refused(codeNoObject, "there is no employee with this extension")
	}
	if err != nil {
		return outcome{err: err}
	}
	if f.house.Texts == nil {
		return refused(codeUnsupported, "no sender of texts is configured")
	}
	if len(b.To) <= maxExtension {
		return refused(codeBadNumber, "an extension gets no texts")
	}
	_, err = f.house.Texts.Send(q.r.Context(), q.key.Account, cmp.Or(string(b.Sender), someone.Caller), string(b.To), b.Text)
	return outcome{err: err}
}
