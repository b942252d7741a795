package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
)

// rotationOverlap is how long the old secret still works after a rotation where
// the request does not say.
const rotationOverlap = 24 * time.Hour

func (s *Server) declareTokens() {
	register(s, calls.PermAdmin, huma.Operation{OperationID: "list-tokens", Method: http.MethodGet, Path: "/v1/tokens",
		Summary: "List tokens", Tags: []string{"tokens"}}, s.listTokens)
	register(s, calls.PermAdmin, huma.Operation{OperationID: "create-token", Method: http.MethodPost, Path: "/v1/tokens",
		Summary: "Make a token; its secret is shown once", DefaultStatus: http.StatusCreated, Tags: []string{"tokens"}}, s.createToken)
	register(s, calls.PermAdmin, huma.Operation{OperationID: "rotate-token", Method: http.MethodPost, Path: "/v1/tokens/{id}/rotate",
		Summary: "Make a successor; the old secret works a while longer", DefaultStatus: http.StatusCreated, Tags: []string{"tokens"}}, s.rotateToken)
	register(s, calls.PermAdmin, huma.Operation{OperationID: "revoke-token", Method: http.MethodDelete, Path: "/v1/tokens/{id}",
		Summary: "Revoke a token at once", Tags: []string{"tokens"}}, s.revokeToken)
}

type tokenListOutput struct{ Body List[TokenResource] }

type listTokensInput struct {
	Page
	Account string `query:"account" maxLength:"64" doc:"of this account; another than your own needs an admin token of main"`
}

func (s *Server) listTokens(ctx context.Context, in *listTokensInput) (*tokenListOutput, error) {
	account, err := s.tokenAccount(ctx, in.Account, "query.account")
	if err != nil {
		return nil, err
	}
	all, err := allTokens(ctx, s.cfg.Store)
	if err != nil {
		return nil, err
	}
	rows := slices.DeleteFunc(all, func(t *calls.Token) bool {
		return t.Account != account || (in.Cursor != "" && t.ID >= in.Cursor)
	})
	slices.SortFunc(rows, func(a, b *calls.Token) int { return strings.Compare(b.ID, a.ID) })
	rows = rows[:min(len(rows), in.size())]
	return &tokenListOutput{Body: listOf(rows, in.size(), viewToken, func(t *calls.Token) string { return t.ID })}, nil
}

// tokenAccount is the account whose tokens a request is about. Who asks is an
// admin; only those of main may name another account than their own, and to
// anybody else another account looks like one that is not there.
func (s *Server) tokenAccount(ctx context.Context, asked, location string) (string, error) {
	own := accountOf(ctx)
	switch {
	case asked == "" || asked == own:
		return own, nil
	case own == calls.MainAccount && slices.Contains(s.cfg.Accounts, asked):
		return asked, nil
	}
	return "", calls.Errorf(calls.CodeInvalidField, "there is no account of this name").At(location, asked)
}

// mayChange reports whether the asker, an admin, may change a token: his own
// account's, or as an admin of main anybody's.
func mayChange(ctx context.Context, t *calls.Token) bool {
	own := accountOf(ctx)
	return t.Account == own || own == calls.MainAccount
}

type createTokenInput struct {
	Body struct {
		Name      string             `json:"name" minLength:"1" maxLength:"64"`
		Roles     []calls.Permission `json:"roles" minItems:"1" maxItems:"5" nullable:"false" enum:"viewer,caller,moderator,operator,admin"`
		ExpiresAt *time.Time         `json:"expires_at,omitempty"`
		Account   string             `json:"account,omitempty" maxLength:"64" doc:"whose data it sees: your own account's where left out; another needs an admin token of main"`
		AllowFrom []string           `json:"allow_from,omitempty" maxItems:"32" nullable:"false" doc:"networks it may be used from; anywhere where left out" example:"[\"192.0.2.0/24\"]"`
	} `nameHint:"TokenRequest"`
}

type newTokenOutput struct{ Body NewTokenResource }

func (s *Server) createToken(ctx context.Context, in *createTokenInput) (*newTokenOutput, error) {
	now := s.clock.Now()
	if !calls.Printable(in.Body.Name) {
		return nil, calls.Errorf(calls.CodeInvalidField, "control characters are not allowed here").At("body.name", nil)
	}
	if e := in.Body.ExpiresAt; e != nil && !e.After(now) {
		return nil, calls.Errorf(calls.CodeInvalidField, "must be in the future").At("body.expires_at", e)
	}
	account, err := s.tokenAccount(ctx, in.Body.Account, "body.account")
	if err != nil {
		return nil, err
	}
	from, err := allowFrom(in.Body.AllowFrom)
	if err != nil {
		return nil, err
	}
	plain, t := s.mint(account, in.Body.Name, in.Body.Roles, now)
	t.ExpiresAt, t.AllowFrom = in.Body.ExpiresAt, from
	if err := s.changeTokens(ctx, "token.create", func(tx calls.Tx) (*calls.Token, error) { return t, tx.PutToken(t) }); err != nil {
		return nil, err
	}
	return &newTokenOutput{Body: NewTokenResource{TokenResource: viewToken(t), Token: plain}}, nil
}

// allowFrom is the normal form of networks that were asked for.
func allowFrom(asked []string) ([]string, error) {
	out := make([]string, 0, len(asked))
	for i, s := range asked {
		at := "body.allow_from[" + strconv.Itoa(i) + "]"
		list, err := networks([]string{s})
		switch {
		case err != nil:
			return nil, calls.Errorf(calls.CodeInvalidField, "must be a network like 192.0.2.0/24, or an address").At(at, s)
		case list[0].Bits() == 0:
			return nil, calls.Errorf(calls.CodeInvalidField, "is everybody; leave allow_from out for that").At(at, s)
		}
		out = append(out, list[0].String())
	}
	return out, nil
}

// mint makes a token and its secret.
func (s *Server) mint(account, name string, roles []calls.Permission, now time.Time) (plain string, t *calls.Token) {
	plain = NewToken()
	return plain, &calls.Token{ID: s.cfg.IDs.New("tok_"), Account: account, Name: name, Roles: roles, Prefix: prefixOf(plain),
		Hash: HashToken(plain), WebhookSecret: outbox.TokenSecret(plain), CreatedAt: now}
}

// changeTokens runs a change with its audit entry, in the account of the token;
// the next request sees it.
func (s *Server) changeTokens(ctx context.Context, action string, change func(calls.Tx) (*calls.Token, error)) error {
	defer s.tokens.forget()
	now, actor := s.clock.Now(), requestOf(ctx).token
	return s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		t, err := change(tx)
		if err != nil {
			return err
		}
		entry := calls.AuditEntry{Account: t.Account, Actor: actor.Name, Action: action, Object: t.ID, At: now, Detail: tokenDetail(t)}
		if actor.Account != t.Account {
			entry.Actor += " of " + actor.Account
		}
		return tx.Audit(entry)
	})
}

// tokenDetail is what an audit entry tells of a token.
func tokenDetail(t *calls.Token) string {
	detail := fmt.Sprintf("name=%s roles=%s", t.Name, strings.ReplaceAll(rolesText(t.Roles), ", ", ","))
	if len(t.AllowFrom) > 0 {
		detail += " allow_from=" + strings.Join(t.AllowFrom, ",")
	}
	if t.ExpiresAt != nil {
		detail += " expires_at=" + t.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return detail
}

// TokenPath names the token a request is about.
type TokenPath struct {
	ID string `path:"id" maxLength:"128"`
}

type rotateTokenInput struct {
	TokenPath
	Body *struct {
		Overlap string `json:"overlap,omitempty" maxLength:"20" doc:"how long the old secret still works, 0s to 720h; 24h where left out" example:"24h"`
	} `nameHint:"Rotation"`
}

func (s *Server) rotateToken(ctx context.Context, in *rotateTokenInput) (*newTokenOutput, error) {
	overlap := rotationOverlap
	if in.Body != nil && in.Body.Overlap != "" {
		var f faults
		overlap = duration(in.Body.Overlap, "body.overlap", 0, 720*time.Hour, &f)
		if err := f.err(); err != nil {
			return nil, err
		}
	}
	now := s.clock.Now()
	var plain string
	var next *calls.Token
	err := s.changeTokens(ctx, "token.rotate", func(tx calls.Tx) (*calls.Token, error) {
		old, err := changeable(ctx, tx, in.ID, now)
		if err != nil {
			return nil, err
		}
		plain, next = s.mint(old.Account, old.Name, old.Roles, now)
		next.ExpiresAt, next.AllowFrom = old.ExpiresAt, old.AllowFrom
		end := now.Add(overlap)
		if old.ExpiresAt == nil || end.Before(*old.ExpiresAt) {
			old.ExpiresAt = &end
		}
		return old, errors.Join(tx.PutToken(old), tx.PutToken(next))
	})
	if err != nil {
		return nil, err
	}
	return &newTokenOutput{Body: NewTokenResource{TokenResource: viewToken(next), Token: plain}}, nil
}

func (s *Server) revokeToken(ctx context.Context, in *TokenPath) (*struct{}, error) {
	now := s.clock.Now()
	return nil, s.changeTokens(ctx, "token.revoke", func(tx calls.Tx) (*calls.Token, error) {
		t, err := changeable(ctx, tx, in.ID, now)
		if err != nil {
			return nil, err
		}
		if err := anotherAdmin(tx, t, now); err != nil {
			return nil, err
		}
		t.RevokedAt = &now
		return t, tx.PutToken(t)
	})
}

// anotherAdmin refuses to let the last admin token of main go: it could make all
// the others.
func anotherAdmin(tx calls.ReadTx, t *calls.Token, now time.Time) error {
	if t.Account != calls.MainAccount || !t.May(calls.PermAdmin) {
		return nil
	}
	all, err := tx.Tokens()
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.ID != t.ID && o.Account == t.Account && o.Usable(now) && o.May(calls.PermAdmin) {
			return nil
		}
	}
	return calls.Errorf(calls.CodeWrongState, "this is the last admin token; make another one first, or nobody could make tokens any more")
}

// changeable finds a usable token that the asker may change by the API.
func changeable(ctx context.Context, tx calls.ReadTx, id string, now time.Time) (*calls.Token, error) {
	t, err := tx.Token("", id)
	switch {
	case err != nil:
		return nil, err
	case !mayChange(ctx, t):
		return nil, calls.ErrNotFound
	case t.FromConfig:
		return nil, calls.Errorf(calls.CodeWrongState, "this token is in the configuration file; change it there and restart")
	case !t.Usable(now):
		return nil, calls.Errorf(calls.CodeWrongState, "this token is revoked or expired already")
	}
	return t, nil
}
