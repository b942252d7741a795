package outbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// configuredID is the id of a webhook of the configuration file: the same for
// the same account, kind and URL, so that its place in the log survives restarts.
func configuredID(account, kind, rawURL string) string {
	name := account + "\x00" + rawURL
	if kind != "" && kind != calls.KindWebhook {
		name += "\x00" + kind
	}
	sum := sha256.Sum256([]byte(name))
	return "wh_cfg_" + hex.EncodeToString(sum[:12])
}

// SecretOverlap is how long the old secret of a webhook signs beside a new one
// where nobody says otherwise.
const SecretOverlap = 24 * time.Hour

// configFault names the key of the configuration that err is about.
func configFault(i int, err error) error {
	var known *calls.Error
	if !errors.As(err, &known) {
		return fmt.Errorf("webhooks[%d]: %w", i, err)
	}
	key := ""
	if len(known.Fields) > 0 {
		key = strings.TrimPrefix(known.Fields[0].Location, "body")
	}
	return fmt.Errorf("webhooks[%d]%s: %s", i, key, known.Detail)
}

// EnsureConfigured makes the webhooks of the configuration file be what list
// says (Kind, URL, Secret, Settings, Types, Account): new ones start at the present end of the
// log, those that went away are disabled, and of those that got another secret
// the old one signs too for SecretOverlap. It may be called again on a reload.
func (o *Outbox) EnsureConfigured(ctx context.Context, list []calls.Webhook) error {
	now := o.cfg.Clock.Now()
	want := make(map[string]*calls.Webhook, len(list))
	for i, w := range list {
		u, err := url.Parse(w.URL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("webhooks[%d].url must be an http:// or https:// URL", i)
		}
		if err := o.Check(&w); err != nil {
			return configFault(i, err)
		}
		if w.Account == "" {
			w.Account = calls.MainAccount
		}
		w.ID, w.CallID, w.FromConfig, w.Disabled, w.CreatedAt = configuredID(w.Account, w.Kind, w.URL), "", true, false, now
		if want[w.ID] != nil {
			return fmt.Errorf("webhooks[%d].url is listed twice", i)
		}
		want[w.ID] = &w
	}
	return o.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		have, err := tx.Webhooks("")
		if err != nil {
			return err
		}
		for _, old := range have {
			if old.FromConfig && want[old.ID] == nil && !old.Disabled {
				old.Disabled = true
				if err := tx.PutWebhook(old); err != nil {
					return err
				}
			}
		}
		for id, w := range want {
			old, err := tx.Webhook("", id)
			switch {
			case err == nil:
				w.CreatedAt = old.CreatedAt
				w.OldSecret, w.OldSecretUntil = old.OldSecret, old.OldSecretUntil
				if old.Secret != w.Secret {
					w.OldSecret, w.OldSecretUntil = old.Secret, now.Add(SecretOverlap)
				}
			case !errors.Is(err, calls.ErrNotFound):
				return err
			}
			if err := tx.PutWebhook(w); err != nil {
				return err
			}
		}
		return nil
	})
}
