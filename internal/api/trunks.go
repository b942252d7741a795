package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

func (s *Server) declareTrunks() {
	register(s, calls.PermOperator, huma.Operation{OperationID: "list-trunks", Method: http.MethodGet, Path: "/v1/trunks",
		Summary: "Show the trunks and how much of them is in use", Tags: []string{"trunks"}}, s.listTrunks)
}

type trunkListOutput struct{ Body List[TrunkStatus] }

// listTrunks shows every trunk that the account may use: there are as many as somebody wrote into the
// configuration, so this list has one page.
func (s *Server) listTrunks(ctx context.Context, _ *struct{}) (*trunkListOutput, error) {
	account := accountOf(ctx)
	rows := slices.DeleteFunc(slices.Clone(s.cfg.Trunks()), func(t TrunkStatus) bool { return t.Account != "" && t.Account != account })
	return &trunkListOutput{Body: listOf(rows, len(rows)+1, func(t TrunkStatus) TrunkStatus {
		t.Numbers = append([]string{}, t.Numbers...)
		t.Codecs = append([]string{}, t.Codecs...)
		t.Targets = append([]TrunkTarget{}, t.Targets...)
		return t
	}, func(t TrunkStatus) string { return t.Name })}, nil
}
