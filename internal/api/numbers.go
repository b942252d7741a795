package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

func (s *Server) declareNumbers() {
	tags := []string{"people"}
	register(s, calls.PermViewer, huma.Operation{OperationID: "list-numbers", Method: http.MethodGet, Path: "/v1/numbers",
		Summary: "List caller numbers with their answer rates", Tags: tags,
		Description: "Those of the trunks in the configuration and the account's own."}, s.listNumbers)
	register(s, calls.PermViewer, huma.Operation{OperationID: "get-number", Method: http.MethodGet, Path: "/v1/numbers/{number}",
		Summary: "Show a caller number", Tags: tags}, s.getNumber)
	register(s, calls.PermOperator, huma.Operation{OperationID: "create-number", Method: http.MethodPost, Path: "/v1/numbers",
		Summary: "Add a caller number of the account, or say whom a trunk's is for", DefaultStatus: http.StatusCreated, Tags: tags,
		Description: "A number of a trunk is confirmed already. One of your own is pending until POST /v1/numbers/{number}/confirm."}, s.createNumber)
	register(s, calls.PermOperator, huma.Operation{OperationID: "put-number", Method: http.MethodPut, Path: "/v1/numbers/{number}",
		Summary: "Change whom a caller number is for", Tags: tags}, s.putNumber)
	register(s, calls.PermOperator, huma.Operation{OperationID: "delete-number", Method: http.MethodDelete, Path: "/v1/numbers/{number}",
		Summary: "Remove a caller number; a trunk's is everybody's again", Tags: tags}, s.deleteNumber)
	register(s, calls.PermOperator, huma.Operation{OperationID: "confirm-number", Method: http.MethodPost, Path: "/v1/numbers/{number}/confirm",
		Summary: "Confirm a number by a call to it, or by the operator's word", DefaultStatus: http.StatusOK, Tags: tags,
		Description: "by call: the number is called and hears record_id; whoever answers presses the code of this answer. Ask again with call_id once he has. by operator: whoever asks answers for it, by name."}, s.confirmNumber)
}

// NumberResource is a caller number as published.
type NumberResource struct {
	Number      string            `json:"number"`
	Kind        calls.NumberKind  `json:"kind" doc:"own, or trunk: it stands in the configuration"`
	State       calls.NumberState `json:"state"`
	Title       *string           `json:"title"`
	Trunk       *string           `json:"trunk" doc:"that shows it; null: any"`
	Employee    *string           `json:"employee" doc:"id of the only one who may use it, besides campaigns"`
	Campaigns   []string          `json:"campaigns" nullable:"false" doc:"that may use it; with no employee and none here everybody may"`
	Pool        *string           `json:"pool" doc:"from: pool:NAME takes the numbers of a pool by turns"`
	ConfirmedBy *string           `json:"confirmed_by" doc:"call, configuration, or the name of the operator's token"`
	ConfirmedAt calls.Stamp       `json:"confirmed_at"`
	CallID      *string           `json:"call_id" doc:"the confirming call"`
	CreatedAt   calls.Stamp       `json:"created_at"`
	Stats       NumberStats       `json:"stats"`
}

// NumberStats is what a caller number did of late.
type NumberStats struct {
	Days     int      `json:"days" doc:"of UTC, today included"`
	Dialled  int64    `json:"dialled" doc:"calls that rang somebody, or tried to"`
	Answered int64    `json:"answered"`
	Rate     *float64 `json:"rate" doc:"answered / dialled; null: nothing was dialled"`
	TalkMS   int64    `json:"talk_ms"`
}

func viewNumber(n *calls.Number, stats NumberStats) NumberResource {
	return NumberResource{Number: n.Number, Kind: n.Kind, State: n.State, Title: orNull(n.Title), Trunk: orNull(n.Trunk), Employee: orNull(n.Employee),
		Campaigns: append([]string{}, n.Campaigns...), Pool: orNull(n.Pool), ConfirmedBy: orNull(n.ConfirmedBy), ConfirmedAt: calls.Stamp(n.ConfirmedAt),
		CallID: orNull(n.CallID), CreatedAt: calls.Stamp(n.CreatedAt), Stats: stats}
}

// trunkNumbers are the numbers of the configuration that an account may show.
func (s *Server) trunkNumbers(account string) (out []*calls.Number) {
	for _, t := range s.cfg.Trunks() {
		if t.Account != "" && t.Account != account {
			continue
		}
		for _, number := range t.Numbers {
			if !slices.ContainsFunc(out, func(n *calls.Number) bool { return n.Number == number }) {
				out = append(out, &calls.Number{Account: account, Number: number, Kind: calls.NumberTrunk, Trunk: t.Name, State: calls.NumberConfirmed, ConfirmedBy: "configuration"})
			}
		}
	}
	return out
}

type listNumbersInput struct {
	Page
	Days int `query:"days" minimum:"1" maximum:"366" default:"7" doc:"of the answer rates"`
}

type numberListOutput struct{ Body List[NumberResource] }

func (s *Server) listNumbers(ctx context.Context, in *listNumbersInput) (*numberListOutput, error) {
	account := accountOf(ctx)
	var rows []*calls.Number
	var stats map[string]NumberStats
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		if rows, err = tx.Numbers(account, in.Cursor, in.size()); err != nil {
			return err
		}
		stats, err = s.numberStats(tx, account, "", in.Days)
		return err
	})
	if err != nil {
		return nil, err
	}
	full := len(rows) >= in.size()
	for _, n := range s.trunkNumbers(account) {
		known := slices.ContainsFunc(rows, func(r *calls.Number) bool { return r.Number == n.Number })
		if !known && n.Number > in.Cursor && (!full || n.Number < rows[len(rows)-1].Number) {
			rows = append(rows, n)
		}
	}
	slices.SortFunc(rows, func(a, b *calls.Number) int { return cmp.Compare(a.Number, b.Number) })
	rows = rows[:min(len(rows), in.size())]
	view := func(n *calls.Number) NumberResource {
		st := stats[n.Number]
		st.Days = days(in.Days)
		return viewNumber(n, st)
	}
	return &numberListOutput{Body: listOf(rows, in.size(), view, func(n *calls.Number) string { return n.Number })}, nil
}

func days(n int) int {
	if n <= 0 {
		return 7
	}
	return n
}

// numberStats sums what numbers did in the last days; number "" is all.
func (s *Server) numberStats(tx calls.ReadTx, account, number string, span int) (map[string]NumberStats, error) {
	span = days(span)
	list, err := tx.NumberDays(account, number, calls.DayOf(s.clock.Now())-int64(span)+1)
	out := map[string]NumberStats{}
	for _, d := range list {
		st := NumberStats{Days: span, Dialled: d.Dialled, Answered: d.Answered, TalkMS: d.TalkMS}
		if d.Dialled > 0 {
			rate := float64(d.Answered) / float64(d.Dialled)
			st.Rate = &rate
		}
		out[d.Number] = st
	}
	return out, err
}

type numberOutput struct{ Body NumberResource }

// shown is a number with what it did in the last week.
func (s *Server) shown(ctx context.Context, n *calls.Number) (*numberOutput, error) {
	var stats map[string]NumberStats
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		stats, err = s.numberStats(tx, n.Account, n.Number, 0)
		return err
	})
	st := stats[n.Number]
	st.Days = days(0)
	return &numberOutput{Body: viewNumber(n, st)}, err
}

// callerNumber finds a number by how it is written: digits of a trunk's, which need be in
// no plan, or anything that reads as a number.
func (s *Server) callerNumber(account, raw, location string) (string, *calls.Number, error) {
	for _, n := range s.trunkNumbers(account) {
		if n.Number == raw {
			return raw, n, nil
		}
	}
	number, err := s.number(raw, location)
	if err != nil {
		return "", nil, err
	}
	for _, n := range s.trunkNumbers(account) {
		if n.Number == number {
			return number, n, nil
		}
	}
	return number, nil, nil
}

// readNumber is a number's row, or what the configuration says of it.
func (s *Server) readNumber(tx calls.ReadTx, account, raw string) (*calls.Number, error) {
	number, ofTrunk, err := s.callerNumber(account, raw, "path.number")
	if err != nil {
		return nil, err
	}
	n, err := tx.Number(account, number)
	if errors.Is(err, calls.ErrNotFound) && ofTrunk != nil {
		return ofTrunk, nil
	}
	return n, err
}

func (s *Server) getNumber(ctx context.Context, in *NumberPath) (*numberOutput, error) {
	var n *calls.Number
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		n, err = s.readNumber(tx, accountOf(ctx), in.Number)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.shown(ctx, n)
}

// NumberBody is whom a number is for.
type NumberBody struct {
	Title     string   `json:"title,omitempty" maxLength:"120"`
	Trunk     string   `json:"trunk,omitempty" maxLength:"64" doc:"that shows it; of the account's own numbers"`
	Employee  text     `json:"employee,omitempty" doc:"id or extension"`
	Campaigns []string `json:"campaigns,omitempty" maxItems:"100"`
	Pool      string   `json:"pool,omitempty" maxLength:"40" pattern:"^[A-Za-z0-9_-]*$"`
}

// apply reads the body into n.
func (b *NumberBody) apply(s *Server, tx calls.ReadTx, n *calls.Number) error {
	var f faults
	if !calls.Printable(b.Title + strings.Join(b.Campaigns, "")) {
		f.field("body.title", nil, "control characters are not allowed here")
	}
	if n.Kind == calls.NumberOwn {
		n.Trunk = b.Trunk
		if b.Trunk != "" && !s.hasTrunk(n.Account, b.Trunk) {
			f.field("body.trunk", b.Trunk, "there is no trunk %q in the configuration", b.Trunk)
		}
	}
	n.Title, n.Campaigns, n.Pool, n.Employee = b.Title, b.Campaigns, b.Pool, ""
	if b.Employee != "" {
		var e *calls.Employee
		var err error
		if onlyDigits(string(b.Employee)) {
			e, err = tx.EmployeeByExtension(n.Account, string(b.Employee))
		} else {
			e, err = tx.Employee(n.Account, string(b.Employee))
		}
		switch {
		case errors.Is(err, calls.ErrNotFound):
			f.field("body.employee", string(b.Employee), "there is no such employee")
		case err != nil:
			return err
		default:
			n.Employee = e.ID
		}
	}
	return f.err()
}

type createNumberInput struct {
	Body struct {
		Number text `json:"number" example:"78005553535"`
		NumberBody
	} `nameHint:"NewNumber"`
}

func (s *Server) createNumber(ctx context.Context, in *createNumberInput) (*numberOutput, error) {
	account := accountOf(ctx)
	number, n, err := s.callerNumber(account, string(in.Body.Number), "body.number")
	if err != nil {
		return nil, err
	}
	if n == nil {
		n = &calls.Number{Account: account, Number: number, Kind: calls.NumberOwn, State: calls.NumberPending}
	}
	n.CreatedAt = s.clock.Now()
	err = s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		if _, err := tx.Number(account, number); !errors.Is(err, calls.ErrNotFound) {
			return errors.Join(err, calls.Errorf(calls.CodeInvalidField, "the number is there already; PUT changes it").At("body.number", number))
		}
		if err := in.Body.apply(s, tx, n); err != nil {
			return err
		}
		return tx.PutNumber(n)
	})
	if err != nil {
		return nil, err
	}
	s.changed(ctx, "number.add", "number:"+n.Number, "")
	return s.shown(ctx, n)
}

type putNumberInput struct {
	NumberPath
	Body NumberBody
}

func (s *Server) putNumber(ctx context.Context, in *putNumberInput) (*numberOutput, error) {
	var n *calls.Number
	err := s.cfg.Store.Update(ctx, func(tx calls.Tx) (err error) {
		if n, err = s.readNumber(tx, accountOf(ctx), in.Number); err != nil {
			return err
		}
		if err := in.Body.apply(s, tx, n); err != nil {
			return err
		}
		if n.CreatedAt.IsZero() {
			n.CreatedAt = s.clock.Now()
		}
		return tx.PutNumber(n)
	})
	if err != nil {
		return nil, err
	}
	s.changed(ctx, "number.change", "number:"+n.Number, "")
	return s.shown(ctx, n)
}

func (s *Server) deleteNumber(ctx context.Context, in *NumberPath) (*struct{}, error) {
	var number string
	err := s.cfg.Store.Update(ctx, func(tx calls.Tx) (err error) {
		if number, _, err = s.callerNumber(accountOf(ctx), in.Number, "path.number"); err != nil {
			return err
		}
		gone, err := tx.DeleteNumber(accountOf(ctx), number)
		if err == nil && !gone {
			err = calls.ErrNotFound
		}
		return err
	})
	if err == nil {
		s.changed(ctx, "number.remove", "number:"+number, "")
	}
	return nil, err
}

// codeLife is how long the code of a confirming call holds.
const codeLife = 30 * time.Minute

// newCode is six digits that nobody can guess.
func newCode() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%06d", n), nil
}
