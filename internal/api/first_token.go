package api

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/outbox"
)

// AdminTokenFile is the name, in the data directory, of the token that a
// loopback daemon makes for itself.
const AdminTokenFile = "admin.token"

// ConfigToken is a token of the configuration file.
type ConfigToken struct {
	Name      string
	Token     string
	Roles     []calls.Permission
	Account   string   // "": main
	AllowFrom []string // prefixes; empty: anywhere
}

// SyncConfigTokens makes the store know the configuration's tokens, and revokes
// those that were taken out of it. Call it at start and after a reload.
func SyncConfigTokens(ctx context.Context, store calls.Store, c clock.Clock, tokens []ConfigToken) error {
	now := c.Now()
	return store.Update(ctx, func(tx calls.Tx) error {
		known, err := tx.Tokens()
		if err != nil {
			return err
		}
		for _, ct := range tokens {
			t, change := configToken(ct, known, now)
			if err := errors.Join(tx.PutToken(t), auditConfig(tx, t, change, now)); err != nil {
				return err
			}
		}
		for _, t := range known {
			gone := !slices.ContainsFunc(tokens, func(ct ConfigToken) bool { return configTokenID(ct.Name) == t.ID })
			if t.FromConfig && gone && t.RevokedAt == nil {
				t.RevokedAt = &now
				if err := errors.Join(tx.PutToken(t), auditConfig(tx, t, "token.revoke", now)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// auditConfig notes what the configuration file changed; "" is nothing.
func auditConfig(tx calls.Tx, t *calls.Token, change string, now time.Time) error {
	if change == "" {
		return nil
	}
	return tx.Audit(calls.AuditEntry{Account: t.Account, Actor: "configuration", Action: change, Object: t.ID, At: now, Detail: tokenDetail(t)})
}

func configTokenID(name string) string { return "tok_config_" + name }

// configToken is the token of the file, and what is new about it: "token.create",
// "token.change", or "".
func configToken(ct ConfigToken, known []*calls.Token, now time.Time) (t *calls.Token, change string) {
	account := ct.Account
	if account == "" {
		account = calls.MainAccount
	}
	t = &calls.Token{ID: configTokenID(ct.Name), Account: account, AllowFrom: ct.AllowFrom, Name: ct.Name, Roles: ct.Roles, Prefix: prefixOf(ct.Token),
		Hash: HashToken(ct.Token), WebhookSecret: outbox.TokenSecret(ct.Token), CreatedAt: now, FromConfig: true}
	change = "token.create"
	for _, old := range known {
		if old.ID != t.ID {
			continue
		}
		t.CreatedAt, change = old.CreatedAt, ""
		if old.Hash != t.Hash || old.RevokedAt != nil || old.Account != t.Account || tokenDetail(old) != tokenDetail(t) {
			change = "token.change"
		}
	}
	return t, change
}

// prefixOf is the part of a token that may be shown: enough of a long one to
// recognise it, nothing of a short one.
func prefixOf(plain string) string {
	if len(plain) < 24 {
		return ""
	}
	return plain[:7]
}

// FirstToken is what EnsureFirstToken must know.
type FirstToken struct {
	Listen  string // of the API
	TLS     bool
	DataDir string
	Clock   clock.Clock
	IDs     *clock.IDs
}

// EnsureFirstToken applies the first-token rule (DESIGN 4.2), after
// SyncConfigTokens: a loopback daemon that knows no token gets one admin token,
// written to DataDir/admin.token (0600) with its hash in the store. path is that
// file where it was written now. A daemon on another address without tokens or
// without TLS is refused.
func EnsureFirstToken(ctx context.Context, store calls.Store, f FirstToken) (path string, err error) {
	tokens, err := allTokens(ctx, store)
	if err != nil {
		return "", err
	}
	now := f.Clock.Now()
	usable := slices.ContainsFunc(tokens, func(t *calls.Token) bool { return t.Usable(now) })
	if !IsLoopback(f.Listen) {
		switch {
		case !usable:
			return "", fmt.Errorf("http.listen is %s, which others can reach, and there are no tokens: add tokens to the configuration, or listen on 127.0.0.1", f.Listen)
		case !f.TLS:
			return "", fmt.Errorf("http.listen is %s, which others can reach, without TLS: set http.tls.cert and http.tls.key, or listen on 127.0.0.1 behind a proxy that has TLS", f.Listen)
		}
		return "", nil
	}
	if usable {
		return "", nil
	}
	path = filepath.Join(f.DataDir, AdminTokenFile)
	return path, makeAdminToken(ctx, store, f, path, tokens)
}

// makeAdminToken writes the file first: a crash between file and store leaves a
// file that opens nothing, and the next start makes another.
func makeAdminToken(ctx context.Context, store calls.Store, f FirstToken, path string, known []*calls.Token) error {
	plain := NewToken()
	if err := writePrivate(path, plain+"\n"); err != nil {
		return fmt.Errorf("the first admin token cannot be written: %w", err)
	}
	now := f.Clock.Now()
	t := &calls.Token{ID: f.IDs.New("tok_"), Account: calls.MainAccount, Name: AdminTokenFile, Roles: []calls.Permission{calls.PermAdmin},
		Prefix: prefixOf(plain), Hash: HashToken(plain), WebhookSecret: outbox.TokenSecret(plain), CreatedAt: now}
	return store.Update(ctx, func(tx calls.Tx) error {
		if err := tx.PutToken(t); err != nil {
			return err
		}
		return tx.Audit(calls.AuditEntry{Account: t.Account, Actor: "zvonar", Action: "token.first", Object: t.ID, At: now,
			Detail: fmt.Sprintf("no usable token among %d", len(known))})
	})
}

// writePrivate replaces a file in one step, readable by its owner only.
func writePrivate(path, content string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".token-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if _, err := tmp.WriteString(content); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
