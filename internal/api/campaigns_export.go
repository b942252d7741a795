package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

// exportColumns are the columns of an export, for good: new ones are added behind.
var exportColumns = []string{"n", "line", "ref", "number", "state", "outcome", "reason", "attempts", "call_id", "answered_at", "ended_at",
	"talk_ms", "billable_ms", "digits", "verdict", "error", "timezone", "record_id", "manager", "variables", "consent_basis", "consent_at", "consent_category"}

type exportInput struct {
	CampaignPath
	Format  string `query:"format" enum:"csv,jsonl" default:"csv"`
	State   string `query:"state" enum:"waiting,calling,done,skipped,failed"`
	Outcome string `query:"outcome" maxLength:"32"`
}

// exportContacts streams the contacts, page by page: it is never whole in memory.
func (s *Server) exportContacts(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
	f := calls.ContactFilter{Account: accountOf(ctx), Campaign: in.ID, State: calls.ContactState(in.State), Outcome: calls.Outcome(in.Outcome), Limit: 1000}
	page, err := s.contacts(ctx, f)
	if err != nil {
		return nil, err
	}
	s.changed(ctx, "campaign.export", in.ID, in.Format)
	q := requestOf(ctx)
	return &huma.StreamResponse{Body: func(huma.Context) {
		out, kind := exporter(newCSV(q.w)), "text/csv; charset=utf-8; header=present"
		if in.Format == "jsonl" {
			out, kind = newJSONL(q.w), "application/x-ndjson"
		} else {
			in.Format = "csv"
		}
		q.w.Header().Set("Content-Type", kind)
		q.w.Header().Set("Content-Disposition", `attachment; filename="`+in.ID+"."+in.Format+`"`)
		control := http.NewResponseController(q.w)
		for len(page) > 0 {
			_ = control.SetWriteDeadline(time.Now().Add(listPatience))
			for _, t := range page {
				if out.write(viewContact(t)) != nil {
					return
				}
			}
			if out.flush() != nil || len(page) < f.Limit {
				return
			}
			f.After = page[len(page)-1].N
			if page, err = s.contacts(ctx, f); err != nil {
				s.log.Error("an export was broken off", "campaign", in.ID, "error", err)
				panic(http.ErrAbortHandler) // the reader is to see that it is not whole
			}
		}
		_ = out.flush()
	}}, nil
}

// exporter writes contacts in one format.
type exporter interface {
	write(ContactResource) error
	flush() error
}

type csvExport struct{ w *csv.Writer }

func newCSV(w io.Writer) *csvExport {
	e := &csvExport{csv.NewWriter(w)}
	_ = e.w.Write(exportColumns) // an error comes again with the next write
	return e
}

func (e *csvExport) write(v ContactResource) error {
	variables, err := json.Marshal(v.Variables)
	if err != nil {
		return err
	}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	stamp := func(t calls.Stamp) string {
		if time.Time(t).IsZero() {
			return ""
		}
		return time.Time(t).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	consent := calls.ConsentView{}
	if v.Consent != nil {
		consent = *v.Consent
	}
	n := func(i int64) string { return strconv.FormatInt(i, 10) }
	return e.w.Write([]string{n(v.N), n(v.Line), text(v.Ref), v.Number, string(v.State), text(v.Outcome), text(v.Reason), strconv.Itoa(v.Attempts), text(v.CallID),
		stamp(v.Answered), stamp(v.EndedAt), n(v.TalkMS), n(v.Billable), v.Digits, text(v.Verdict), text(v.Error), text(v.Timezone), text(v.RecordID), text(v.Manager), string(variables),
		text(consent.Basis), stamp(consent.At), text(consent.Category)})
}

func (e *csvExport) flush() error {
	e.w.Flush()
	return e.w.Error()
}

type jsonlExport struct{ e *json.Encoder }

func newJSONL(w io.Writer) *jsonlExport {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return &jsonlExport{e}
}

func (e *jsonlExport) write(v ContactResource) error { return e.e.Encode(v) }
func (e *jsonlExport) flush() error                  { return nil }
