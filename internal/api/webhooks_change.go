package api

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
)

// What one replay may do: events made due, and events of the log looked at.
const (
	maxReplay     = 10_000
	maxReplayScan = 200_000
	replayPage    = 500
)

type changeWebhookInput struct {
	WebhookPath
	Body struct {
		URL      string   `json:"url" minLength:"1" maxLength:"2048"`
		Types    []string `json:"types,omitempty" maxItems:"64" nullable:"false" doc:"event types; all where left out"`
		Disabled bool     `json:"disabled,omitempty" doc:"true: nothing is sent and what waits stays; false enables it again, from the present end of the log on"`

		Settings json.RawMessage `json:"settings,omitempty" doc:"what the kind keeps of the destination; as it was where left out"`
	} `nameHint:"WebhookChange"`
}

type webhookOutput struct{ Body WebhookResource }

// putWebhook replaces what may be changed of a webhook.
func (s *Server) putWebhook(ctx context.Context, in *changeWebhookInput) (*webhookOutput, error) {
	types, err := eventTypes(in.Body.Types)
	if err != nil {
		return nil, err
	}
	old, err := s.webhookOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if in.Body.URL != old.URL {
		if err := s.checkHookURL(ctx, in.Body.URL); err != nil {
			return nil, err
		}
	}
	var out WebhookResource
	err = s.changeWebhook(ctx, "webhook.change", in.ID, func(tx calls.Tx, w *calls.Webhook) error {
		w.URL, w.Types, w.Disabled, w.DisabledReason = in.Body.URL, types, in.Body.Disabled, ""
		if !empty(in.Body.Settings) {
			w.Settings = in.Body.Settings
		}
		if err := s.checkHook(w); err != nil {
			return err
		}
		if w.Disabled {
			w.DisabledReason = "switched off by " + actorOf(ctx)
		}
		if err := tx.PutWebhook(w); err != nil {
			return err
		}
		health, err := healthOf(tx, w)
		out = viewWebhook(w, health)
		return err
	})
	return &webhookOutput{Body: out}, err
}

// webhookOf is a webhook of the asker's account.
func (s *Server) webhookOf(ctx context.Context, id string) (w *calls.Webhook, err error) {
	err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		w, err = tx.Webhook(accountOf(ctx), id)
		return err
	})
	return w, err
}

// changeWebhook runs a change of a webhook that is not the configuration's, with
// its audit entry.
func (s *Server) changeWebhook(ctx context.Context, action, id string, change func(calls.Tx, *calls.Webhook) error) error {
	account := accountOf(ctx)
	return s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		w, err := tx.Webhook(account, id)
		switch {
		case err != nil:
			return err
		case w.FromConfig:
			return calls.Errorf(calls.CodeWrongState, "this webhook is in the configuration file; change it there and restart")
		}
		if err := change(tx, w); err != nil {
			return err
		}
		return tx.Audit(calls.AuditEntry{Account: account, Actor: actorOf(ctx), Action: action, Object: id, At: s.clock.Now()})
	})
}

type rotateWebhookInput struct {
	WebhookPath
	Body *struct {
		Overlap string `json:"overlap,omitempty" maxLength:"20" doc:"how long the old secret signs too, 0s to 720h; 24h where left out" example:"24h"`
		Secret  string `json:"secret,omitempty" maxLength:"200" doc:"the new one; made for you where left out. Kinds other than webhook need theirs"`
	} `nameHint:"WebhookRotation"`
}

// rotateWebhook gives a webhook a new secret; the old one signs beside it for a
// while.
func (s *Server) rotateWebhook(ctx context.Context, in *rotateWebhookInput) (*newWebhookOutput, error) {
	overlap := outbox.SecretOverlap
	if in.Body != nil && in.Body.Overlap != "" {
		var f faults
		overlap = duration(in.Body.Overlap, "body.overlap", 0, 720*time.Hour, &f)
		if err := f.err(); err != nil {
			return nil, err
		}
	}
	var out NewWebhookResource
	err := s.changeWebhook(ctx, "webhook.rotate", in.ID, func(tx calls.Tx, w *calls.Webhook) error {
		w.OldSecret, w.OldSecretUntil = w.Secret, s.clock.Now().Add(overlap)
		if w.Secret = newWebhookSecret(); in.Body != nil && in.Body.Secret != "" {
			w.Secret = in.Body.Secret
		} else if !isWebhook(w) {
			return calls.Errorf(calls.CodeInvalidField, "bring the new key of this destination: none can be made here").At("body.secret", nil)
		}
		if err := s.checkHook(w); err != nil {
			return err
		}
		health, err := healthOf(tx, w)
		if err != nil {
			return err
		}
		out = NewWebhookResource{WebhookResource: viewWebhook(w, health), Secret: w.Secret}
		return tx.PutWebhook(w)
	})
	return &newWebhookOutput{Body: out}, err
}

type replayInput struct {
	WebhookPath
	Body struct {
		From text     `json:"from,omitempty" doc:"position in the log, or time like 2026-11-21T12:00:00Z: events from there on"`
		To   text     `json:"to,omitempty" doc:"position in the log, or time: events before it; the present end of the log where left out"`
		IDs  []string `json:"ids,omitempty" maxItems:"500" nullable:"false" doc:"ids of events, instead of from and to"`
	} `nameHint:"Replay"`
}

// ReplayResource tells what a replay did.
type ReplayResource struct {
	Replayed int      `json:"replayed" doc:"events that are due again"`
	Unknown  []string `json:"unknown,omitempty" doc:"ids that no event of the account in the log has"`
	Next     *int64   `json:"next" doc:"where to go on (as from): one request makes at most 10000 events due; null where all are"`
}

type replayOutput struct{ Body ReplayResource }

// replay makes events due again for a webhook, whether they were delivered,
// given up, or never on their way to it, as long as they are in the log.
func (s *Server) replay(ctx context.Context, in *replayInput) (*replayOutput, error) {
	w, err := s.webhookOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	byRange := in.Body.From != "" || in.Body.To != ""
	if byRange == (len(in.Body.IDs) > 0) || (byRange && in.Body.From == "") {
		return nil, calls.Errorf(calls.CodeInvalidField, "name events by ids, or by from with or without to").At("body", nil)
	}
	var out ReplayResource
	if byRange {
		out, err = s.replayRange(ctx, w, string(in.Body.From), string(in.Body.To))
	} else {
		out, err = s.replayIDs(ctx, w, in.Body.IDs)
	}
	if err != nil {
		return nil, err
	}
	return &replayOutput{Body: out}, nil
}

// replayUnit makes a few events due again, with an audit entry.
func (s *Server) replayUnit(ctx context.Context, w *calls.Webhook, list []calls.LogEntry) (n int, err error) {
	var wanted []calls.LogEntry
	for _, e := range list {
		if e.Account == w.Account && w.Wants(e.Type) && (w.CallID == "" || w.CallID == e.CallID) {
			wanted = append(wanted, e)
		}
	}
	if len(wanted) == 0 {
		return 0, nil
	}
	now := s.clock.Now()
	err = s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		if n, err = tx.ReplayDeliveries(w.ID, wanted, now); err != nil {
			return err
		}
		return tx.Audit(calls.AuditEntry{Account: w.Account, Actor: actorOf(ctx), Action: "webhook.replay", Object: w.ID, At: now,
			Detail: strconv.Itoa(n) + " events from position " + strconv.FormatInt(wanted[0].Pos, 10)})
	})
	return n, err
}

func (s *Server) replayIDs(ctx context.Context, w *calls.Webhook, ids []string) (out ReplayResource, err error) {
	var list []calls.LogEntry
	err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		list, err = tx.EventPositions(w.Account, ids)
		return err
	})
	if err != nil {
		return out, err
	}
	for _, id := range ids {
		if !slices.ContainsFunc(list, func(e calls.LogEntry) bool { return e.ID == id }) {
			out.Unknown = append(out.Unknown, id)
		}
	}
	out.Replayed, err = s.replayUnit(ctx, w, list)
	return out, err
}

// place is a position of the log or a time in it.
type place struct {
	pos int64
	at  time.Time // zero: pos counts
}

// placeOf reads a place.
func placeOf(value, location string) (p place, err error) {
	if p.pos, err = strconv.ParseInt(value, 10, 64); err == nil && p.pos >= 0 {
		return p, nil
	}
	if p.at, err = time.Parse(time.RFC3339, value); err == nil {
		return p, nil
	}
	return p, calls.Errorf(calls.CodeInvalidField, "must be a position of the log or a time like 2026-11-21T12:00:00Z").At(location, value)
}

// disorder is how far events may stand from their time in the log.
const disorder = time.Minute

// bounds are the positions between which everything from from until before to
// stands, perhaps among others.
func (s *Server) bounds(ctx context.Context, from, to place) (first, end int64, err error) {
	err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		last, err := tx.LastPos()
		if err != nil {
			return err
		}
		first, end = from.pos, last+1
		if !from.at.IsZero() {
			if first, err = tx.PosAt(from.at.Add(-disorder)); err != nil {
				return err
			}
		}
		switch {
		case !to.at.IsZero():
			end, err = tx.PosAt(to.at.Add(disorder))
		case to.pos > 0:
			end = min(end, to.pos)
		}
		return err
	})
	return first, end, err
}

func (s *Server) replayRange(ctx context.Context, w *calls.Webhook, fromText, toText string) (out ReplayResource, err error) {
	from, err := placeOf(fromText, "body.from")
	if err != nil {
		return out, err
	}
	var to place
	if toText != "" {
		if to, err = placeOf(toText, "body.to"); err != nil {
			return out, err
		}
	}
	pos, end, err := s.bounds(ctx, from, to)
	if err != nil {
		return out, err
	}
	for scanned := 0; pos < end; scanned += replayPage {
		if out.Replayed > maxReplay-replayPage || scanned >= maxReplayScan {
			out.Next = &pos
			return out, nil
		}
		var list, within []calls.LogEntry
		err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
			list, err = tx.LogPage(pos-1, replayPage)
			return err
		})
		if err != nil {
			return out, err
		}
		if len(list) == 0 {
			return out, nil
		}
		for _, e := range list {
			if e.Pos < end && !e.Time.Before(from.at) && (to.at.IsZero() || e.Time.Before(to.at)) {
				within = append(within, e)
			}
		}
		n, err := s.replayUnit(ctx, w, within)
		if err != nil {
			return out, err
		}
		out.Replayed += n
		pos = list[len(list)-1].Pos + 1
	}
	return out, nil
}
