package api

import (
	"context"
	"net/http"
	"slices"
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

func (s *Server) listTokens(ctx context.Context, in *struct{ Page }) (*tokenListOutput, error) {
	all, err := allTokens(ctx, s.cfg.Store)
	if err != nil {
		return nil, err
	}
	account := accountOf(ctx)
	rows := slices.DeleteFunc(all, func(t *calls.Token) bool {
		return t.Account != account || (in.Cursor != "" && t.ID >= in.Cursor)
	})
	slices.SortFunc(rows, func(a, b *calls.Token) int {
		if a.ID > b.ID {
			return -1
		}
		return 1
	})
	rows = rows[:min(len(rows), in.size())]
	return &tokenListOutput{Body: listOf(rows, in.size(), viewToken, func(t *calls.Token) string { return t.ID })}, nil
}

type createTokenInput struct {
	Body struct {
		Name      string             `json:"name" minLength:"1" maxLength:"64"`
		Roles     []calls.Permission `json:"roles" minItems:"1" maxItems:"5" nullable:"false" enum:"viewer,caller,moderator,operator,admin"`
		ExpiresAt *time.Time         `json:"expires_at,omitempty"`
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
	plain, t := s.mint(accountOf(ctx), in.Body.Name, in.Body.Roles, now)
	t.ExpiresAt = in.Body.ExpiresAt
	err := s.changeTokens(ctx, "token.create", t.ID, func(tx calls.Tx) error { return tx.PutToken(t) })
	if err != nil {
		return nil, err
	}
	return &newTokenOutput{Body: NewTokenResource{TokenResource: viewToken(t), Token: plain}}, nil
}

// mint makes a token and its secret.
func (s *Server) mint(account, name string, roles []calls.Permission, now time.Time) (plain string, t *calls.Token) {
	plain = NewToken()
	return plain, &calls.Token{ID: s.cfg.IDs.New("tok_"), Account: account, Name: name, Roles: roles, Prefix: prefixOf(plain),
		Hash: HashToken(plain), WebhookSecret: outbox.TokenSecret(plain), CreatedAt: now}
}

// changeTokens runs a change with its audit entry; the next request sees it.
func (s *Server) changeTokens(ctx context.Context, action, object string, change func(calls.Tx) error) error {
	defer s.tokens.forget()
	entry := calls.AuditEntry{Account: accountOf(ctx), Actor: actorOf(ctx), Action: action, Object: object, At: s.clock.Now()}
	return s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return tx.Audit(entry)
	})
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
	err := s.changeTokens(ctx, "token.rotate", in.ID, func(tx calls.Tx) error {
		old, _, err := changeable(tx, accountOf(ctx), in.ID, now)
		if err != nil {
			return err
		}
		plain, next = s.mint(old.Account, old.Name, old.Roles, now)
		next.ExpiresAt = old.ExpiresAt
		end := now.Add(overlap)
		if old.ExpiresAt == nil || end.Before(*old.ExpiresAt) {
			old.ExpiresAt = &end
		}
		if err := tx.PutToken(old); err != nil {
			return err
		}
		return tx.PutToken(next)
	})
	if err != nil {
		return nil, err
	}
	return &newTokenOutput{Body: NewTokenResource{TokenResource: viewToken(next), Token: plain}}, nil
}

func (s *Server) revokeToken(ctx context.Context, in *TokenPath) (*struct{}, error) {
	now := s.clock.Now()
	return nil, s.changeTokens(ctx, "token.revoke", in.ID, func(tx calls.Tx) error {
		t, all, err := changeable(tx, accountOf(ctx), in.ID, now)
		if err != nil {
			return err
		}
		otherAdmin := slices.ContainsFunc(all, func(o *calls.Token) bool {
			return o.ID != t.ID && o.Account == t.Account && o.Usable(now) && o.May(calls.PermAdmin)
		})
		if t.May(calls.PermAdmin) && !otherAdmin {
			return calls.Errorf(calls.CodeWrongState, "this is the last admin token; make another one first, or nobody could make tokens any more")
		}
		t.RevokedAt = &now
		return tx.PutToken(t)
	})
}

// changeable finds a usable token of the account that the API may change.
func changeable(tx calls.ReadTx, account, id string, now time.Time) (t *calls.Token, all []*calls.Token, err error) {
	all, err = tx.Tokens()
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(all, func(t *calls.Token) bool { return t.ID == id && t.Account == account })
	switch {
	case i < 0:
		return nil, nil, calls.ErrNotFound
	case all[i].FromConfig:
		return nil, nil, calls.Errorf(calls.CodeWrongState, "this token is in the configuration file; change it there and restart")
	case !all[i].Usable(now):
		return nil, nil, calls.Errorf(calls.CodeWrongState, "this token is revoked or expired already")
	}
	return all[i], all, nil
}
