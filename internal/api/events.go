package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

func (s *Server) declareEvents() {
	list := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[List[calls.Event]](), true, "")
	register(s, calls.PermViewer, huma.Operation{OperationID: "list-events", Method: http.MethodGet, Path: "/v1/events",
		Summary: "Everything that happened, by pos; live with Accept: text/event-stream", Tags: []string{"events"},
		Description: "As JSON a list after a pos. As text/event-stream live: id is pos, event is type, data is the event; " +
			"Last-Event-ID or after resumes, without either the stream begins now.",
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
			"application/json":  {Schema: list},
			"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}},
		}}},
	}, s.events)
}

type eventsInput struct {
	Accept      string `header:"Accept"`
	LastEventID string `header:"Last-Event-ID" maxLength:"20"`
	After       string `query:"after" maxLength:"20" doc:"pos of the last event you know"`
	Limit       int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Types       string `query:"types" maxLength:"1000" doc:"only these types, with commas between"`
}

func (s *Server) events(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	filter := calls.EventFilter{Account: accountOf(ctx), Limit: Page{Limit: in.Limit}.size()}
	if err := in.read(&filter); err != nil {
		return nil, err
	}
	if strings.Contains(in.Accept, "text/event-stream") {
		return s.stream(ctx, in, filter)
	}
	rows, err := s.readEvents(ctx, filter)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/json")
		if err := s.api.Marshal(hc.BodyWriter(), "application/json", eventList(rows, filter.Limit)); err != nil {
			s.log.Debug("a list of events was not read to its end", "request", requestOf(ctx).id, "error", err)
		}
	}}, nil
}

// read takes position and types from the request. Last-Event-ID is what a
// browser sends when it comes back, so it goes before after.
func (in *eventsInput) read(filter *calls.EventFilter) error {
	for _, p := range []struct{ location, value string }{{"query.after", in.After}, {"header.Last-Event-ID", in.LastEventID}} {
		if p.value == "" {
			continue
		}
		pos, err := strconv.ParseInt(p.value, 10, 64)
		if err != nil || pos < 0 {
			return calls.Errorf(calls.CodeInvalidField, "must be the pos of an event").At(p.location, p.value)
		}
		filter.After = pos
	}
	if in.Types == "" {
		return nil
	}
	known := map[calls.EventType]bool{}
	for _, t := range calls.EventTypes() {
		known[t] = true
	}
	for t := range strings.SplitSeq(in.Types, ",") {
		if !known[calls.EventType(t)] {
			return calls.Errorf(calls.CodeInvalidField, "there is no event of this type").At("query.types", t)
		}
		filter.Types = append(filter.Types, calls.EventType(t))
	}
	return nil
}

func (s *Server) readEvents(ctx context.Context, filter calls.EventFilter) (rows []calls.Event, err error) {
	err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rows, err = tx.Events(filter)
		return err
	})
	return rows, err
}

// eventList is a page of events; its next is the pos to go on after.
func eventList(rows []calls.Event, limit int) List[calls.Event] {
	return listOf(rows, limit, func(e calls.Event) calls.Event { return e }, func(e calls.Event) string { return strconv.FormatInt(e.Pos, 10) })
}
