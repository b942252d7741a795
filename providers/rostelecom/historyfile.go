package rostelecom

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"zvonar/internal/calls"
)

// HistoryRow is one call of a history.
type HistoryRow struct {
	SessionID    string    `json:"session_id"`
	CallType     int       `json:"call_type"` // 1 normal, 3 callback
	Direction    int       `json:"direction"` // 1 in, 2 out, 3 internal
	State        int       `json:"state"`     // 1 accepted, 2 not
	From         string    `json:"from"`      // digits where it is a number
	FromPIN      string    `json:"from_pin"`
	To           string    `json:"to"`
	Answered     string    `json:"answered"` // who answered
	AnsweredPIN  string    `json:"answered_pin"`
	StartedAt    time.Time `json:"started_at"` // UTC
	Duration     int64     `json:"duration"`   // seconds
	Voicemail    bool      `json:"is_voicemail"`
	Recorded     bool      `json:"is_record"`
	Fax          bool      `json:"is_fax"`
	StatusCode   string    `json:"status_code"`
	StatusString string    `json:"status_string"`
}

// ParseHistory reads a history however it comes: gzip (as the guide says), ZIP (as the
// service does) or plain; with a header or without; with any of the delimiters in use.
func ParseHistory(file []byte) ([]HistoryRow, error) {
	plain, err := unpack(file)
	if err != nil {
		return nil, err
	}
	plain = bytes.TrimPrefix(plain, []byte("\ufeff"))
	if !utf8.Valid(plain) {
		return nil, errors.New("the history is not UTF-8")
	}
	line, _, _ := bytes.Cut(bytes.TrimLeft(plain, "\r\n"), []byte("\n"))
	if len(bytes.TrimSpace(line)) == 0 {
		return nil, nil
	}
	r := csv.NewReader(bytes.NewReader(plain))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = delimiter(line), -1, true
	r.TrimLeadingSpace = r.Comma != '\t'
	return readRows(r)
}

// unpack undoes gzip and ZIP; anything else is taken as it is.
func unpack(file []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(file, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(bytes.NewReader(file))
		if err != nil {
			return nil, fmt.Errorf("the history is no gzip file: %w", err)
		}
		return bounded(z)
	case bytes.HasPrefix(file, []byte("PK\x03\x04")), bytes.HasPrefix(file, []byte("PK\x05\x06")):
		z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return nil, fmt.Errorf("the history is no ZIP file: %w", err)
		}
		for _, f := range z.File {
			if f.FileInfo().IsDir() {
				continue
			}
			r, err := f.Open()
			if err != nil {
				return nil, fmt.Errorf("the history cannot be unpacked: %w", err)
			}
			b, err := bounded(r)
			return b, errors.Join(err, r.Close())
		}
		return nil, errors.New("the ZIP file of the history is empty")
	}
	return file, nil
}

// bounded reads what was packed: a bomb ends at the limit.
func bounded(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxHistoryUnpacked+1))
	if err != nil {
		return nil, fmt.Errorf("the history cannot be unpacked: %w", err)
	}
	if len(b) > maxHistoryUnpacked {
		return nil, fmt.Errorf("the history is larger than %d bytes", maxHistoryUnpacked)
	}
	return b, nil
}

// delimiter is the one that the first line has most of.
func delimiter(line []byte) rune {
	best, most := ',', 0
	for _, d := range []rune{';', ',', '\t'} {
		if n := bytes.Count(line, []byte(string(d))); n > most {
			best, most = d, n
		}
	}
	return best
}

func readRows(r *csv.Reader) ([]HistoryRow, error) {
	columns := historyColumns
	var rows []HistoryRow
	for n := 1; ; n++ {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the history cannot be read: %w", err)
		}
		if n == 1 {
			if names, ok := header(record); ok {
				columns = names
				continue
			}
		}
		row, err := rowOf(columns, record)
		if err != nil {
			return nil, fmt.Errorf("line %d of the history: %w", n, err)
		}
		rows = append(rows, row)
	}
}

// header reports whether a line names columns, and which.
func header(record []string) ([]string, bool) {
	names := make([]string, len(record))
	for i, s := range record {
		names[i] = strings.ToLower(strings.TrimSpace(s))
	}
	return names, slices.Contains(names, historyColumns[0])
}

// rowOf reads one line. Columns that are not known are passed over.
func rowOf(columns, record []string) (row HistoryRow, err error) {
	at := map[string]text{}
	for i, s := range record {
		if i < len(columns) {
			at[columns[i]] = text(calls.Clean(strings.TrimSpace(s), 200))
		}
	}
	row = HistoryRow{SessionID: string(at["session_id"]), CallType: int(at["call_type"].whole()), Direction: int(at["direction"].whole()), State: int(at["state"].whole()),
		From: plain(at["orig_number"]), FromPIN: string(at["orig_pin"]), To: plain(at["dest_number"]), Answered: plain(at["answering_sipuri"]), AnsweredPIN: string(at["answering_pin"]),
		Duration: max(at["duration"].whole(), 0), Voicemail: at["is_voicemail"].yes(), Recorded: at["is_record"].yes(), Fax: at["is_fax"].yes(),
		StatusCode: string(at["status_code"]), StatusString: string(at["status_string"])}
	if row.SessionID == "" {
		return row, errors.New("it has no session_id")
	}
	if s := string(at["start_call_date"]); s != "" {
		t, err := parseTime(s)
		if err != nil {
			return row, err
		}
		row.StartedAt = t.UTC()
	}
	return row, nil
}

// plain is a SIP URI as a number of digits, or its user where it is none.
func plain(uri text) string {
	if d := digits(string(uri)); d != "" {
		return d
	}
	return user(string(uri))
}
