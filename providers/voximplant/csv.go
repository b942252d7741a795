package voximplant

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The columns of a call list that say when and under which name a task is done; every
// other column is data.
const (
	columnFrom = "__start_execution_time" // HH:mm:ss UTC, of every day
	columnTo   = "__end_execution_time"
	columnAt   = "__start_at" // seconds since 1970
	columnUUID = "__task_uuid"
)

// Bounds of a call list.
const (
	maxColumns = 50
	maxCell    = 1000 // bytes
	maxTasks   = 100_000
)

// dialect says how a list is written.
type dialect struct {
	delimiter, quote byte
	escape           byte // before a quote or itself within quotes; 0: none, quotes are doubled
	encoding         string
}

// dialectOf reads the parameters encoding, delimiter, escape and quote; what is
// left out has the defaults of the API.
func dialectOf(encoding, delimiter, escape, quote string) (d dialect, err error) {
	d = dialect{delimiter: ';', quote: '"', encoding: strings.ToLower(encoding)}
	if delimiter == `\t` {
		delimiter = "\t"
	}
	for _, p := range []struct {
		name, value string
		into        *byte
	}{{"delimiter", delimiter, &d.delimiter}, {"escape", escape, &d.escape}, {"quote", quote, &d.quote}} {
		switch {
		case p.value == "":
		case len(p.value) > 1 || p.value[0] >= utf8.RuneSelf || p.value == "\n" || p.value == "\r":
			return d, fmt.Errorf("the '%s' parameter must be one character", p.name)
		default:
			*p.into = p.value[0]
		}
	}
	if d.delimiter == d.quote {
		return d, errors.New("the 'delimiter' parameter is the quote")
	}
	switch d.encoding {
	case "", "utf-8", "utf8", "windows-1251", "cp1251", "win-1251":
		return d, nil
	}
	return d, errors.New("the 'encoding' parameter must be UTF-8 or windows-1251")
}

// table is a list that was read: its heads and, for each task, its cells.
type table struct {
	heads []string
	rows  [][]string
}

// parse reads a list with a line of heads.
func (d dialect) parse(file []byte) (t table, err error) {
	text, err := d.decode(file)
	if err != nil {
		return t, err
	}
	r := csvReader{d: d, rest: text}
	if t.heads, err = r.record(); err != nil {
		return t, err
	}
	if t.heads == nil {
		return t, errors.New("the file is empty")
	}
	if len(t.heads) > maxColumns {
		return t, fmt.Errorf("a list has at most %d columns", maxColumns)
	}
	for i, h := range t.heads {
		t.heads[i] = strings.TrimSpace(h)
		if t.heads[i] == "" || slices.Index(t.heads, t.heads[i]) < i {
			return t, fmt.Errorf("column %d has no name of its own in the first line", i+1)
		}
	}
	for {
		row, err := r.record()
		switch {
		case err != nil:
			return t, err
		case row == nil:
			return t, nil
		case len(row) == 1 && strings.TrimSpace(row[0]) == "":
			continue
		case len(row) > len(t.heads):
			return t, fmt.Errorf("line %d has more columns than the first", r.line)
		case len(t.rows) == maxTasks:
			return t, fmt.Errorf("a list has at most %d tasks", maxTasks)
		}
		for len(row) < len(t.heads) {
			row = append(row, "")
		}
		t.rows = append(t.rows, row)
	}
}

// decode gives the file as UTF-8.
func (d dialect) decode(file []byte) (string, error) {
	file = bytes.TrimPrefix(file, []byte{0xEF, 0xBB, 0xBF})
	if d.encoding == "" || strings.HasPrefix(d.encoding, "utf") {
		if !utf8.Valid(file) {
			return "", errors.New("the file is not UTF-8: name its encoding")
		}
		return string(file), nil
	}
	var b strings.Builder
	for _, c := range file {
		b.WriteRune(cyrillic(c))
	}
	return b.String(), nil
}

// cyrillic is a character of windows-1251. Of its upper half the signs that are no
// letters are read as a question mark, but for those that Russian texts have.
func cyrillic(c byte) rune {
	switch {
	case c < 0x80:
		return rune(c)
	case c >= 0xC0:
		return 'А' + rune(c-0xC0)
	}
	if r := upperHalf[c-0x80]; r != 0 {
		return r
	}
	return '?'
}

// upperHalf are the signs of windows-1251 from 0x80 to 0xBF that are read.
var upperHalf = [0x40]rune{0x05: '…', 0x16: '–', 0x17: '—', 0x20: ' ', 0x28: 'Ё', 0x2A: 'Є', 0x2B: '«', 0x2F: 'Ї',
	0x32: 'І', 0x33: 'і', 0x38: 'ё', 0x39: '№', 0x3A: 'є', 0x3B: '»', 0x3F: 'ї'}

// csvReader reads records one by one.
type csvReader struct {
	d    dialect
	rest string
	line int // of the last record, from 1
}

// record reads one; nil at the end.
func (r *csvReader) record() (row []string, err error) {
	if r.rest == "" {
		return nil, nil
	}
	r.line++
	for {
		cell, last, err := r.cell()
		if err != nil {
			return nil, err
		}
		if len(cell) > maxCell {
			return nil, fmt.Errorf("line %d: a cell has at most %d bytes", r.line, maxCell)
		}
		if row = append(row, cell); len(row) > maxColumns {
			return nil, fmt.Errorf("line %d: a list has at most %d columns", r.line, maxColumns)
		}
		if last {
			return row, nil
		}
	}
}

// cell reads up to the next delimiter or the end of the line.
func (r *csvReader) cell() (cell string, last bool, err error) {
	if r.rest != "" && r.rest[0] == r.d.quote {
		return r.quoted()
	}
	end := strings.IndexAny(r.rest, string(r.d.delimiter)+"\r\n")
	if end < 0 {
		cell, r.rest = r.rest, ""
		return cell, true, nil
	}
	cell, r.rest = r.rest[:end], r.rest[end:]
	return cell, r.separator(), nil
}

// separator passes what stands between cells, and tells whether it ends the line.
func (r *csvReader) separator() (last bool) {
	if r.rest == "" {
		return true
	}
	if r.rest[0] == r.d.delimiter {
		r.rest = r.rest[1:]
		return false
	}
	r.rest = strings.TrimPrefix(strings.TrimPrefix(r.rest, "\r"), "\n")
	return true
}

func (r *csvReader) quoted() (string, bool, error) {
	var b strings.Builder
	for i := 1; i < len(r.rest); i++ {
		c := r.rest[i]
		next := byte(0)
		if i+1 < len(r.rest) {
			next = r.rest[i+1]
		}
		switch {
		case r.d.escape != 0 && c == r.d.escape && r.d.escape != r.d.quote && (next == r.d.quote || next == r.d.escape),
			c == r.d.quote && next == r.d.quote:
			b.WriteByte(next)
			i++
		case c == r.d.quote:
			r.rest = r.rest[i+1:]
			if r.rest != "" && r.rest[0] != r.d.delimiter && r.rest[0] != '\n' && r.rest[0] != '\r' {
				return "", false, fmt.Errorf("line %d: something follows the end of a quoted cell", r.line)
			}
			return b.String(), r.separator(), nil
		default:
			b.WriteByte(c)
		}
	}
	return "", false, fmt.Errorf("line %d: a quoted cell has no end", r.line)
}

// write writes a table; cells that need quotes get them.
func (d dialect) write(t table) []byte {
	var b bytes.Buffer
	for _, row := range append([][]string{t.heads}, t.rows...) {
		for i, cell := range row {
			if i > 0 {
				b.WriteByte(d.delimiter)
			}
			if strings.ContainsAny(cell, string(d.delimiter)+string(d.quote)+"\r\n") || cell == "" && len(row) == 1 {
				q := string(d.quote)
				cell = q + strings.ReplaceAll(cell, q, q+q) + q
			}
			b.WriteString(cell)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// control is what the special columns of a task say.
type control struct {
	uuid     string
	from, to string // "HH:MM", UTC; "": any time
	at       time.Time
}

// uuidForm is what a __task_uuid may be.
var uuidForm = regexp.MustCompile(`^[A-Za-z0-9:-]{1,40}$`)

// control reads the special columns of a row; data are the others.
func (t table) control(row []string) (c control, data map[string]string, err error) {
	data = map[string]string{}
	for i, head := range t.heads {
		cell := strings.TrimSpace(row[i])
		if !strings.HasPrefix(head, "__") {
			data[head] = row[i]
			continue
		}
		if cell == "" {
			continue
		}
		switch head {
		case columnUUID:
			if !uuidForm.MatchString(cell) {
				return c, nil, fmt.Errorf("%s is up to 40 latin letters, digits, hyphens and colons", columnUUID)
			}
			c.uuid = cell
		case columnFrom:
			c.from, err = timeOfDay(cell)
		case columnTo:
			c.to, err = timeOfDay(cell)
		case columnAt:
			var n int64
			if n, err = strconv.ParseInt(cell, 10, 64); err == nil && (n <= 0 || n > 1<<33) {
				err = errors.New("out of range")
			}
			c.at = time.Unix(n, 0).UTC()
		default:
			return c, nil, fmt.Errorf("there is no special column %s", head)
		}
		if err != nil {
			return c, nil, fmt.Errorf("%s: %w", head, err)
		}
	}
	if (c.from == "") != (c.to == "") {
		return c, nil, fmt.Errorf("%s and %s belong together", columnFrom, columnTo)
	}
	return c, data, nil
}

// timeOfDay reads HH:mm:ss (or HH:mm); seconds are dropped.
func timeOfDay(s string) (string, error) {
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format("15:04"), nil
		}
	}
	return "", errors.New("write it like 09:00:00")
}

// tableOf makes a list of objects: its columns are all names that they have, in the
// order of the alphabet.
func tableOf(objects []map[string]any) (t table, err error) {
	names := map[string]bool{}
	for _, o := range objects {
		for name := range o {
			names[name] = true
		}
	}
	t.heads = slices.Sorted(maps.Keys(names))
	for _, o := range objects {
		row := make([]string, len(t.heads))
		for i, name := range t.heads {
			switch v := o[name].(type) {
			case nil:
			case string:
				row[i] = v
			case json.Number:
				row[i] = v.String()
			case bool:
				row[i] = strconv.FormatBool(v)
			default:
				return t, fmt.Errorf("%s: a cell is a text, a number or a boolean", name)
			}
		}
		t.rows = append(t.rows, row)
	}
	if len(t.heads) == 0 {
		return t, errors.New("the list is empty")
	}
	return t, nil
}
