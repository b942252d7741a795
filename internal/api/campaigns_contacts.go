package api

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/internal/dialer/campaign"
)

// maxContactList is how many bytes of a list of contacts are read: it is never
// whole in memory.
const maxContactList = 8 << 30

// listPatience is how long the sender of a list, or the reader of an export, may
// do nothing.
const listPatience = time.Minute

func (s *Server) declareContacts() {
	op := func(id, method, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: "/v1/campaigns/{id}" + path, Summary: summary, Tags: []string{"campaigns"}}
	}
	add := op("import-contacts", http.MethodPost, "/contacts", "Add contacts: the body is CSV or NDJSON")
	add.DefaultStatus = http.StatusOK
	add.Description = "Read as it arrives, of any length. Columns (or members) are number, ref, timezone, record_id, digits, manager, not_before, consent_basis, consent_at, consent_category; any other is a variable. " +
		"The same list again adds only what is missing: a contact is known by its ref or, without one, by its number."
	register(s, calls.PermOperator, add, s.importContacts)
	list := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	s.api.OpenAPI().Paths["/v1/campaigns/{id}/contacts"].Post.RequestBody = &huma.RequestBody{Required: true,
		Content: map[string]*huma.MediaType{"text/csv": {Schema: list}, "application/x-ndjson": {Schema: list}}}
	register(s, calls.PermViewer, op("list-contacts", http.MethodGet, "/contacts", "List contacts in the order of import"), s.listContacts)
	get := op("get-contact", http.MethodGet, "/contacts/{contact}", "Show a contact, and why it is not called yet")
	get.Description = "By its n, or by its ref; ref:57 is a ref that is a number."
	register(s, calls.PermViewer, get, s.getContact)
	export := op("export-contacts", http.MethodGet, "/export", "Contacts with what came of them, as a file")
	export.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"text/csv": {Schema: list}, "application/x-ndjson": {Schema: list}}}}
	register(s, calls.PermOperator, export, s.exportContacts)
	skip := op("skip-contact", http.MethodPost, "/contacts/{n}/skip", "Take a contact out of the line; a call that nobody was rung for yet is canceled")
	skip.DefaultStatus = http.StatusOK
	register(s, calls.PermOperator, skip, s.skipContact)
	move := op("move-contact", http.MethodPost, "/contacts/{n}/move", "Move a contact that waits: to the front of the line, or to a time")
	move.DefaultStatus = http.StatusOK
	register(s, calls.PermOperator, move, s.moveContact)
}

// isContactList reports whether the body of a request is a list of contacts.
func isContactList(r *http.Request) bool {
	rest, ok := strings.CutPrefix(r.URL.Path, "/v1/campaigns/")
	return ok && r.Method == http.MethodPost && strings.HasSuffix(rest, "/contacts") && strings.Count(rest, "/") == 1
}

type importInput struct {
	CampaignPath
	Format    string `query:"format" enum:"csv,ndjson" doc:"else it is told by the Content-Type, or by looking"`
	Delimiter string `query:"delimiter" enum:"comma,semicolon,tab,pipe" doc:"of CSV; else it is found in the first line"`
	Charset   string `query:"charset" enum:"utf-8,windows-1251" doc:"else it is found by looking"`
	Columns   string `query:"columns" maxLength:"2000" doc:"which column is what: number=Телефон клиента,ref=Договор"`
	DryRun    bool   `query:"dry_run" doc:"read and check it, store nothing"`
}

type importOutput struct {
	Body struct {
		Lines         int64                `json:"lines"`
		Added         int64                `json:"added"`
		Duplicates    int64                `json:"duplicates" doc:"whose contact was there already"`
		Invalid       int64                `json:"invalid"`
		Errors        []campaign.LineFault `json:"errors" nullable:"false" doc:"the first 1000"`
		ErrorsOmitted int64                `json:"errors_omitted"`
	} `nameHint:"ContactImport"`
}

// patientBody moves the deadlines of a connection on with every read.
type patientBody struct {
	r       io.Reader
	control *http.ResponseController
}

// Read implements io.Reader.
func (b patientBody) Read(p []byte) (int, error) {
	deadline := time.Now().Add(listPatience)
	_ = b.control.SetReadDeadline(deadline)
	_ = b.control.SetWriteDeadline(deadline.Add(writeTimeout))
	return b.r.Read(p)
}

var delimiters = map[string]byte{"comma": ',', "semicolon": ';', "tab": '\t', "pipe": '|'}

func (s *Server) importContacts(ctx context.Context, in *importInput) (*importOutput, error) {
	if err := s.campaigns(); err != nil {
		return nil, err
	}
	q := requestOf(ctx)
	list := campaign.List{Format: in.Format, Delimiter: delimiters[in.Delimiter], Charset: in.Charset, DryRun: in.DryRun,
		Country: s.cfg.Country, Countries: s.cfg.Countries, Columns: map[string]string{}}
	if list.Format == "" {
		switch ct := q.r.Header.Get("Content-Type"); {
		case strings.HasPrefix(ct, "text/csv"):
			list.Format = "csv"
		case strings.Contains(ct, "ndjson"), strings.Contains(ct, "jsonl"):
			list.Format = "ndjson"
		}
	}
	for _, pair := range strings.Split(in.Columns, ",") {
		if pair == "" {
			continue
		}
		field, head, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, calls.Errorf(calls.CodeInvalidField, "write FIELD=HEAD, separated by commas").At("query.columns", pair)
		}
		list.Columns[strings.TrimSpace(field)] = strings.TrimSpace(head)
	}
	done, err := s.cfg.Campaigns.Import(ctx, accountOf(ctx), in.ID, list, patientBody{q.r.Body, http.NewResponseController(q.w)})
	if done != nil && done.Added > 0 && !in.DryRun {
		s.changed(ctx, "campaign.import", in.ID, strconv.FormatInt(done.Added, 10)+" contacts")
	}
	if err != nil {
		return nil, err
	}
	out := &importOutput{}
	out.Body.Lines, out.Body.Added, out.Body.Duplicates, out.Body.Invalid = done.Lines, done.Added, done.Duplicates, done.Invalid
	out.Body.Errors = append([]campaign.LineFault{}, done.Faults...)
	out.Body.ErrorsOmitted = done.Invalid - int64(len(done.Faults))
	return out, nil
}

type listContactsInput struct {
	CampaignPath
	Page
	State   string `query:"state" enum:"waiting,calling,done,skipped,failed"`
	Outcome string `query:"outcome" maxLength:"32"`
	Number  string `query:"number" maxLength:"40"`
	Ref     string `query:"ref" maxLength:"128"`
	Why     bool   `query:"why" doc:"tell of each why it is not called: hold"`
}

type contactListOutput struct{ Body List[ContactResource] }

func (s *Server) listContacts(ctx context.Context, in *listContactsInput) (*contactListOutput, error) {
	f := calls.ContactFilter{Account: accountOf(ctx), Campaign: in.ID, State: calls.ContactState(in.State), Outcome: calls.Outcome(in.Outcome), Ref: in.Ref, Limit: in.size()}
	if in.Cursor != "" {
		after, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil {
			return nil, calls.Errorf(calls.CodeInvalidField, "must be the next of the page before").At("query.cursor", in.Cursor)
		}
		f.After = after
	}
	if in.Number != "" {
		number, err := s.number(in.Number, "query.number")
		if err != nil {
			return nil, err
		}
		f.Number = number
	}
	views, err := s.viewContacts(ctx, f.Account, in.ID, in.Why, func(tx calls.ReadTx) ([]*calls.Contact, error) { return tx.Contacts(f) })
	if err != nil {
		return nil, err
	}
	same := func(v ContactResource) ContactResource { return v }
	return &contactListOutput{Body: listOf(views, in.size(), same, func(v ContactResource) string { return strconv.FormatInt(v.N, 10) })}, nil
}

// viewContacts shows contacts of a campaign that is the asker's; with why also what
// keeps each of them from being called.
func (s *Server) viewContacts(ctx context.Context, account, campaign string, why bool, read func(calls.ReadTx) ([]*calls.Contact, error)) (views []ContactResource, err error) {
	err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		views = nil // it may run twice
		c, err := tx.Campaign(account, campaign)
		if err != nil {
			return err
		}
		rows, err := read(tx)
		if err != nil {
			return err
		}
		for _, t := range rows {
			v := viewContact(t)
			if why {
				h, err := s.cfg.Engine.WhyContact(tx, c, t)
				if err != nil {
					return err
				}
				v.Hold = calls.ViewHold(h)
			}
			views = append(views, v)
		}
		return nil
	})
	return views, err
}

// contacts reads a page of a campaign that is the asker's.
func (s *Server) contacts(ctx context.Context, f calls.ContactFilter) (rows []*calls.Contact, err error) {
	err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		if _, err = tx.Campaign(f.Account, f.Campaign); err != nil {
			return err
		}
		rows, err = tx.Contacts(f)
		return err
	})
	return rows, err
}

type contactNameInput struct {
	CampaignPath
	Contact string `path:"contact" maxLength:"140" doc:"n of the contact, or its ref" example:"17"`
}

// refPrefix says that the name of a contact is a ref, also where it is a number.
const refPrefix = "ref:"

func (s *Server) getContact(ctx context.Context, in *contactNameInput) (*contactOutput, error) {
	account := accountOf(ctx)
	views, err := s.viewContacts(ctx, account, in.ID, true, func(tx calls.ReadTx) ([]*calls.Contact, error) {
		if n, err := strconv.ParseInt(in.Contact, 10, 64); err == nil {
			t, err := tx.Contact(account, in.ID, n)
			return []*calls.Contact{t}, err
		}
		return tx.Contacts(calls.ContactFilter{Account: account, Campaign: in.ID, Ref: strings.TrimPrefix(in.Contact, refPrefix), Limit: 1})
	})
	switch {
	case err != nil:
		return nil, err
	case len(views) == 0:
		return nil, calls.ErrNotFound
	}
	return &contactOutput{Body: views[0]}, nil
}

// ContactPath names the contact a request is about.
type ContactPath struct {
	CampaignPath
	N int64 `path:"n" minimum:"1" doc:"n of the contact"`
}

type contactOutput struct{ Body ContactResource }

func (s *Server) skipContact(ctx context.Context, in *ContactPath) (*contactOutput, error) {
	if err := s.campaigns(); err != nil {
		return nil, err
	}
	t, err := s.cfg.Campaigns.Skip(ctx, accountOf(ctx), in.ID, in.N, "skipped by "+actorOf(ctx))
	if calls.CodeOf(err) == calls.CodeWrongState {
		t, err = s.cancelContact(ctx, in, err)
	}
	if err != nil {
		return nil, err
	}
	s.changed(ctx, "contact.skip", in.ID+"/"+strconv.FormatInt(in.N, 10), "")
	return &contactOutput{Body: viewContact(t)}, nil
}

// cancelContact ends the call of a contact that nobody was rung for; refused is what
// is told where there is none.
func (s *Server) cancelContact(ctx context.Context, in *ContactPath, refused error) (t *calls.Contact, err error) {
	account := accountOf(ctx)
	var call *calls.Call
	read := func(tx calls.ReadTx) (err error) {
		if t, err = tx.Contact(account, in.ID, in.N); err != nil || t.CallID == "" {
			return err
		}
		call, err = tx.Call(account, t.CallID)
		return err
	}
	if err := s.cfg.Store.View(ctx, read); err != nil {
		return nil, err
	}
	if call == nil || call.Status != calls.StatusQueued && call.Status != calls.StatusHeld {
		return nil, refused
	}
	if _, err := s.cfg.Engine.Hangup(ctx, account, call.ID); err != nil {
		return nil, err
	}
	return t, s.cfg.Store.View(ctx, read)
}

type moveContactInput struct {
	ContactPath
	Body struct {
		To string `json:"to" maxLength:"40" doc:"front, or an RFC 3339 time before which it is not called" example:"front"`
	} `nameHint:"ContactMove"`
}

func (s *Server) moveContact(ctx context.Context, in *moveContactInput) (*contactOutput, error) {
	if err := s.campaigns(); err != nil {
		return nil, err
	}
	at, err := time.Parse(time.RFC3339, in.Body.To)
	if err != nil && in.Body.To != "front" {
		return nil, calls.Errorf(calls.CodeInvalidField, "say front, or a time like 2026-11-21T09:00:00+03:00").At("body.to", in.Body.To)
	}
	t, err := s.cfg.Campaigns.Place(ctx, accountOf(ctx), in.ID, in.N, in.Body.To == "front", at)
	if err != nil {
		return nil, err
	}
	s.changed(ctx, "contact.move", in.ID+"/"+strconv.FormatInt(in.N, 10), in.Body.To)
	return &contactOutput{Body: viewContact(t)}, nil
}
