package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
	"zvonar/internal/numbering"
)

// idempotencyLife is how long an Idempotency-Key is remembered where the request does not say (DESIGN 4.3).
const idempotencyLife = 24 * time.Hour

// Submit implements API: it checks everything that can be checked now, writes
// the call and its first event in one unit of work, and hands it to the dialer.
func (e *Engine) Submit(ctx context.Context, r CallRequest) (*calls.Call, bool, error) {
	if e.isDraining() {
		return nil, false, calls.Errorf(calls.CodeOverloaded, "zvonar is shutting down and takes no new calls; ask again once it is back")
	}
	if err := e.cfg.Admits(); err != nil {
		return nil, false, err
	}
	c, err := e.draft(r)
	if err != nil {
		return nil, false, err
	}
	var said *calls.Recording
	var replay *calls.Call
	if r.Spoken != nil {
		said, replay, err = e.speak(ctx, r, c)
	}
	if err == nil && replay == nil {
		err = e.store.Update(ctx, func(tx calls.Tx) (err error) {
			replay, err = e.admit(tx, r, c, said)
			return err
		})
	}
	if err != nil {
		return nil, false, admissionError(err)
	}
	if replay != nil {
		return replay, true, nil
	}
	failpoint.Hit(failpoint.CallAccepted)
	e.metrics.started(c)
	e.log.Info("call accepted", "call", c.ID, "to", calls.Mask(c.To), "ref", c.Ref)
	result := c.Clone()
	if why := e.unfit(r, c); why != "" {
		e.leaveToPerson(c, why)
	} else {
		e.cfg.Queue.Enqueue(c)
	}
	return result, false, nil
}

// admissionError keeps the words that are meant for the asker.
func admissionError(err error) error {
	var known *calls.Error
	if errors.As(err, &known) {
		return known
	}
	return fmt.Errorf("the call could not be stored: %w", err)
}

// draft turns a request into a call, checking what needs no store.
func (e *Engine) draft(r CallRequest) (*calls.Call, error) {
	to, err := e.destination(r.To, cmp.Or(r.ToAt, "body.to"))
	if err != nil {
		return nil, err
	}
	flow, err := e.flowOf(r)
	if err != nil {
		return nil, err
	}
	now := e.clock.Now()
	c := &calls.Call{
		ID: e.ids.New("call_"), Account: r.Account, TokenID: r.TokenID, Ref: r.Ref, Series: r.Series,
		Direction: calls.Out, Status: calls.StatusQueued, To: to, Consent: r.Consent,
		Trunk: r.Trunk, Provider: r.Provider, CreatedAt: now, DueAt: now, NotAfter: r.NotAfter, Flow: flow,
		Priority: r.Priority, Window: r.Window, Timezone: r.Timezone, Retry: r.Retry, RingTimeout: r.RingTimeout, MaxDuration: r.MaxDuration,
		Variables: r.Variables, CampaignID: r.CampaignID, Contact: r.Contact,
		Metadata: r.Metadata, WebhookURL: r.WebhookURL, BodyHash: r.BodyHash,
	}
	if r.NotBefore != nil && r.NotBefore.After(now) {
		c.DueAt = *r.NotBefore
	}
	if c.NotAfter != nil && !c.NotAfter.After(c.DueAt) {
		return nil, calls.Errorf(calls.CodeInvalidField, "not_after must be later than not_before and than now").At("body.not_after", r.NotAfter)
	}
	if err := e.chooseLine(c); err != nil {
		return nil, err
	}
	return c, e.chooseRules(c)
}

// chooseRules checks the window of a call and gives it the retry policy that holds
// where it brings none.
func (e *Engine) chooseRules(c *calls.Call) error {
	if w := c.Window; w != nil && w.Preset != "" {
		if _, ok := e.cfg.Presets[w.Preset]; !ok {
			return calls.Errorf(calls.CodeInvalidField, "there is no preset %q; there are %s", w.Preset, strings.Join(slices.Sorted(maps.Keys(e.cfg.Presets)), ", ")).At("body.window.preset", w.Preset)
		}
	}
	if c.Timezone != "" && !numbering.CheckZone(c.Timezone) {
		return calls.Errorf(calls.CodeInvalidField, "there is no time zone of this name; write it like Asia/Yekaterinburg").At("body.timezone", c.Timezone)
	}
	if c.Retry == nil && e.cfg.Retry != nil && len(e.cfg.Retry.Outcomes) > 0 {
		c.Retry = e.cfg.Retry
	}
	return nil
}

// destination normalises a number and asks whether it may be called at all.
func (e *Engine) destination(raw, location string) (string, error) {
	number, err := numbering.Normalize(raw, e.defaultCountry())
	if err == nil {
		err = numbering.Allowed(number, e.cfg.Countries)
	}
	var known *calls.Error
	if errors.As(err, &known) && len(known.Fields) == 0 {
		return "", known.At(location, raw)
	}
	return number, err
}

func (e *Engine) defaultCountry() string {
	if len(e.cfg.Countries) == 0 {
		return ""
	}
	return e.cfg.Countries[0]
}

// flowOf builds the call's flow and checks where its digits may lead.
func (e *Engine) flowOf(r CallRequest) (calls.Flow, error) {
	flow := calls.DefaultFlow()
	if r.Bridge != nil {
		return e.bridgeOf(r)
	}
	if r.Dictate != nil {
		return e.dictate(r)
	}
	location := "body.digits"
	if r.Flow != nil {
		flow, location = *r.Flow, "body.flow.digits"
	} else {
		flow.Record, flow.Digits = r.Clip, r.Digits
	}
	if r.AMD != nil {
		flow.AMD = *r.AMD
	}
	if p := flow.AMD.Profile; p != "" && !slices.Contains(e.cfg.AMDProfiles, p) {
		return flow, calls.Errorf(calls.CodeInvalidField, "there is no profile %q; there are %s", p, strings.Join(e.cfg.AMDProfiles, ", ")).At("body.amd.profile", p)
	}
	digits, err := e.checkManagers(r.Account, flow.Digits, location)
	flow.Digits, flow.Capture = digits, flow.Capture || r.Capture
	return flow, err
}

// checkManagers returns a copy of m with every manager's number normalised; a
// forbidden one is refused now, not when somebody presses the digit.
func (e *Engine) checkManagers(account string, m calls.DigitMap, location string) (calls.DigitMap, error) {
	out := make(calls.DigitMap, len(m))
	for digit, actions := range m {
		out[digit] = slices.Clone(actions)
		for i := range out[digit] {
			a := &out[digit][i]
			at := actionPlace(location, digit, i, len(actions))
			if a.Kind == calls.ActionManager {
				value, err := e.managerValue(account, "", a.Value, at)
				if err != nil {
					return nil, err
				}
				a.Value = value
			}
			nested, err := e.checkManagers(account, a.Digits, at+".digits")
			if err != nil {
				return nil, err
			}
			if a.Digits != nil {
				a.Digits = nested
			}
		}
	}
	return out, nil
}

// managerValue accepts a number, an extension at a configured trunk, people, or a
// subscriber of the provider that joins them.
func (e *Engine) managerValue(account, provider, value, location string) (string, error) {
	if named, ok := peopleValue(value); ok {
		return named, nil // found in the unit that takes the call
	}
	if _, ok := subscriberOf(value, provider); ok {
		return value, nil
	}
	ext, trunk, ok := strings.Cut(value, "@")
	if !ok {
		return e.destination(value, location)
	}
	if !e.hasTrunk(account, trunk) {
		return "", calls.Errorf(calls.CodeBadAction, "there is no trunk %q; write the extension as 201@TRUNK", trunk).At(location, value)
	}
	if len(ext) < 1 || len(ext) > 8 || digitsOnly(ext) == "" {
		return "", calls.Errorf(calls.CodeBadAction, "an extension is one to eight digits").At(location, value)
	}
	return value, nil
}

// chooseLine checks trunk and provider against the configuration.
func (e *Engine) chooseLine(c *calls.Call) error {
	if c.Provider != "" {
		return e.chooseProvider(c)
	}
	if c.Trunk != "" && !e.hasTrunk(c.Account, c.Trunk) {
		return calls.Errorf(calls.CodeInvalidField, "there is no trunk %q in the configuration", c.Trunk).At("body.trunk", c.Trunk)
	}
	return nil
}

// chooseNumber takes a caller number that a trunk for this call has; false: none has it.
func (e *Engine) chooseNumber(c *calls.Call, number string) bool {
	if e.shows(c, number) {
		return true
	}
	for _, t := range e.trunks() {
		if t.carries(c.Account) && (c.Trunk == "" || c.Trunk == t.Name) && slices.Contains(t.Numbers, number) {
			c.From, c.Line = number, number
			return true
		}
	}
	return false
}

// admit runs inside the unit of work: replays, clips, the rows. said is what was
// spoken for this call. A call it returns is one that exists already.
func (e *Engine) admit(tx calls.Tx, r CallRequest, c *calls.Call, said *calls.Recording) (*calls.Call, error) {
	if old, err := e.replayed(tx, r); old != nil || err != nil {
		return old, err
	}
	if err := e.admitPeople(tx, r, c); err != nil {
		return nil, err
	}
	if id, err := e.pin(tx, c, said); err != nil {
		var known *calls.Error
		if errors.As(err, &known) && len(known.Fields) == 0 {
			err = known.At(placeInBody(r, c.Flow.PlaceOf(id)), id)
		}
		return nil, err
	}
	if err := tx.InsertCall(c); err != nil {
		return nil, err
	}
	if r.Within != nil {
		if err := r.Within(tx, c); err != nil {
			return nil, err
		}
	}
	if r.IdempotencyKey != "" {
		rec := calls.IdempotencyRecord{Account: r.Account, Key: r.IdempotencyKey, BodyHash: r.BodyHash, CallID: c.ID, ExpiresAt: c.CreatedAt.Add(cmp.Or(r.IdempotencyLife, idempotencyLife))}
		if err := tx.PutIdempotent(rec); err != nil {
			return nil, err
		}
	}
	if err := e.addressWebhook(tx, r, c); err != nil {
		return nil, err
	}
	return nil, appendEvents(tx, []calls.Event{e.event(c, calls.CallQueued, queuedData{
		To: c.To, From: c.From, Recording: c.Recording, DueAt: calls.Stamp(c.DueAt)})})
}

// admitPeople finds the people and the caller number that the request names.
func (e *Engine) admitPeople(tx calls.ReadTx, r CallRequest, c *calls.Call) error {
	if err := e.inNameOf(tx, &r, c); err != nil {
		return err
	}
	if err := e.chooseCaller(tx, r, c); err != nil {
		return err
	}
	location := "body.digits"
	if r.Flow != nil {
		location = "body.flow.digits"
	}
	if b := c.Flow.Bridge; b != nil {
		return checkTarget(tx, c.Account, b.Manager, r.ManagerAt)
	}
	if c.Flow.Record == "" && r.Employee != "" && r.Flow == nil && r.Spoken == nil {
		return calls.Errorf(calls.CodeInvalidField, "say what the callee hears: the employee has no clip of his own").At("body.record_id", nil)
	}
	return checkPeople(tx, c.Account, c.Flow.Digits, location)
}

// replayed finds the call that Idempotency-Key or ref name already.
func (e *Engine) replayed(tx calls.ReadTx, r CallRequest) (*calls.Call, error) {
	if r.IdempotencyKey != "" {
		rec, err := tx.Idempotent(r.Account, r.IdempotencyKey)
		switch {
		case err == nil && rec.ExpiresAt.After(e.clock.Now()):
			if rec.BodyHash != r.BodyHash {
				return nil, calls.Errorf(calls.CodeIdempotencyConflict, "this Idempotency-Key was used with another body within 24 h; use a new key")
			}
			return tx.Call(r.Account, rec.CallID)
		case err != nil && !errors.Is(err, calls.ErrNotFound):
			return nil, err
		}
	}
	if r.Ref == "" {
		return nil, nil
	}
	old, err := tx.LiveCallByRef(r.Account, r.Ref)
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case old.BodyHash != r.BodyHash:
		return nil, calls.Errorf(calls.CodeRefConflict, "a call with this ref is not over yet and was asked for with another body; wait for its end or use another ref").At("body.ref", r.Ref)
	}
	return old, nil
}

// pin resolves every clip of the call's flow to its approved content, or to what is to
// be said with the call's variables, or names the first that has none. What was spoken for the call (said, or nil) may still wait
// for a moderator: the dialer holds the call until he has decided.
func (e *Engine) pin(tx calls.ReadTx, c *calls.Call, said *calls.Recording) (calls.ClipID, error) {
	clips, wanted := map[calls.ClipID]calls.RecordingRef{}, map[string]bool{}
	for _, id := range c.Flow.ClipIDs() {
		var rec *calls.Recording
		var err error
		if said != nil && id == calls.ClipID(said.ID) {
			rec = said
		} else if rec, err = e.cfg.Clips.Resolve(tx, c.Account, id); err != nil {
			return id, err
		}
		if clips[id], err = e.cfg.Clips.Fill(rec, c.Variables); err != nil {
			return id, err
		}
		if t := rec.Template(); t != nil {
			for _, v := range t.Variables {
				wanted[v.Name] = true
			}
		}
	}
	for name := range c.Variables {
		if !wanted[name] && c.CampaignID == "" { // contacts bring columns of all kinds
			return "", calls.Errorf(calls.CodeInvalidField, "no text of the call has a place for {%s}", name).At("body.variables."+name, nil)
		}
	}
	c.Pin(clips)
	return "", nil
}

// addressWebhook makes the call's own webhook_url a destination of its events,
// signed with the secret of the token that asked, or as its kind does it.
func (e *Engine) addressWebhook(tx calls.Tx, r CallRequest, c *calls.Call) error {
	if c.WebhookURL == "" {
		return nil
	}
	w := &calls.Webhook{ID: e.ids.New("wh_"), Kind: cmp.Or(r.WebhookKind, calls.KindWebhook), Account: c.Account, URL: c.WebhookURL,
		Key: r.WebhookKey, Settings: r.WebhookSettings, CallID: c.ID, CreatedAt: c.CreatedAt}
	t, err := tx.Token(c.Account, c.TokenID)
	switch {
	case err == nil:
		w.Secret, w.TokenName = t.WebhookSecret, t.Name
	case !errors.Is(err, calls.ErrNotFound):
		return err
	}
	return tx.PutWebhook(w)
}

// carries reports whether the trunk is there for the calls of an account.
func (t TrunkNumbers) carries(account string) bool { return t.Account == "" || t.Account == account }

// hasTrunk reports whether an account has a trunk of this name.
func (e *Engine) hasTrunk(account, name string) bool {
	return slices.ContainsFunc(e.trunks(), func(t TrunkNumbers) bool { return t.Name == name && t.carries(account) })
}

// defaultNumber is the caller number of a trunk where nobody chose one.
func (e *Engine) defaultNumber(trunk string) string {
	for _, t := range e.trunks() {
		if t.Name == trunk && len(t.Numbers) > 0 {
			return t.Numbers[0]
		}
	}
	return ""
}

func (e *Engine) ownsNumber(trunk, number string) bool {
	return slices.ContainsFunc(e.trunks(), func(t TrunkNumbers) bool {
		return t.Name == trunk && slices.Contains(t.Numbers, number)
	})
}
