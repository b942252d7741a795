package zvonobot

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"strconv"
	"strings"

	"zvonar/internal/calls"
	"zvonar/providers"
)

func mapKeys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

// Created is what create answered for one phone.
type Created struct {
	ID      int64
	Phone   string
	Refused string // why there is no call; "": there is one
}

// Place implements providers.Originator: one create with our flow in its words.
func (c *Client) Place(ctx context.Context, r calls.PlaceRequest) (calls.PlaceResult, error) {
	begun := c.clock.Now()
	res, err := c.place(ctx, r)
	took := c.clock.Now().Sub(begun)
	c.metrics.Placed(c.name, took, err)
	log := c.log.With("call", r.CallID, "attempt", r.Attempt, "to", calls.Mask(r.To), "took", took)
	if err == nil {
		log.Info("provider took the call", "provider_call_id", res.ProviderCallID)
	} else {
		log.Debug("provider did not take the call", "error", err)
	}
	return res, err
}

func (c *Client) place(ctx context.Context, r calls.PlaceRequest) (calls.PlaceResult, error) {
	body, err := c.createOf(ctx, r)
	if err != nil {
		var words *inexpressible
		if errors.As(err, &words) {
			return calls.PlaceResult{}, &calls.PlaceRefused{Reason: words.words}
		}
		return calls.PlaceResult{}, &calls.PlaceRefused{Reason: "the request could not be written", Err: err}
	}
	ctx = providers.Labelled(ctx, providers.Label{Account: r.Account, Correlation: r.CallID})
	data, err := c.Call(ctx, "create", body)
	if err != nil {
		return calls.PlaceResult{}, err
	}
	list, err := readCreated(data)
	switch {
	case err != nil:
		return calls.PlaceResult{}, err
	case list[0].Refused != "":
		return calls.PlaceResult{}, &calls.PlaceRefused{Reason: list[0].Refused}
	}
	return calls.PlaceResult{ProviderCallID: strconv.FormatInt(list[0].ID, 10)}, nil
}

// readCreated reads data of a create. A phone may be refused within a success.
func readCreated(data json.RawMessage) ([]Created, error) {
	var list []json.RawMessage
	if json.Unmarshal(data, &list) != nil {
		list = []json.RawMessage{data}
	}
	var out []Created
	for _, raw := range list {
		m, ok := members(raw)
		if !ok {
			continue
		}
		made := Created{ID: numberOf(m, "id"), Phone: textOf(m, "phone")}
		if textOf(m, "status") == "error" {
			var words []string
			collectWords(raw, 0, &words)
			made.Refused = orText(calls.Clean(strings.Join(words, "; "), 200), "it gave no reason")
		}
		out = append(out, made)
	}
	if len(out) == 0 || len(out) == 1 && out[0].ID == 0 && out[0].Refused == "" {
		return nil, &calls.PlaceUnknown{Reason: "its answer says success and names no call"}
	}
	return out, nil
}

// createOf writes the body of create for a call of ours.
func (c *Client) createOf(ctx context.Context, r calls.PlaceRequest) ([]byte, error) {
	captures := c.cfg.RecordField != noField
	if err := checkOptions(&r.Flow, c.cfg.Ignore, captures); err != nil {
		return nil, err
	}
	clip := func(id calls.ClipID) (*recordRef, error) { return c.clip(ctx, r, id) }
	record, err := clip(r.Flow.Record)
	if err != nil {
		return nil, err
	}
	ivrs, err := ivrsOf(r.Flow.Digits, &r.Flow, c.cfg.Ignore, clip, 1)
	if err != nil {
		return nil, err
	}
	body := create{Phone: r.To, OutgoingPhone: r.From, Record: record, IVRs: ivrs}
	if u := c.h.IntakeURL(c.name); strings.HasPrefix(u, "http") { // else nobody said how we are reached from outside
		body.WebhookURL = u
	}
	if r.From == "" && (c.cfg.DutyPhone == nil || *c.cfg.DutyPhone) {
		body.DutyPhone = 1
	}
	if body.WebhookURL != "" {
		echo, err := json.Marshal(map[string]string{echoName: r.CallID})
		if err != nil {
			return nil, err
		}
		body.WebhookParameters = string(echo)
	}
	whole, err := json.Marshal(body)
	if err != nil || !r.Flow.Capture || !captures {
		return whole, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(whole, &fields); err != nil {
		return nil, err
	}
	fields[c.cfg.RecordField] = json.RawMessage("1")
	return json.Marshal(fields)
}

// clip says what Zvonobot is to play for a clip of ours: the record of its own that
// the configuration names, or the text that the clip was made of.
func (c *Client) clip(ctx context.Context, r calls.PlaceRequest, id calls.ClipID) (*recordRef, error) {
	ref, pinned := r.Flow.Clips[id]
	names := []string{string(id)}
	if pinned {
		names = append(names, ref.RecordingID)
		if ref.RecordID != 0 {
			names = append(names, strconv.FormatInt(ref.RecordID, 10))
		}
	}
	for _, name := range names {
		if theirs, ok := c.cfg.Records[name]; ok {
			return &recordRef{ID: theirs}, nil
		}
	}
	if pinned && (c.cfg.Texts == nil || *c.cfg.Texts) {
		said, voice, err := c.words(ctx, r.Account, ref)
		if err != nil {
			return nil, err
		}
		if said != "" {
			gender := c.cfg.Female
			if voice == voiceMale {
				gender = 1 - gender
			}
			return &recordRef{Text: said, Gender: &gender}, nil
		}
	}
	return nil, cannot("recording %s has no counterpart at Zvonobot: name the id of its record there in settings.records", id)
}

// words are the text that a pinned clip was made of, and who reads it; "": it was made
// of no text.
func (c *Client) words(ctx context.Context, account string, ref calls.RecordingRef) (said, voice string, err error) {
	if ref.Text != "" {
		_, voice, _ = strings.Cut(ref.Voice, "-")
		return ref.Text, voice, nil
	}
	err = c.h.Store.View(ctx, func(tx calls.ReadTx) error {
		v, err := tx.RecordingVersion(account, ref.RecordingID, max(ref.Version, 1))
		if errors.Is(err, calls.ErrNotFound) {
			rec, err := tx.Recording(account, ref.RecordingID)
			if err != nil {
				return err
			}
			v = rec.Upload()
		} else if err != nil {
			return err
		}
		if v.SHA256 == ref.SHA256 {
			said, voice = v.Text, v.Voice
		}
		return nil
	})
	if errors.Is(err, calls.ErrNotFound) {
		return "", "", nil
	}
	return said, voice, err
}

// removing is a client of a brand that can take calls back.
type removing struct{ *Client }

var _ providers.Canceler = removing{}

// Cancel implements providers.Canceler: remove.
func (c removing) Cancel(ctx context.Context, r calls.PlaceRequest, placed calls.PlaceResult) error {
	id, err := strconv.ParseInt(placed.ProviderCallID, 10, 64)
	if err != nil {
		return errors.New("the provider has not named its call yet")
	}
	body, err := json.Marshal(map[string]any{"idList": []int64{id}})
	if err != nil {
		return err
	}
	_, err = c.Call(providers.Labelled(ctx, providers.Label{Account: r.Account, Correlation: r.CallID}), "remove", body)
	return err
}
