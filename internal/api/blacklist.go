package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
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
	return &blockListOutput{Body: listOf(rows, in.size(), viewBlock, func(b calls.BlockEntry) string { return b.Number })}, nil
}

// blocked reads one entry of the asker's account.
func (s *Server) blocked(ctx context.Context, number string) (entry *calls.BlockEntry, err error) {
	err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		entry, err = tx.Blocked(accountOf(ctx), number)
		return err
	})
	return entry, err
}

func (s *Server) getBlocked(ctx context.Context, in *NumberPath) (*blockedOutput, error) {
	number, err := s.number(in.Number, "path.number")
	if err != nil {
		return nil, err
	}
	entry, err := s.blocked(ctx, number)
	if err != nil {
		return nil, err
	}
	return &blockedOutput{Status: http.StatusOK, Body: viewBlock(*entry)}, nil
}

type blockInput struct {
	NumberPath
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"500"`
	} `nameHint:"Blocking"`
}

func (s *Server) block(ctx context.Context, in *blockInput) (*blockedOutput, error) {
	number, err := s.number(in.Number, "path.number")
	if err != nil {
		return nil, err
	}
	entry := calls.BlockEntry{Account: accountOf(ctx), Number: number, Scope: "account", Source: "api", CreatedAt: s.clock.Now()}
	if in.Body != nil {
		entry.Reason = in.Body.Reason
	}
	if !calls.Printable(entry.Reason) {
		return nil, calls.Errorf(calls.CodeInvalidField, "control characters are not allowed here").At("body.reason", nil)
	}
	added, err := s.cfg.Engine.Block(ctx, entry)
	if err != nil {
		return nil, err
	}
	out := &blockedOutput{Status: http.StatusCreated, Body: viewBlock(entry)}
	if added {
		s.changed(ctx, "blacklist.add", "number:"+number, entry.Reason)
	} else {
		old, err := s.blocked(ctx, number)
		if err != nil {
			return nil, err
		}
		out = &blockedOutput{Status: http.StatusOK, Body: viewBlock(*old)}
	}
	return out, nil
}

func (s *Server) unblock(ctx context.Context, in *NumberPath) (*struct{}, error) {
	number, err := s.number(in.Number, "path.number")
	if err != nil {
		return nil, err
	}
	removed, err := s.cfg.Engine.Unblock(ctx, accountOf(ctx), number)
	if err == nil && !removed {
		err = calls.Errorf(calls.CodeNotFound, "this number is not on the blacklist")
	}
	if err == nil {
		s.changed(ctx, "blacklist.remove", "number:"+number, "")
	}
	return nil, err
}
