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
	list := s.schemaOf(reflect.TypeFor[EventPage]())
	register(s, calls.PermViewer, huma.Operation{OperationID: "list-events", Method: http.MethodGet, Path: "/v1/events",
		Summary: "Everything that happened, by pos; live with Accept: text/event-stream", Tags: []string{"events"},
		Description: "As JSON a list after a pos. As text/event-stream live: id is pos, event is type, data is the event; " +
			"Last-Event-ID or after resumes, without either the stream begins now. Events named zvonar.gap {from,to} (retention has removed events " +
			"there) and zvonar.lag {behind,pos} (you read slower than is written) have no id.",
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
	Subject     string `query:"subject" maxLength:"128" doc:"only this subject, like call:ID or trunk:NAME"`
}

// EventPage is one page of the log.
type EventPage struct {
	List[calls.Event]
	Pos    int64     `json:"pos" doc:"the page leaves nothing out up to here: ask after this next"`
	Oldest int64     `json:"oldest" doc:"from this pos on nothing was removed by retention"`
	Gap    *EventGap `json:"gap" doc:"where events after the one you know may have been removed; null where all are there"`
}

// EventGap is a stretch of the log that is not whole any more.
type EventGap struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

func (s *Server) events(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	filter := calls.EventFilter{Account: accountOf(ctx), Subject: in.Subject, Limit: Page{Limit: in.Limit}.size()}
	if err := in.read(&filter); err != nil {
		return nil, err
	}
	if strings.Contains(in.Accept, "text/event-stream") {
		return s.stream(ctx, in, filter)
	}
	page, err := s.eventPage(ctx, filter)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/json")
		if err := s.api.Marshal(hc.BodyWriter(), "application/json", page); err != nil {
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

// eventPage reads a page and what is known of the log around it, in one moment.
func (s *Server) eventPage(ctx context.Context, filter calls.EventFilter) (page EventPage, err error) {
	err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		rows, err := tx.Events(filter)
		if err != nil {
			return err
		}
		page.List = eventList(ctx, rows, filter.Limit)
		if page.Pos, err = tx.LastPos(); err != nil {
			return err
		}
		if page.Next != nil {
			page.Pos = rows[len(rows)-1].Pos
		}
		horizon, err := tx.Horizon()
		page.Oldest = horizon + 1
		if filter.After < horizon {
			page.Gap = &EventGap{From: filter.After + 1, To: horizon}
		}
		return err
	})
	page.Pos = max(page.Pos, filter.After)
	return page, err
}

// eventList is a page of events, as whoever asks may see them; its next is the pos to
// go on after.
func eventList(ctx context.Context, rows []calls.Event, limit int) List[calls.Event] {
	view := withoutLink
	if mayFollowLinks(ctx) {
		view = func(e calls.Event) calls.Event { return e }
	}
	return listOf(rows, limit, view, func(e calls.Event) string { return strconv.FormatInt(e.Pos, 10) })
}
