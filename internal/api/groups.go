package api

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

func (s *Server) declareGroups() {
	tags := []string{"people"}
	register(s, calls.PermViewer, huma.Operation{OperationID: "list-groups", Method: http.MethodGet, Path: "/v1/groups",
		Summary: "List groups of employees", Tags: tags}, s.listGroups)
	register(s, calls.PermViewer, huma.Operation{OperationID: "get-group", Method: http.MethodGet, Path: "/v1/groups/{id}",
		Summary: "Show a group", Tags: tags}, s.getGroup)
	register(s, calls.PermOperator, huma.Operation{OperationID: "create-group", Method: http.MethodPost, Path: "/v1/groups",
		Summary: "Add a group; a target as group:NAME", DefaultStatus: http.StatusCreated, Tags: tags}, s.createGroup)
	register(s, calls.PermOperator, huma.Operation{OperationID: "put-group", Method: http.MethodPut, Path: "/v1/groups/{id}",
		Summary: "Change a group", Tags: tags}, s.putGroup)
	register(s, calls.PermOperator, huma.Operation{OperationID: "delete-group", Method: http.MethodDelete, Path: "/v1/groups/{id}",
		Summary: "Remove a group", Tags: tags}, s.deleteGroup)
}

// GroupResource is a group as published.
type GroupResource struct {
	Name        string         `json:"name"`
	Strategy    calls.Strategy `json:"strategy"`
	Members     []string       `json:"members" nullable:"false" doc:"ids of employees, in their order"`
	RingTimeout *string        `json:"ring_timeout" doc:"of each member; null: as the flow says"`
	CreatedAt   calls.Stamp    `json:"created_at"`
	UpdatedAt   calls.Stamp    `json:"updated_at"`
}

func viewGroup(g *calls.Group) GroupResource {
	out := GroupResource{Name: g.Name, Strategy: g.Strategy, Members: append([]string{}, g.Members...), CreatedAt: calls.Stamp(g.CreatedAt), UpdatedAt: calls.Stamp(g.UpdatedAt)}
	if g.RingTimeout > 0 {
		out.RingTimeout = orNull(time.Duration(g.RingTimeout).String())
	}
	return out
}

// GroupBody is what makes or changes a group.
type GroupBody struct {
	Strategy    string `json:"strategy,omitempty" enum:"sequential,round_robin,simultaneous" default:"sequential" doc:"one after the other from the first; from the one after the last call's; all at once, and the first to answer has the call"`
	Members     []text `json:"members" minItems:"1" maxItems:"16" doc:"ids or extensions of employees"`
	RingTimeout string `json:"ring_timeout,omitempty" maxLength:"20" doc:"5s to 3m"`
}

var groupName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// apply reads the body into g; members that are named by extension become ids.
func (b *GroupBody) apply(tx calls.ReadTx, g *calls.Group) error {
	var f faults
	g.Strategy = calls.Strategy(first(b.Strategy, string(calls.Sequential)))
	g.RingTimeout = calls.Duration(duration(b.RingTimeout, "body.ring_timeout", 5*time.Second, 3*time.Minute, &f))
	g.Members = nil
	for i, m := range b.Members {
		var e *calls.Employee
		var err error
		if onlyDigits(string(m)) {
			e, err = tx.EmployeeByExtension(g.Account, string(m))
		} else {
			e, err = tx.Employee(g.Account, string(m))
		}
		at := "body.members[" + strconv.Itoa(i) + "]"
		switch {
		case errors.Is(err, calls.ErrNotFound):
			f.field(at, string(m), "there is no such employee")
		case err != nil:
			return err
		case slices.Contains(g.Members, e.ID):
			f.field(at, string(m), "is a member already; nobody is rung twice")
		default:
			g.Members = append(g.Members, e.ID)
		}
	}
	return f.err()
}

type (
	groupListOutput  struct{ Body List[GroupResource] }
	groupOutput      struct{ Body GroupResource }
	createGroupInput struct {
		Body struct {
			Name string `json:"name" minLength:"1" maxLength:"40" doc:"letters, digits, - and _" example:"sales"`
			GroupBody
		} `nameHint:"NewGroup"`
	}
	putGroupInput struct {
		ID   string `path:"id" maxLength:"64"`
		Body GroupBody
	}
)

func (s *Server) listGroups(ctx context.Context, in *struct{ Page }) (*groupListOutput, error) {
	var rows []*calls.Group
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rows, err = tx.Groups(accountOf(ctx), in.Cursor, in.size())
		return err
	})
	if err != nil {
		return nil, err
	}
	return &groupListOutput{Body: listOf(rows, in.size(), viewGroup, func(g *calls.Group) string { return g.Name })}, nil
}

func (s *Server) getGroup(ctx context.Context, in *callInput) (*groupOutput, error) {
	var g *calls.Group
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		g, err = tx.Group(accountOf(ctx), in.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &groupOutput{Body: viewGroup(g)}, nil
}

func (s *Server) createGroup(ctx context.Context, in *createGroupInput) (*groupOutput, error) {
	if !groupName.MatchString(in.Body.Name) {
		return nil, calls.Errorf(calls.CodeInvalidField, "letters, digits, - and _, at most 40").At("body.name", in.Body.Name)
	}
	now := s.clock.Now()
	g := &calls.Group{Account: accountOf(ctx), Name: in.Body.Name, CreatedAt: now, UpdatedAt: now}
	err := s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		if _, err := tx.Group(g.Account, g.Name); !errors.Is(err, calls.ErrNotFound) {
			return errors.Join(err, calls.Errorf(calls.CodeInvalidField, "there is a group of this name; PUT changes it").At("body.name", g.Name))
		}
		if err := in.Body.apply(tx, g); err != nil {
			return err
		}
		return tx.PutGroup(g)
	})
	if err != nil {
		return nil, err
	}
	s.changed(ctx, "group.add", "group:"+g.Name, "")
	return &groupOutput{Body: viewGroup(g)}, nil
}

func (s *Server) putGroup(ctx context.Context, in *putGroupInput) (*groupOutput, error) {
	var g *calls.Group
	err := s.cfg.Store.Update(ctx, func(tx calls.Tx) (err error) {
		if g, err = tx.Group(accountOf(ctx), in.ID); err != nil {
			return err
		}
		if err := in.Body.apply(tx, g); err != nil {
			return err
		}
		g.UpdatedAt = s.clock.Now()
		return tx.PutGroup(g)
	})
	if err != nil {
		return nil, err
	}
	s.changed(ctx, "group.change", "group:"+g.Name, "")
	return &groupOutput{Body: viewGroup(g)}, nil
}

func (s *Server) deleteGroup(ctx context.Context, in *callInput) (*struct{}, error) {
	err := s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		gone, err := tx.DeleteGroup(accountOf(ctx), in.ID)
		if err == nil && !gone {
			err = calls.ErrNotFound
		}
		return err
	})
	if err == nil {
		s.changed(ctx, "group.remove", "group:"+in.ID, "")
	}
	return nil, err
}
