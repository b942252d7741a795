package store

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"
)

// A backup is a tar file:
//
//	tables/NAME.ndjson   a line with the columns, then a line a row, an array
//	clips/ab/ab….wav     the audio of the recordings, named by its SHA-256, ascending
//	clips/ab/ab…/cd….wav the 16 kHz form of such a clip, which is ab…-cd….wav on the
//	                     disk and comes where that name comes
//	files/admin.token    the first token, where the daemon made one
//	manifest.json        what it is and what is in it; last, so that a backup
//	                     that was cut short has none
//
// A value is a number, a string, null, {"blob":"base64"}, or {"text":"base64"}
// for a text that is not UTF-8.

const (
	archiveFormat = 1
	manifestName  = "manifest.json"
	tokenName     = "files/admin.token"

	maxManifest = 1 << 20
	maxToken    = 4 << 10
	maxLine     = 64 << 20
	maxClip     = 1 << 30
)

// Manifest says what a backup is and what is in it.
type Manifest struct {
	Format  int             `json:"format"`
	Version string          `json:"version"` // of the zvonar that made it
	Schema  int             `json:"schema"`
	Store   string          `json:"store"` // sqlite, postgres
	Node    string          `json:"node"`
	At      time.Time       `json:"at"`
	Tables  []TableManifest `json:"tables"`
	Clips   int             `json:"clips"`
	Bytes   int64           `json:"clip_bytes"`
	Token   string          `json:"token_sha256,omitempty"` // of files/admin.token
}

// TableManifest is what a backup holds of one table.
type TableManifest struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Last   int64  `json:"last_number,omitempty"` // the highest number its counter gave
}

var (
	tableFile = regexp.MustCompile(`^tables/([a-z][a-z0-9_]{0,62})\.ndjson$`)
	clipFile  = regexp.MustCompile(`^clips/([0-9a-f]{2})/((?:[0-9a-f]{64}-)?([0-9a-f]{64}))\.wav$`)
	// wideFile is how a clip of two hashes is called in the archive, whose headers
	// have no room for so long a name in one piece.
	wideFile  = regexp.MustCompile(`^(clips/[0-9a-f]{2}/[0-9a-f]{64})/([0-9a-f]{64}\.wav)$`)
	plainWord = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
)

// header is the first line of a table.
type header struct {
	Columns []column `json:"columns"`
}

func (h header) check() error {
	seen := map[string]bool{}
	for _, c := range h.Columns {
		if !plainWord.MatchString(c.Name) || seen[c.Name] || (c.Kind != "int" && c.Kind != "text" && c.Kind != "blob") {
			return fmt.Errorf("column %.70q of kind %.10q cannot be", c.Name, c.Kind)
		}
		seen[c.Name] = true
	}
	if len(h.Columns) == 0 || len(h.Columns) > 200 {
		return fmt.Errorf("a table has %d columns", len(h.Columns))
	}
	return nil
}

// cell is one value of a row: what a row is scanned into and inserted from.
type cell struct {
	n    *int64
	text *string
	blob []byte
}

// place is where a value of a kind is scanned to.
func (c *cell) place(kind string) any {
	switch kind {
	case "int":
		return &c.n
	case "text":
		return &c.text
	}
	return &c.blob
}

// value is what is inserted.
func (c *cell) value(kind string) any {
	switch {
	case kind == "int" && c.n != nil:
		return *c.n
	case kind == "text" && c.text != nil:
		return *c.text
	case kind == "blob" && c.blob != nil:
		return c.blob
	}
	return nil
}

// appendRow writes a row as a line.
func appendRow(b []byte, columns []column, cells []cell) []byte {
	b = append(b, '[')
	for i, col := range columns {
		if i > 0 {
			b = append(b, ',')
		}
		switch v := cells[i].value(col.Kind).(type) {
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case string:
			b = appendText(b, v)
		case []byte:
			b = appendBase64(b, "blob", v)
		default:
			b = append(b, "null"...)
		}
	}
	return append(b, "]\n"...)
}

func appendBase64(b []byte, kind string, v []byte) []byte {
	b = append(b, `{"`+kind+`":"`...)
	b = base64.StdEncoding.AppendEncode(b, v)
	return append(b, `"}`...)
}

const hexDigits = "0123456789abcdef"

func appendText(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		return appendBase64(b, "text", []byte(s))
	}
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// parseRow reads a line that appendRow wrote into cells. It knows no JSON beyond
// what such lines have: a row is read twice, and there are millions.
func parseRow(line []byte, columns []column, cells []cell) error {
	rest, ok := bytes.CutPrefix(line, []byte{'['})
	for i, col := range columns {
		if !ok {
			return errRow
		}
		n := valueLen(rest)
		if err := cells[i].parse(rest[:n], col.Kind); err != nil {
			return fmt.Errorf("column %s: %w", col.Name, err)
		}
		end := byte(',')
		if i == len(columns)-1 {
			end = ']'
		}
		rest, ok = bytes.CutPrefix(rest[n:], []byte{end})
	}
	if !ok || len(rest) > 0 {
		return errRow
	}
	return nil
}

var errRow = errors.New("a row is not an array of as many values as the table has columns")

// valueLen is the length of the value that b begins with.
func valueLen(b []byte) int {
	if len(b) > 0 && b[0] == '"' {
		for i := 1; i < len(b); i++ {
			switch b[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return len(b)
	}
	if len(b) > 0 && b[0] == '{' { // base64 has no braces
		return bytes.IndexByte(b, '}') + 1
	}
	if n := bytes.IndexAny(b, ",]"); n >= 0 {
		return n
	}
	return len(b)
}

var errKind = errors.New("the value is not of the kind of its column")

func (c *cell) parse(raw json.RawMessage, kind string) error {
	*c = cell{}
	switch {
	case bytes.Equal(raw, []byte("null")):
		return nil
	case kind == "int":
		n, err := strconv.ParseInt(string(raw), 10, 64)
		c.n = &n
		return err
	case len(raw) > 0 && raw[0] == '{':
		return c.parseBase64(raw, kind)
	case kind != "text":
		return errKind
	}
	c.text = new(string)
	if len(raw) > 1 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		*c.text = string(raw[1 : len(raw)-1])
		return nil
	}
	return json.Unmarshal(raw, c.text)
}

func (c *cell) parseBase64(raw json.RawMessage, kind string) error {
	var v map[string][]byte
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	b, ok := v[kind]
	if !ok || len(v) != 1 || b == nil {
		return errKind
	}
	if kind == "text" {
		s := string(b)
		c.text = &s
		return nil
	}
	c.blob = b
	return nil
}
