package zvonobot

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
)

// createIn is the body of create.
type createIn struct {
	phones     []text
	from       text
	record     *recordIn
	ivrs       []ivrIn
	plannedAt  number
	webhookURL text
	parameters parameters
	label      text
	recording  number

	// Of createWithTemplate.
	variables map[string]map[string]text
}

// readCreate reads what create and createWithTemplate share.
func (f *facade) readCreate(in fields) (createIn, error) {
	var c createIn
	var phone, recordID, oldRecordID text
	err := in.read(map[string]any{"phone": &phone, "phones": &c.phones, "outgoingPhone": &c.from, "record": &c.record, "recordId": &recordID, "record_id": &oldRecordID,
		"ivrs": &c.ivrs, "plannedAt": &c.plannedAt, "webhookUrl": &c.webhookURL, "webhookParameters": &c.parameters, "label": &c.label, f.cfg.RecordField: &c.recording})
	if err != nil {
		return c, err
	}
	if phone != "" {
		c.phones = append([]text{phone}, c.phones...)
	}
	switch {
	case len(c.phones) == 0:
		return c, faulty("phone", "say whom to call: phone or phones")
	case len(c.phones) > f.cfg.MaxPhones:
		return c, faulty("phones", "at most %d phones are taken at once", f.cfg.MaxPhones)
	case len(c.label) > 256 || !calls.Printable(string(c.label)):
		return c, faulty("label", "has at most 256 bytes and no control characters")
	case len(c.parameters) > 16<<10:
		return c, faulty("webhookParameters", "has at most 16384 bytes")
	case c.plannedAt < 0 || c.plannedAt > 1<<40:
		return c, faulty("plannedAt", "must be Unix seconds")
	}
	if id := orText(string(recordID), string(oldRecordID)); c.record == nil && id != "" {
		c.record = &recordIn{ID: text(id)}
	}
	return c, nil
}

// order is one request for calls, once everything but the numbers was checked.
type order struct {
	in      createIn
	said    []string           // what makes it the same as another, but the number; see House.Once
	numbers []string           // what makes each number the same as another's
	request engine.CallRequest // but To and Within
	spread  time.Duration      // the calls are spread evenly over so long
}

// create asks for calls, one for every phone.
func (f *facade) create(ctx context.Context, a asked) (any, error) {
	in, err := f.readCreate(a.fields)
	if err != nil {
		return nil, err
	}
	if in.record == nil || in.record.ID == "" && in.record.Text == "" {
		return nil, faulty("record", "say what to play: record.id, recordId or record.text")
	}
	o := order{in: in, said: saidOf("create", a)}
	if o.request, err = f.requestOf(ctx, a, in); err != nil {
		return nil, err
	}
	return f.place(ctx, o)
}

// requestOf builds the call that is asked for.
func (f *facade) requestOf(ctx context.Context, a asked, in createIn) (engine.CallRequest, error) {
	r := engine.CallRequest{Account: a.token.Account, TokenID: a.token.ID, From: string(in.from)}
	name, spoken, err := f.clip(ctx, a, *in.record)
	if err != nil {
		return r, err
	}
	digits, block, err := readMenu(in.ivrs, func(id text) (string, error) {
		name, spoken, err := f.clip(ctx, a, recordIn{ID: id})
		if err == nil && spoken != nil {
			err = faulty("ivrs", "record %s waits for a moderator; only the record of the call itself may", id)
		}
		return name, err
	})
	if err != nil {
		return r, err
	}
	flow, err := checkFlow(name, digits, block, in.recording.on())
	if err != nil {
		return r, err
	}
	r.Flow, r.Spoken = &flow, spoken
	if in.plannedAt > 0 {
		at := time.Unix(int64(in.plannedAt), 0).UTC()
		r.NotBefore = &at
	}
	if in.label != "" {
		if r.Metadata, err = json.Marshal(map[string]string{"label": string(in.label)}); err != nil {
			return r, err
		}
	}
	return r, f.checkURLs(ctx, in)
}

// checkURLs asks whether the webhooks of a request may be spoken to.
func (f *facade) checkURLs(ctx context.Context, in createIn) error {
	urls, _ := hooksOf(in.ivrs, "")
	for i, u := range append([]string{string(in.webhookURL)}, urls...) {
		if u == "" {
			continue
		}
		var refused *calls.Error
		if err := f.h.CheckURL(ctx, u); errors.As(err, &refused) {
			if i > 0 {
				return faulty("ivrs", "webhookUrl: %s", refused.Detail)
			}
			return faulty("webhookUrl", "%s", refused.Detail)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// clip finds a record: an approved one by its name, or the text of one that waits for
// a moderator, with which the call waits.
func (f *facade) clip(ctx context.Context, a asked, in recordIn) (name string, spoken *calls.SpokenText, err error) {
	if in.ID == "" {
		spoken = &calls.SpokenText{Text: string(in.Text), Voice: f.voice(in.Gender), Actor: actor(a.token)}
		return "", spoken, f.moderated(ctx, a.token.Account, *spoken)
	}
	n, err := strconv.ParseInt(string(in.ID), 10, 64)
	if err != nil || n <= 0 {
		return "", nil, faulty("record", "%.40q is not the id of a record", string(in.ID))
	}
	rec, err := f.recordByNumber(ctx, a.token.Account, n)
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return "", nil, faulty("record", "there is no record %d", n)
	case err != nil:
		return "", nil, err
	case rec.Live != nil:
		return rec.ID, nil, nil
	case rec.State == calls.RecordingPending && rec.Text != "" && f.cfg.Unmoderated == unmoderatedHold:
		return "", &calls.SpokenText{Text: rec.Text, Voice: rec.Voice, Actor: actor(a.token)}, nil
	}
	return "", nil, faulty("record", "record %d is %s: only an approved one is played", n, rec.State)
}

// moderated refuses a text that no moderator has passed, where the settings want that.
func (f *facade) moderated(ctx context.Context, account string, t calls.SpokenText) error {
	if f.cfg.Unmoderated == unmoderatedHold {
		return nil
	}
	rec, err := f.recordByText(ctx, account, t)
	if err == nil && (rec == nil || rec.Live == nil) {
		return faulty("record", "this text was not passed by a moderator; make a record of it with createRecord and wait for that")
	}
	return err
}

func actor(t *calls.Token) string { return t.Name }

// voice is the voice that a gender stands for.
func (f *facade) voice(gender *number) string {
	switch {
	case gender == nil:
		return f.cfg.Voice
	case int(*gender) == f.cfg.Female:
		return voiceFemale
	}
	return voiceMale
}

// placedCall is what became of one phone.
type placedCall struct {
	phone string
	n     int64
	call  *calls.Call
	err   error
}

// placers is how many calls of one request are stored side by side: their commits are
// shared.
const placers = 16

// place asks for the calls. The first one goes alone: what is wrong with it besides its
// number is wrong with all. Once one was taken the rest follow, even if the client goes.
func (f *facade) place(ctx context.Context, o order) (any, error) {
	o.numbers = f.numbersOf(o.in.phones)
	done := make([]placedCall, len(o.in.phones))
	done[0] = f.submit(ctx, o, 0)
	if err := done[0].err; err != nil && !ofPhone(err) {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(placers, len(done)-1) {
		wg.Go(func() {
			for i := range next {
				done[i] = f.submit(ctx, o, i)
			}
		})
	}
	for i := 1; i < len(done); i++ {
		next <- i
	}
	close(next)
	wg.Wait()
	return f.createdOf(o, done)
}

// ofPhone reports whether an error is about the number that was to be called.
func ofPhone(err error) bool {
	var known *calls.Error
	if !errors.As(err, &known) {
		return false
	}
	return known.Code == calls.CodeInvalidNumber || known.Code == calls.CodeDestinationForbidden || fieldOf(known) == "phone"
}

// submit asks for one call; its number and its webhooks are stored with it.
func (f *facade) submit(ctx context.Context, o order, i int) placedCall {
	p := placedCall{phone: string(o.in.phones[i])}
	r := o.request
	r.To = p.phone
	if vars := o.in.variables[p.phone]; len(vars) > 0 {
		r.Variables = map[string]string{}
		for name, v := range vars {
			r.Variables[name] = string(v)
		}
	}
	if o.spread > 0 {
		at := f.h.Clock.Now()
		if r.NotBefore != nil && r.NotBefore.After(at) {
			at = *r.NotBefore
		}
		at = at.Add(o.spread * time.Duration(i) / time.Duration(len(o.in.phones)))
		r.NotBefore = &at
	}
	r.Within = func(tx calls.Tx, c *calls.Call) (err error) {
		if p.n, err = tx.GiveNumber(c.Account, numbersOfCalls, c.ID, 0); err != nil {
			return err
		}
		for _, w := range f.webhooksOf(o.in, c, p.n) {
			if err := tx.PutWebhook(w); err != nil {
				return err
			}
		}
		return nil
	}
	var again bool
	p.call, again, p.err = f.h.Once(ctx, f.cfg.RepeatWindow, r, append(slices.Clone(o.said), o.numbers[i])...)
	if again {
		p.n, p.err = f.callNumber(ctx, p.call)
	}
	return p
}

// createdOut is one phone of the answer to create.
type createdOut struct {
	ID            int64  `json:"id"`
	Phone         string `json:"phone"`
	Status        string `json:"status"`
	CreatedAt     int64  `json:"createdAt"`
	PlannedAt     *int64 `json:"plannedAt,omitempty"`
	NeedRecording int    `json:"needRecording"`
}

// refusedOut is a phone that was refused.
type refusedOut struct {
	Status  string `json:"status"`
	Phone   string `json:"phone"`
	Message string `json:"message"`
}

// createdOf is the answer. Where all phones were refused the whole is an error.
func (f *facade) createdOf(o order, done []placedCall) (any, error) {
	var data []any
	taken := false
	for _, p := range done {
		if p.err != nil {
			data = append(data, refusedOut{"error", p.phone, f.wordsOf(p.err)})
			continue
		}
		taken = true
		out := createdOut{ID: p.n, Phone: p.call.To, Status: statusCreated, CreatedAt: p.call.CreatedAt.Unix(), NeedRecording: flag(o.in.recording.on())}
		if o.in.plannedAt > 0 {
			at := int64(o.in.plannedAt)
			out.PlannedAt = &at
		}
		data = append(data, out)
	}
	if !taken {
		return failure{Status: "error", Data: data}, nil
	}
	return yes(data), nil
}

// wordsOf is an error for the person who asked.
func (f *facade) wordsOf(err error) string {
	var known *calls.Error
	if errors.As(err, &known) {
		return known.Detail
	}
	f.h.Log.Error("a call could not be placed", "facade", Kind, "error", err)
	return "something failed on our side; ask again later"
}

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}

// filled puts the phone into parameters.
func filled(parameters, phone string) string {
	if phone == "" {
		return parameters
	}
	return strings.ReplaceAll(parameters, "{phone}", phone)
}
