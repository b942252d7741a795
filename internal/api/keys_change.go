package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// keyLetters are what made names and secrets consist of; every dialect can carry them.
const keyLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// made is a new value of a key: as the kind makes it, or 32 random letters and digits.
func made(by func() string) string {
	if by != nil {
		return by()
	}
	b := make([]byte, 32)
	for i := range b {
		n, _ := rand.Int(rand.Reader, big.NewInt(int64(len(keyLetters)))) // never fails (crypto/rand)
		b[i] = keyLetters[n.Int64()]
	}
	return string(b)
}

// fillKey makes the secret of a key where it has none, and what its kind keeps besides.
func fillKey(k *calls.FacadeKey, form KeyForm) (shown map[string]string, err error) {
	if k.Secret == "" {
		k.Secret = made(form.Secret)
	}
	if len(k.Secret) < leastKeySecret || !calls.Printable(k.Secret) {
		return nil, calls.Errorf(calls.CodeInvalidField, "a secret has at least %d characters and no control characters", leastKeySecret).At("body.secret", nil)
	}
	if form.Extra == nil {
		return map[string]string{}, nil
	}
	shown, err = form.Extra(k)
	if shown == nil {
		shown = map[string]string{}
	}
	return shown, err
}

// chooseKey takes what was chosen over into k and checks it.
func (s *Server) chooseKey(ctx context.Context, k *calls.FacadeKey, b KeyChange, form KeyForm) error {
	for location, text := range map[string]string{"body.name": b.Name, "body.public": k.Public} {
		if !calls.Printable(text) || text == "" {
			return calls.Errorf(calls.CodeInvalidField, "is needed, without control characters").At(location, nil)
		}
	}
	from, err := allowFrom(b.AllowFrom)
	if err != nil {
		return err
	}
	k.Name, k.Roles, k.AllowFrom = b.Name, b.Roles, from
	if len(k.Roles) == 0 {
		k.Roles = []calls.Permission{calls.PermCaller}
	}
	if len(from) == 0 {
		k.AllowFrom = nil
	}
	switch {
	case b.EventsURL == "":
		if len(b.EventsSettings) > 0 {
			return calls.Errorf(calls.CodeInvalidField, "settings of events need events_url").At("body.events_settings", nil)
		}
		return nil
	case !form.Events:
		return calls.Errorf(calls.CodeInvalidField, "events are not sent in the dialect of this kind").At("body.events_url", nil)
	case !calls.Printable(b.EventsURL):
		return calls.Errorf(calls.CodeInvalidField, "control characters are not allowed here").At("body.events_url", nil)
	}
	var object map[string]json.RawMessage
	if len(b.EventsSettings) > 0 && json.Unmarshal(b.EventsSettings, &object) != nil {
		return calls.Errorf(calls.CodeInvalidField, "must be an object").At("body.events_settings", nil)
	}
	return s.checkURL(ctx, b.EventsURL, "body.events_url")
}

// saveKey writes a key, the destination that follows it, and the audit entry.
func (s *Server) saveKey(ctx context.Context, action string, k *calls.FacadeKey, b KeyChange, fresh bool) (w *calls.Webhook, err error) {
	err = s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		if err := tx.PutFacadeKey(k); err != nil {
			return err
		}
		hooks, err := tx.Webhooks(k.Account)
		if err != nil {
			return err
		}
		if fresh && b.EventsURL != "" && len(hooks) >= maxWebhooks {
			return calls.Errorf(calls.CodeWrongState, "there are %d destinations of events already; delete one first", len(hooks))
		}
		if w, err = s.follow(tx, k, hookOf(hooks, k), b); err != nil {
			return err
		}
		return s.auditKey(ctx, tx, action, k, b.EventsURL)
	})
	return w, err
}

// follow makes the destination of a key's events what was chosen; nil: there is none.
func (s *Server) follow(tx calls.Tx, k *calls.FacadeKey, w *calls.Webhook, b KeyChange) (*calls.Webhook, error) {
	switch {
	case b.EventsURL == "" && w == nil:
		return nil, nil
	case b.EventsURL == "":
		return nil, tx.DeleteWebhook(w.Account, w.ID)
	case w == nil && s.excludes(k.Account, k.Kind) != "":
		return nil, calls.Errorf(calls.CodeWrongState, "%s", s.excludes(k.Account, k.Kind)).At("body.events_url", b.EventsURL)
	case w == nil:
		w = &calls.Webhook{ID: s.cfg.IDs.New("wh_"), Kind: k.Kind, Account: k.Account, Key: k.ID, CreatedAt: s.clock.Now()}
	}
	w.URL, w.Settings, w.Disabled, w.DisabledReason = b.EventsURL, b.EventsSettings, false, ""
	return w, tx.PutWebhook(w)
}

// excludes says why an account may have no destination of a kind; "": it may.
func (s *Server) excludes(account, kind string) string {
	if s.cfg.Excludes == nil {
		return ""
	}
	return s.cfg.Excludes(account, kind)
}

func (s *Server) auditKey(ctx context.Context, tx calls.Tx, action string, k *calls.FacadeKey, eventsURL string) error {
	actor := requestOf(ctx).token
	entry := calls.AuditEntry{Account: k.Account, Actor: actor.Name, Action: action, Object: k.ID, At: s.clock.Now(),
		Detail: "kind=" + k.Kind + " name=" + k.Name + " public=" + k.Public + " roles=" + strings.ReplaceAll(rolesText(k.Roles), ", ", ",")}
	if actor.Account != k.Account {
		entry.Actor += " of " + actor.Account
	}
	if len(k.AllowFrom) > 0 {
		entry.Detail += " allow_from=" + strings.Join(k.AllowFrom, ",")
	}
	if eventsURL != "" {
		entry.Detail += " events=yes"
	}
	return tx.Audit(entry)
}

// usableKey finds a key that may be changed.
func (s *Server) usableKey(ctx context.Context, id string) (k *calls.FacadeKey, err error) {
	err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		k, err = keyFor(ctx, tx, id)
		return err
	})
	if err == nil && k.RevokedAt != nil {
		err = calls.Errorf(calls.CodeWrongState, "this key is revoked already; issue another one")
	}
	return k, err
}

type putKeyInput struct {
	KeyPath
	Body KeyChange `nameHint:"KeyChangeRequest"`
}

func (s *Server) putKey(ctx context.Context, in *putKeyInput) (*keyOutput, error) {
	k, err := s.usableKey(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.chooseKey(ctx, k, in.Body, s.cfg.KeyForms[k.Kind]); err != nil {
		return nil, err
	}
	w, err := s.saveKey(ctx, "key.change", k, in.Body, false)
	if err != nil {
		return nil, err
	}
	return &keyOutput{Body: viewKey(k, w)}, nil
}

type rotateKeyInput struct {
	KeyPath
	Body *struct {
		Overlap string `json:"overlap,omitempty" maxLength:"20" doc:"how long the old secret still works, 0s to 720h; 24h where left out" example:"24h"`
		Secret  string `json:"secret,omitempty" maxLength:"256" doc:"made for you where left out"`
	} `nameHint:"KeyRotation"`
}

func (s *Server) rotateKey(ctx context.Context, in *rotateKeyInput) (*newKeyOutput, error) {
	overlap, secret := rotationOverlap, ""
	if in.Body != nil {
		secret = in.Body.Secret
		if in.Body.Overlap != "" {
			var f faults
			overlap = duration(in.Body.Overlap, "body.overlap", 0, 720*time.Hour, &f)
			if err := f.err(); err != nil {
				return nil, err
			}
		}
	}
	k, err := s.usableKey(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	k.OldSecret, k.OldSecretUntil, k.Secret = k.Secret, s.clock.Now().Add(overlap), secret
	shown, err := fillKey(k, s.cfg.KeyForms[k.Kind])
	if err != nil {
		return nil, err
	}
	var w *calls.Webhook
	err = s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		hooks, err := tx.Webhooks(k.Account)
		w = hookOf(hooks, k)
		return errors.Join(err, tx.PutFacadeKey(k), s.auditKey(ctx, tx, "key.rotate", k, ""))
	})
	if err != nil {
		return nil, err
	}
	return &newKeyOutput{Body: NewKeyResource{KeyResource: viewKey(k, w), Secret: k.Secret, Shown: shown}}, nil
}

func (s *Server) revokeKey(ctx context.Context, in *KeyPath) (*struct{}, error) {
	k, err := s.usableKey(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	k.RevokedAt = &now
	return nil, s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		hooks, err := tx.Webhooks(k.Account)
		if err != nil {
			return err
		}
		if w := hookOf(hooks, k); w != nil {
			w.Disabled, w.DisabledReason = true, "its key was revoked"
			if err := tx.PutWebhook(w); err != nil {
				return err
			}
		}
		return errors.Join(tx.PutFacadeKey(k), s.auditKey(ctx, tx, "key.revoke", k, ""))
	})
}
