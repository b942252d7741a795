package api

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

// Traces are the SIP messages of calls, as far as they are kept on this node.
type Traces interface {
	// Read gives those of a call that was dialled or came between two times.
	Read(ctx context.Context, call string, from, to time.Time) ([]calls.SIPMessage, error)
	// Pcap writes messages as pcapng.
	Pcap(w io.Writer, list []calls.SIPMessage) error
	// WatchNumber has the calls of a number told to the log in full for so long; 0
	// ends that. Errors: wrong-state (too many).
	WatchNumber(number string, span time.Duration) (calls.WatchedNumber, error)
	WatchedNumbers() []calls.WatchedNumber
}

// What is kept of a call may lie so far from its own times: an INVITE comes
// before its call, retransmissions after its end.
const (
	traceBefore = time.Minute
	traceAfter  = 5 * time.Minute
)

func (s *Server) declareTrace() {
	page := s.schemaOf(reflect.TypeFor[TraceResource]())
	register(s, calls.PermOperator, huma.Operation{OperationID: "get-call-trace", Method: http.MethodGet, Path: "/v1/calls/{id}/trace",
		Summary: "What was said on the wire and what came of it", Tags: []string{"calls"},
		Description: "SIP messages of all legs and the events of the call, in the order of time. Credentials and keys are covered. " +
			"format=pcapng gives the messages as a file for Wireshark. Each reading is in the audit log (call.trace).",
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
			"application/json":     {Schema: page},
			"application/x-pcapng": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}},
	}, s.callTrace)
	register(s, calls.PermAdmin, huma.Operation{OperationID: "watch-number", Method: http.MethodPut, Path: "/v1/watched-numbers/{number}",
		Summary: "Tell the calls of a number to the log in full, for a while", Tags: []string{"calls"},
		Description: "SIP messages and everything at DEBUG, for calls that begin from now on, on this node, without a restart."}, s.watchNumber)
	register(s, calls.PermAdmin, huma.Operation{OperationID: "unwatch-number", Method: http.MethodDelete, Path: "/v1/watched-numbers/{number}",
		Summary: "Stop that", DefaultStatus: http.StatusNoContent, Tags: []string{"calls"}}, s.unwatchNumber)
	register(s, calls.PermAdmin, huma.Operation{OperationID: "list-watched-numbers", Method: http.MethodGet, Path: "/v1/watched-numbers",
		Summary: "List the numbers whose calls are told in full", Tags: []string{"calls"}}, s.watchedNumbers)
}

type traceInput struct {
	ID     string `path:"id" maxLength:"64"`
	Format string `query:"format" enum:"json,pcapng" default:"json"`
}

// TraceItem is a SIP message or an event of a call; one of both is there.
type TraceItem struct {
	At    time.Time         `json:"at"`
	SIP   *calls.SIPMessage `json:"sip"`
	Event *calls.Event      `json:"event"`
}

// TraceResource is everything that is known of how a call went.
type TraceResource struct {
	CallID string           `json:"call_id"`
	Node   string           `json:"node" doc:"who ran the call; its SIP messages are kept there"`
	Items  []TraceItem      `json:"items" nullable:"false"`
	Legs   []calls.LegFacts `json:"legs" nullable:"false" doc:"the sound of each leg, from its RTP and RTCP"`
}

func (s *Server) callTrace(ctx context.Context, in *traceInput) (*huma.StreamResponse, error) {
	call, events, err := s.tracedCall(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	messages, err := s.messages(ctx, call)
	if err != nil {
		return nil, err
	}
	if in.Format == "pcapng" {
		if len(messages) == 0 {
			return nil, calls.Errorf(calls.CodeNotFound, "no SIP messages are kept of this call here: they are too old, trace.max_bytes is 0 or too small, or it ran on node %s", call.Node)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			hc.SetHeader("Content-Type", "application/x-pcapng")
			hc.SetHeader("Content-Disposition", `attachment; filename="`+call.ID+`.pcapng"`)
			_ = s.cfg.Traces.Pcap(hc.BodyWriter(), messages) // who asked has gone
		}}, nil
	}
	t := TraceResource{CallID: call.ID, Node: call.Node, Items: make([]TraceItem, 0, len(messages)+len(events)), Legs: append([]calls.LegFacts{}, call.Legs...)}
	for i := range messages {
		t.Items = append(t.Items, TraceItem{At: messages[i].At, SIP: &messages[i]})
	}
	for i := range events {
		t.Items = append(t.Items, TraceItem{At: events[i].Time, Event: &events[i]})
	}
	// A message has caused what has the same time.
	slices.SortStableFunc(t.Items, func(a, b TraceItem) int {
		return cmp.Compare(a.At.UnixMilli(), b.At.UnixMilli())
	})
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/json")
		_ = json.NewEncoder(hc.BodyWriter()).Encode(t) // who asked has gone
	}}, nil
}

// tracedCall reads a call and its events, and notes who looks.
func (s *Server) tracedCall(ctx context.Context, id string) (call *calls.Call, events []calls.Event, err error) {
	account := accountOf(ctx)
	err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		if call, err = tx.Call(account, id); err != nil {
			return err
		}
		events, err = tx.Events(calls.EventFilter{Account: account, Subject: "call:" + id, Limit: 500})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return call, events, s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		return tx.Audit(calls.AuditEntry{Account: account, Actor: actorOf(ctx), Action: "call.trace", Object: id, At: s.clock.Now()})
	})
}

func (s *Server) messages(ctx context.Context, call *calls.Call) ([]calls.SIPMessage, error) {
	if s.cfg.Traces == nil {
		return nil, nil
	}
	to := s.clock.Now()
	if call.EndedAt != nil {
		to = call.EndedAt.Add(traceAfter)
	}
	return s.cfg.Traces.Read(ctx, call.ID, call.CreatedAt.Add(-traceBefore), to)
}

type watchInput struct {
	Number string `path:"number" maxLength:"32"`
	For    string `query:"for" maxLength:"20" default:"10m" doc:"how long, 1m to 60m"`
}

type watchedOutput struct{ Body calls.WatchedNumber }

func (s *Server) watchNumber(ctx context.Context, in *watchInput) (*watchedOutput, error) {
	var f faults
	number, err := s.number(in.Number, "path.number")
	if err != nil {
		return nil, err
	}
	span := duration(in.For, "query.for", time.Minute, time.Hour, &f)
	if err := f.err(); err != nil {
		return nil, err
	}
	if err := s.mayWatch(ctx, "number.watch", number); err != nil {
		return nil, err
	}
	w, err := s.cfg.Traces.WatchNumber(number, span)
	return &watchedOutput{Body: w}, err
}

func (s *Server) unwatchNumber(ctx context.Context, in *struct {
	Number string `path:"number" maxLength:"32"`
}) (*struct{}, error) {
	if err := s.mayWatch(ctx, "number.unwatch", in.Number); err != nil {
		return nil, err
	}
	_, err := s.cfg.Traces.WatchNumber(in.Number, 0)
	return nil, err
}

// mayWatch notes who looks closer at whom. Only the main account does: the log is
// everybody's.
func (s *Server) mayWatch(ctx context.Context, action, number string) error {
	if accountOf(ctx) != calls.MainAccount {
		return calls.Errorf(calls.CodeForbidden, "the log is read by the operator of the main account; only its administrators watch numbers")
	}
	if s.cfg.Traces == nil {
		return calls.Errorf(calls.CodeNotFound, "nothing is traced here")
	}
	return s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		return tx.Audit(calls.AuditEntry{Account: calls.MainAccount, Actor: actorOf(ctx), Action: action, Object: "number:" + number, At: s.clock.Now()})
	})
}

type watchedListOutput struct {
	Body List[calls.WatchedNumber]
}

func (s *Server) watchedNumbers(ctx context.Context, _ *struct{}) (*watchedListOutput, error) {
	if accountOf(ctx) != calls.MainAccount || s.cfg.Traces == nil {
		return &watchedListOutput{Body: List[calls.WatchedNumber]{Items: []calls.WatchedNumber{}}}, nil
	}
	list := s.cfg.Traces.WatchedNumbers()
	slices.SortFunc(list, func(a, b calls.WatchedNumber) int { return cmp.Compare(a.Number, b.Number) })
	return &watchedListOutput{Body: List[calls.WatchedNumber]{Items: list}}, nil
}
