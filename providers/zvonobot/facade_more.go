package zvonobot

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
	"zvonar/internal/numbering"
)

// What only white-label brands have.

// maxBlocks bounds the phones of one addPhonesFromApi.
const maxBlocks = 5000

// addToBlacklist puts phones on the blacklist of the account.
func (f *facade) addToBlacklist(ctx context.Context, a asked) (any, error) {
	var list []struct {
		Phone   text `json:"phone"`
		Comment text `json:"comment"`
	}
	if err := a.fields.read(map[string]any{"phones": &list}); err != nil {
		return nil, err
	}
	if len(list) == 0 || len(list) > maxBlocks {
		return nil, faulty("phones", "name 1 to %d phones", maxBlocks)
	}
	now := f.h.Clock.Now()
	var entries []calls.BlockEntry
	var refused []refusedOut
	for _, p := range list {
		n, err := numbering.Normalize(string(p.Phone), f.h.Country)
		if err != nil {
			refused = append(refused, refusedOut{"error", string(p.Phone), f.wordsOf(err)})
			continue
		}
		entries = append(entries, calls.BlockEntry{Account: a.token.Account, Number: n, Scope: calls.ScopeAccount, Reason: calls.Clean(string(p.Comment), 200), Source: "api", CreatedAt: now})
	}
	if len(entries) == 0 {
		return failure{Status: "error", Data: refused}, nil
	}
	added, err := f.h.Engine.BlockMany(ctx, entries)
	if err != nil {
		return nil, err
	}
	return yes(map[string]any{"added": added, "refused": append([]refusedOut{}, refused...)}), nil
}

// removedOut is an element of the answer to remove.
type removedOut struct {
	ID      number `json:"id"`
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

// remove takes calls back: those that wait are cancelled, those that talk are hung up.
func (f *facade) remove(ctx context.Context, a asked) (any, error) {
	ids, err := f.ids(a.fields, "idList")
	if err != nil {
		return nil, err
	}
	found, err := f.callsOf(ctx, a.token.Account, ids)
	if err != nil {
		return nil, err
	}
	out := []removedOut{}
	for i, c := range found {
		r := removedOut{ID: ids[i], Status: "removed"}
		switch {
		case c == nil:
			r.Status, r.Message = "error", "there is no such call"
		case c.Over():
			r.Status, r.Message = "error", "the call is over"
		default:
			if _, err := f.h.Engine.Hangup(ctx, c.Account, c.ID); err != nil {
				r.Status, r.Message = "error", f.wordsOf(err)
			}
		}
		out = append(out, r)
	}
	return yes(out), nil
}

// templateOut is an element of getTemplates.
type templateOut struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// getTemplates lists the templates of the account. Only a moderator's word lets a clip
// be played, so all of them are moderated as far as it matters here.
func (f *facade) getTemplates(_ context.Context, a asked) (any, error) {
	out := []templateOut{}
	for _, t := range f.cfg.Templates {
		if t.Account == "" || t.Account == a.token.Account {
			out = append(out, templateOut{t.ID, t.Name})
		}
	}
	return yes(out), nil
}

// hours are the working hours of a template call.
type hours struct {
	start, end text
	weekdays   []number
	smartDelay number
}

// weekdays are the days that numbers stand for; Sunday is 0 or 7.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// window is when the callees may be called; nil: as the configuration says.
func (h hours) window() (*calls.Window, error) {
	if h.start == "" && h.end == "" && len(h.weekdays) == 0 {
		return nil, nil
	}
	w := &calls.Window{From: orText(string(h.start), "00:00"), To: orText(string(h.end), "24:00")}
	for _, d := range h.weekdays {
		if d < 0 || int(d) >= len(weekdays) {
			return nil, faulty("weekdays", "days are 1 (Monday) to 7 (Sunday)")
		}
		if name := weekdays[d]; !slices.Contains(w.Days, name) {
			w.Days = append(w.Days, name)
		}
	}
	if err := numbering.CheckWindow(*w); err != nil {
		return nil, faulty("startTime", "%v", err)
	}
	return w, nil
}

// createWithTemplate asks for calls that hear what a template of the settings says.
func (f *facade) createWithTemplate(ctx context.Context, a asked) (any, error) {
	in, err := f.readCreate(a.fields)
	if err != nil {
		return nil, err
	}
	var id number
	var h hours
	if err := a.fields.read(map[string]any{"templateId": &id, "startTime": &h.start, "endTime": &h.end, "weekdays": &h.weekdays, "smartDelay": &h.smartDelay}); err != nil {
		return nil, err
	}
	if err := readVariables(a.fields["variables"], &in); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(f.cfg.Templates, func(t template) bool {
		return t.ID == int64(id) && (t.Account == "" || t.Account == a.token.Account)
	})
	if i < 0 {
		return nil, faulty("templateId", "there is no template %d", id)
	}
	o := order{in: in, said: saidOf("createWithTemplate", a)}
	if o.request, err = f.templateRequest(ctx, a, in, f.cfg.Templates[i]); err != nil {
		return nil, err
	}
	if o.request.Window, err = h.window(); err != nil {
		return nil, err
	}
	if h.smartDelay != 0 && (h.smartDelay < 2 || h.smartDelay > 1440) {
		return nil, faulty("smartDelay", "2 to 1440 minutes")
	}
	if f.cfg.SmartDelay == delaySpread {
		o.spread = time.Duration(h.smartDelay) * time.Minute
	}
	return f.place(ctx, o)
}

// readVariables reads {"79004443322":{"name":"Анна"}}.
func readVariables(raw json.RawMessage, in *createIn) error {
	if len(raw) == 0 || string(raw) == "null" || string(raw) == "[]" {
		return nil
	}
	if err := json.Unmarshal(raw, &in.variables); err != nil {
		return faulty("variables", "write an object of variables for each phone")
	}
	return nil
}

// templateRequest builds the call of a template.
func (f *facade) templateRequest(ctx context.Context, a asked, in createIn, t template) (engine.CallRequest, error) {
	digits, err := t.digits()
	if err != nil {
		return engine.CallRequest{}, err
	}
	in.record = &recordIn{ID: text(t.Record), Text: text(t.Text)}
	in.ivrs = nil
	if t.Voice != "" {
		gender := number(f.cfg.Female)
		if t.Voice == voiceMale {
			gender = 1 - gender
		}
		in.record.Gender = &gender
	}
	r, err := f.requestOf(ctx, a, in)
	var bad *field
	if errors.As(err, &bad) && bad.name == "record" {
		return r, faulty("templateId", "the template cannot be played: %s", bad.message)
	}
	if err != nil || len(digits) == 0 {
		return r, err
	}
	flow, err := checkFlow(string(r.Flow.Record), digits, "", r.Flow.Capture)
	r.Flow = &flow
	return r, err
}
