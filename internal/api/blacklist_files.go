package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/internal/numbering"
)

// Bounds of an import. A chunk is one unit of work of the store.
const (
	blockChunk   = 500
	importFaults = 100     // faults told, of any number
	importLine   = 8 << 10 // bytes of a line
	importTime   = 30 * time.Minute
)

// blockColumns are the columns of the file, in this order where it has no head.
var blockColumns = []string{"number", "reason", "scope", "expires_at", "source", "call_id", "created_at", "digit", "digit_at"}

func (s *Server) declareBlacklistFiles() {
	lines := map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}}, "application/x-ndjson": {Schema: &huma.Schema{Type: huma.TypeString}}}
	register(s, calls.PermOperator, huma.Operation{OperationID: "import-blacklist", Method: http.MethodPost, Path: "/v1/blacklist/import",
		Summary: "Block the numbers of a file", Tags: []string{"blacklist"}, DefaultStatus: http.StatusOK,
		Description: "CSV (number,reason,scope,expires_at; with or without a line of names) or NDJSON, read as it comes. A line that is wrong is told and left out. No number.blocked is told of these numbers."}, s.importBlacklist)
	s.api.OpenAPI().Paths["/v1/blacklist/import"].Post.RequestBody = &huma.RequestBody{Required: true, Content: lines}
	register(s, calls.PermViewer, huma.Operation{OperationID: "export-blacklist", Method: http.MethodGet, Path: "/v1/blacklist/export",
		Summary: "Give the whole blacklist as a file", Tags: []string{"blacklist"},
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: lines}}}, s.exportBlacklist)
}

// BlockImportResource tells what became of a file.
type BlockImportResource struct {
	Lines  int              `json:"lines" doc:"that hold a number"`
	Added  int              `json:"added"`
	Known  int              `json:"known" doc:"were there already, as long"`
	Wrong  int              `json:"wrong"`
	Faults []BlockLineFault `json:"faults" nullable:"false" doc:"the first 100"`
}

// BlockLineFault is a line that was left out.
type BlockLineFault struct {
	Line    int    `json:"line" doc:"from 1"`
	Message string `json:"message"`
}

type blockImportOutput struct{ Body BlockImportResource }

func (s *Server) importBlacklist(ctx context.Context, _ *struct{}) (*blockImportOutput, error) {
	q := requestOf(ctx)
	control := http.NewResponseController(q.w)
	_ = control.SetReadDeadline(time.Now().Add(importTime)) // not every test's writer can
	_ = control.SetWriteDeadline(time.Now().Add(importTime + writeTimeout))
	out := &blockImportOutput{Body: BlockImportResource{Faults: []BlockLineFault{}}}
	r := &out.Body
	var chunk []calls.BlockEntry
	flush := func() error {
		if len(chunk) == 0 {
			return nil
		}
		n, err := s.cfg.Engine.BlockMany(ctx, chunk)
		r.Added += n
		r.Known += len(chunk) - n
		chunk = chunk[:0]
		return err
	}
	now := s.clock.Now()
	err := readRecords(q.r.Body, blockColumns, func(line int, row map[string]string, fault error) error {
		var entry calls.BlockEntry
		if fault == nil {
			entry, fault = s.blockOfLine(row, now)
		}
		if fault != nil {
			r.Wrong++
			if len(r.Faults) < importFaults {
				r.Faults = append(r.Faults, BlockLineFault{Line: line, Message: fault.Error()})
			}
			return nil
		}
		r.Lines++
		entry.Account = accountOf(ctx)
		if chunk = append(chunk, entry); len(chunk) == blockChunk {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	if r.Added+r.Known > 0 { // also where it was broken off
		s.changed(ctx, "blacklist.import", "blacklist", fmt.Sprintf("%d added, %d known, %d wrong", r.Added, r.Known, r.Wrong))
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// blockOfLine is the entry that a line of a file asks for.
func (s *Server) blockOfLine(row map[string]string, now time.Time) (b calls.BlockEntry, err error) {
	if b.Number, err = numbering.Normalize(row["number"], s.cfg.Country); err != nil {
		return b, plainWords(err)
	}
	if b.Scope, err = blockScope(row["scope"], s.cfg.Country); err != nil {
		return b, plainWords(err)
	}
	b.Reason, b.Source, b.CreatedAt = strings.TrimSpace(calls.Clean(row["reason"], 500)), "import", now
	if text := row["expires_at"]; text != "" {
		// Behind the year 9999 of UTC, where zones lead, it could not be written again.
		if b.ExpiresAt, err = time.Parse(time.RFC3339, text); err != nil || b.ExpiresAt.UTC().Year() > 9999 {
			return b, errors.New("expires_at is no time; write it like 2027-01-31T00:00:00Z")
		}
		if !b.ExpiresAt.After(now) {
			return b, errors.New("expires_at is over already")
		}
	}
	return b, nil
}

// plainWords is an error as one sentence.
func plainWords(err error) error {
	var known *calls.Error
	if errors.As(err, &known) {
		return errors.New(known.Detail)
	}
	return err
}

// readRecords reads CSV or NDJSON, which each line shows by itself, and gives each to take; fault is
// set where a line cannot be read. It keeps one line in memory.
func readRecords(body io.Reader, columns []string, take func(line int, row map[string]string, fault error) error) error {
	in := bufio.NewScanner(body)
	in.Buffer(make([]byte, 0, 4096), importLine)
	head := columns
	comma := ','
	for line := 1; in.Scan(); line++ {
		text := bytes.TrimSpace(bytes.TrimPrefix(in.Bytes(), []byte("\xef\xbb\xbf")))
		if len(text) == 0 {
			continue
		}
		var row map[string]string
		var fault error
		if text[0] == '{' {
			row, fault = jsonRow(text)
		} else {
			if line == 1 && bytes.IndexByte(text, ';') >= 0 && bytes.IndexByte(text, ',') < 0 {
				comma = ';'
			}
			var names []string
			if row, names, fault = csvRow(text, comma, head); line == 1 && names != nil {
				head = names
				continue
			}
		}
		if err := take(line, row, fault); err != nil {
			return err
		}
	}
	switch err := in.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return calls.Errorf(calls.CodeTooLarge, "a line is longer than %d bytes", importLine)
	case err != nil:
		return calls.Errorf(calls.CodeBadJSON, "the file broke off")
	}
	return nil
}

// csvRow reads a line; names is set where it is a head.
func csvRow(text []byte, comma rune, head []string) (row map[string]string, names []string, err error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.FieldsPerRecord = comma, -1
	cells, err := r.Read()
	if err != nil {
		return nil, nil, errors.New("this is not a line of CSV")
	}
	if len(cells) > 0 && strings.EqualFold(strings.TrimSpace(cells[0]), "number") {
		for _, c := range cells {
			names = append(names, strings.ToLower(strings.TrimSpace(c)))
		}
		return nil, names, nil
	}
	row = map[string]string{}
	for i, c := range cells {
		if i < len(head) {
			row[head[i]] = strings.TrimSpace(c)
		}
	}
	return row, nil, nil
}

// jsonRow reads an object of texts and numbers.
func jsonRow(text []byte) (map[string]string, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil, errors.New("this is not a JSON object")
	}
	row := map[string]string{}
	for key, v := range object {
		switch v := v.(type) {
		case string:
			row[key] = v
		case json.Number:
			row[key] = v.String()
		}
	}
	return row, nil
}

type blockExportInput struct {
	Format string `query:"format" enum:"csv,ndjson" default:"csv"`
}

// exportBlacklist streams the list page by page; a page is a snapshot of its own.
func (s *Server) exportBlacklist(ctx context.Context, in *blockExportInput) (*huma.StreamResponse, error) {
	account := accountOf(ctx)
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		kind := "text/csv; charset=utf-8"
		if in.Format == "ndjson" {
			kind = "application/x-ndjson"
		}
		hc.SetHeader("Content-Type", kind)
		out := newLineWriter(hc.BodyWriter(), in.Format, blockColumns)
		for after := ""; ; {
			_ = http.NewResponseController(requestOf(ctx).w).SetWriteDeadline(time.Now().Add(writeTimeout))
			var page []calls.BlockEntry
			err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
				page, err = tx.BlockEntries(account, after, 1000)
				return err
			})
			for _, b := range page {
				if err == nil {
					err = out.write(viewBlock(b), []string{b.Number, b.Reason, b.Scope, stampText(b.ExpiresAt), b.Source, b.CallID, stampText(b.CreatedAt), b.Digit, stampText(b.DigitAt)})
				}
				after = b.Number + " " + b.Scope
			}
			if err == nil {
				err = out.flush()
			}
			if err != nil {
				s.log.Warn("an export of the blacklist broke off", "error", err)
				panic(http.ErrAbortHandler) // so that the reader sees that it is not whole
			}
			if len(page) < 1000 {
				return
			}
		}
	}}, nil
}

// stampText is a time as published, "" where there is none.
func stampText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// lineWriter writes rows as CSV with a head, or as NDJSON.
type lineWriter struct {
	csv  *csv.Writer
	json *json.Encoder
}

func newLineWriter(w io.Writer, format string, head []string) *lineWriter {
	if format != "csv" {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return &lineWriter{json: e}
	}
	c := csv.NewWriter(w)
	c.UseCRLF = true // RFC 4180
	_ = c.Write(head)
	return &lineWriter{csv: c}
}

func (l *lineWriter) write(object any, cells []string) error {
	if l.csv != nil {
		return l.csv.Write(cells)
	}
	return l.json.Encode(object)
}

func (l *lineWriter) flush() error {
	if l.csv == nil {
		return nil
	}
	l.csv.Flush()
	return l.csv.Error()
}

// isNumberList reports whether a request brings numbers for the blacklist: read as
// they come, as CSV or NDJSON.
func isNumberList(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path == "/v1/blacklist/import"
}
