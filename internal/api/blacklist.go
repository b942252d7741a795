package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/internal/numbering"
)

func (s *Server) declareBlacklist() {
	register(s, calls.PermViewer, huma.Operation{OperationID: "list-blacklist", Method: http.MethodGet, Path: "/v1/blacklist",
		Summary: "List blocked numbers", Tags: []string{"blacklist"}}, s.listBlacklist)
	register(s, calls.PermViewer, huma.Operation{OperationID: "get-blacklist", Method: http.MethodGet, Path: "/v1/blacklist/{number}",
		Summary: "Show whether a number is blocked: 404 where it is not", Tags: []string{"blacklist"}}, s.getBlocked)
	register(s, calls.PermOperator, huma.Operation{OperationID: "put-blacklist", Method: http.MethodPut, Path: "/v1/blacklist/{number}",
		Summary: "Block a number: 201 where it is new, 200 where it was blocked already", DefaultStatus: http.StatusCreated, Tags: []string{"blacklist"},
		Responses: map[string]*huma.Response{"200": {Description: "The number was blocked already", Content: map[string]*huma.MediaType{
			"application/json": {Schema: s.schemaOf(reflect.TypeFor[BlockResource]())}}}}}, s.block)
	register(s, calls.PermOperator, huma.Operation{OperationID: "delete-blacklist", Method: http.MethodDelete, Path: "/v1/blacklist/{number}",
		Summary: "Unblock a number", Tags: []string{"blacklist"}}, s.unblock)
	s.declareBlacklistFiles()
}

// NumberPath names the number a request is about.
type NumberPath struct {
	Number string `path:"number" maxLength:"40"`
}

type blockedOutput struct {
	Status int
	Body   BlockResource
}

type blockListOutput struct{ Body List[BlockResource] }

func (s *Server) listBlacklist(ctx context.Context, in *struct{ Page }) (*blockListOutput, error) {
	var rows []calls.BlockEntry
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rows, err = tx.BlockEntries(accountOf(ctx), in.Cursor, in.size())
		return err
	})
	if err != nil {
		return nil, err
	}
	return &blockListOutput{Body: listOf(rows, in.size(), viewBlock, func(b calls.BlockEntry) string { return b.Number + " " + b.Scope })}, nil
}

// blocked reads one entry of the asker's account: of a scope, or "" the widest.
func (s *Server) blocked(ctx context.Context, number, scope string) (entry *calls.BlockEntry, err error) {
	err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		list, err := tx.BlocksOf(accountOf(ctx), number)
		for i := range list {
			if entry == nil && (scope == "" || list[i].Scope == scope) {
				entry = &list[i]
			}
		}
		if err == nil && entry == nil {
			err = calls.ErrNotFound
		}
		return err
	})
	return entry, err
}

func (s *Server) getBlocked(ctx context.Context, in *NumberPath) (*blockedOutput, error) {
	number, err := s.number(in.Number, "path.number")
	if err != nil {
		return nil, err
	}
	entry, err := s.blocked(ctx, number, "")
	if err != nil {
		return nil, err
	}
	return &blockedOutput{Status: http.StatusOK, Body: viewBlock(*entry)}, nil
}

type blockInput struct {
	NumberPath
	Body *struct {
		Reason    string     `json:"reason,omitempty" maxLength:"500"`
		Scope     string     `json:"scope,omitempty" maxLength:"80" default:"account" doc:"account, campaign:ID or number:CALLER: who may not call"`
		ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"until when; for good where left out"`
		Source    string     `json:"source,omitempty" maxLength:"40" doc:"where it comes from, in a word; api where left out"`
	} `nameHint:"Blocking"`
}

// blockEntry is an entry as asked for.
func (s *Server) blockEntry(ctx context.Context, number string, in *blockInput) (calls.BlockEntry, error) {
	entry := calls.BlockEntry{Account: accountOf(ctx), Number: number, Scope: calls.ScopeAccount, Source: "api", CreatedAt: s.clock.Now()}
	if in.Body == nil {
		return entry, nil
	}
	entry.Reason, entry.Source = in.Body.Reason, first(in.Body.Source, entry.Source)
	if in.Body.ExpiresAt != nil {
		entry.ExpiresAt = *in.Body.ExpiresAt
	}
	scope, err := blockScope(in.Body.Scope, s.cfg.Country)
	if err != nil {
		return entry, calls.Errorf(calls.CodeInvalidField, "%v", err).At("body.scope", in.Body.Scope)
	}
	entry.Scope = scope
	switch {
	case !calls.Printable(entry.Reason):
		return entry, calls.Errorf(calls.CodeInvalidField, "control characters are not allowed here").At("body.reason", nil)
	case !calls.Printable(entry.Source):
		return entry, calls.Errorf(calls.CodeInvalidField, "control characters are not allowed here").At("body.source", nil)
	case !entry.ExpiresAt.IsZero() && !entry.ExpiresAt.After(entry.CreatedAt):
		return entry, calls.Errorf(calls.CodeInvalidField, "expires_at is over already").At("body.expires_at", entry.ExpiresAt)
	}
	return entry, nil
}

// blockScope reads a scope.
func blockScope(raw, country string) (string, error) {
	if id, ok := strings.CutPrefix(raw, calls.ScopeCampaign); ok && id != "" && calls.Printable(id) && !strings.Contains(id, " ") {
		return raw, nil
	}
	if line, ok := strings.CutPrefix(raw, calls.ScopeNumber); ok {
		number, err := numbering.Normalize(line, country)
		if err != nil && onlyDigits(line) { // a trunk may own a number outside any plan
			number, err = line, nil
		}
		return calls.ScopeNumber + number, err
	}
	if raw == "" || raw == calls.ScopeAccount {
		return calls.ScopeAccount, nil
	}
	return "", errors.New("a scope is account, campaign:ID or number:CALLER")
}

// onlyDigits reports whether s is 1 to 15 digits.
func onlyDigits(s string) bool { return s != "" && len(s) <= 15 && strings.Trim(s, "0123456789") == "" }

// first is the first word that says something.
func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

func (s *Server) block(ctx context.Context, in *blockInput) (*blockedOutput, error) {
	number, err := s.number(in.Number, "path.number")
	if err != nil {
		return nil, err
	}
	entry, err := s.blockEntry(ctx, number, in)
	if err != nil {
		return nil, err
	}
	added, err := s.cfg.Engine.Block(ctx, entry)
	if err != nil {
		return nil, err
	}
	out := &blockedOutput{Status: http.StatusCreated, Body: viewBlock(entry)}
	if added {
		s.changed(ctx, "blacklist.add", "number:"+number, entry.Reason)
	} else {
		old, err := s.blocked(ctx, number, entry.Scope)
		if err != nil {
			return nil, err
		}
		out = &blockedOutput{Status: http.StatusOK, Body: viewBlock(*old)}
	}
	return out, nil
}

type unblockInput struct {
	NumberPath
	Scope string `query:"scope" maxLength:"80" doc:"the entry of this scope only; every one where left out"`
}

func (s *Server) unblock(ctx context.Context, in *unblockInput) (*struct{}, error) {
	number, err := s.number(in.Number, "path.number")
	if err != nil {
		return nil, err
	}
	removed, err := s.cfg.Engine.Unblock(ctx, accountOf(ctx), number, in.Scope)
	if err == nil && !removed {
		err = calls.Errorf(calls.CodeNotFound, "this number is not on the blacklist")
	}
	if err == nil {
		s.changed(ctx, "blacklist.remove", "number:"+number, in.Scope)
	}
	return nil, err
}
