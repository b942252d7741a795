package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

func (s *Server) declareAudit() {
	register(s, calls.PermAdmin, huma.Operation{OperationID: "list-audit", Method: http.MethodGet, Path: "/v1/audit",
		Summary: "Who changed what, newest first", Tags: []string{"audit"},
		Description: "Every change made through this API. A call that was asked for is recorded by itself: its call.queued and the id of the token that asked."}, s.listAudit)
}

// AuditResource is one entry of the audit log.
type AuditResource struct {
	ID     int64       `json:"id"`
	At     calls.Stamp `json:"at"`
	Actor  string      `json:"actor" doc:"name of the token; zvonar where the daemon did it"`
	Action string      `json:"action" doc:"token.create, recording.approve, blacklist.add, number.erase, …"`
	Object string      `json:"object" doc:"id of what was changed; number:N, ref:R and series:S for what has no id"`
	Detail *string     `json:"detail"`
}

func viewAudit(a calls.AuditEntry) AuditResource {
	return AuditResource{ID: a.ID, At: calls.Stamp(a.At), Actor: a.Actor, Action: a.Action, Object: a.Object, Detail: orNull(a.Detail)}
}

type listAuditInput struct {
	Page
	Actor  string    `query:"actor" maxLength:"64"`
	Action string    `query:"action" maxLength:"64"`
	Object string    `query:"object" maxLength:"160"`
	Since  time.Time `query:"since" doc:"from this time on"`
	Until  time.Time `query:"until" doc:"before this time"`
}

type auditListOutput struct{ Body List[AuditResource] }

func (s *Server) listAudit(ctx context.Context, in *listAuditInput) (*auditListOutput, error) {
	return s.auditPage(ctx, calls.AuditFilter{Account: accountOf(ctx), Actor: in.Actor, Action: in.Action, Object: in.Object, Since: in.Since, Until: in.Until}, in.Page)
}

// auditPage lists one page of what filter selects.
func (s *Server) auditPage(ctx context.Context, filter calls.AuditFilter, page Page) (*auditListOutput, error) {
	filter.Limit = page.size()
	if page.Cursor != "" {
		before, err := strconv.ParseInt(page.Cursor, 10, 64)
		if err != nil || before < 1 {
			return nil, calls.Errorf(calls.CodeInvalidField, "must be the next of the page before").At("query.cursor", page.Cursor)
		}
		filter.Before = before
	}
	var rows []calls.AuditEntry
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rows, err = tx.AuditEntries(filter)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &auditListOutput{Body: listOf(rows, filter.Limit, viewAudit, func(a calls.AuditEntry) string { return strconv.FormatInt(a.ID, 10) })}, nil
}

// changed notes a change that another room has made durable already. What
// cannot be noted is told to the log: the change has happened, and the asker
// must not make it twice.
func (s *Server) changed(ctx context.Context, action, object, detail string) {
	entry := calls.AuditEntry{Account: accountOf(ctx), Actor: actorOf(ctx), Action: action, Object: object, At: s.clock.Now(), Detail: detail}
	// Whoever asked may be gone by now; what was done is noted all the same.
	err := s.cfg.Store.Update(context.WithoutCancel(ctx), func(tx calls.Tx) error { return tx.Audit(entry) })
	if err != nil {
		s.log.Error("a change is missing in the audit log", "request", requestOf(ctx).id, "actor", entry.Actor, "action", action, "error", err)
	}
}
