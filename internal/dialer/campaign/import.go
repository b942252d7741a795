package campaign

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// List says what a list of contacts is and how to read it. The zero List is looked
// at to find out.
type List struct {
	Format    string            // "csv", "ndjson"
	Delimiter byte              // of CSV: ; , tab |
	Charset   string            // "utf-8", "windows-1251"
	Columns   map[string]string // field → head of its column; others go by their names
	Country   string            // of numbers written without one
	Countries []string          // that may be called
	DryRun    bool              // nothing is stored
}

// Imported is what came of a list.
type Imported struct {
	Lines      int64 // with anything in them, but for the heads of columns
	Added      int64
	Duplicates int64 // whose contact was there already
	Invalid    int64
	Faults     []LineFault // the first MaxFaults of the invalid ones
}

// LineFault is what is wrong with one line.
type LineFault struct {
	Line  int64  `json:"line"`
	Field string `json:"field,omitempty"`
	Words string `json:"message"`
}

// MaxFaults bounds the faults that are told of one list.
const MaxFaults = 1000

// A unit of work of an import is to take about unitTarget: what happens in calls
// meanwhile waits for it.
const (
	unitTarget = 2 * time.Millisecond
	firstUnit  = 64 // contacts
	leastUnit  = 32
	mostUnit   = 512
)

// importer reads one list.
type importer struct {
	desk     *Desk
	account  string
	campaign string
	list     List
	read     reader
	lines    *lines
	columns  []column         // of CSV
	mapped   map[string]field // head → field, as List.Columns has it

	pace  pace
	size  int // contacts of the next unit, where nobody waits
	chunk []*calls.Contact
	added calls.CampaignCounts // since the last unit
	out   Imported
}

type column struct {
	field field
	name  string
}

// Import adds the contacts of a list to a campaign that is not stopped. The list
// is read as it is stored: it is never whole in memory, and what was stored before
// an error stays (the same list again adds only what is missing).
func (d *Desk) Import(ctx context.Context, account, id string, list List, body io.Reader) (*Imported, error) {
	m := &importer{desk: d, account: account, campaign: id, list: list, size: firstUnit, added: calls.CampaignCounts{},
		read: reader{country: list.Country, countries: list.Countries, zones: map[string]error{}}}
	if err := m.open(ctx, body); err != nil {
		return nil, err
	}
	err := m.run(ctx)
	if err == nil || !list.DryRun {
		if e := m.finish(ctx); err == nil {
			err = e
		}
	}
	d.kick()
	return &m.out, err
}

// open finds out what the list is.
func (m *importer) open(ctx context.Context, body io.Reader) error {
	if err := m.store(ctx); err != nil { // there is such a campaign, and it takes contacts
		return err
	}
	m.mapped = map[string]field{}
	for f, head := range m.list.Columns {
		if !slices.Contains(Fields(), f) {
			return calls.Errorf(calls.CodeInvalidField, "a column is mapped to one of %s", strings.Join(Fields(), ", ")).At("query.columns", f)
		}
		m.mapped[headOf(head)] = field(f)
	}
	raw := bufio.NewReaderSize(body, maxLine)
	text, refused := textOf(raw, m.list.Charset)
	if refused != nil {
		return refused
	}
	m.lines = &lines{r: bufio.NewReaderSize(text, maxLine)}
	if m.list.Format == "" {
		head, _ := m.lines.r.Peek(1)
		m.list.Format = "csv"
		if string(head) == "{" {
			m.list.Format = "ndjson"
		}
	}
	if m.list.Format == "csv" {
		return m.readHeads()
	}
	return nil
}

// readHeads reads the first line of CSV: the heads of the columns or, where its
// first column is a number already, the first contact of a list without heads.
func (m *importer) readHeads() error {
	line, err := m.lines.next()
	if errors.Is(err, io.EOF) {
		return nil // an empty list
	}
	if err != nil {
		return calls.Errorf(calls.CodeInvalidField, "the first line cannot be read: %v", err)
	}
	if m.list.Delimiter == 0 {
		m.list.Delimiter = delimiterOf(line)
	}
	heads, err := split(line, m.list.Delimiter)
	if err != nil {
		return calls.Errorf(calls.CodeInvalidField, "the first line cannot be read: %v", err)
	}
	if r := (&calls.Contact{}); len(m.mapped) == 0 && m.read.number(r, strings.TrimSpace(heads[0])) == nil {
		m.lines.putBack([][]byte{line})
		m.columns = []column{{fieldNumber, ""}}
		return nil
	}
	found := map[field]bool{}
	for _, h := range heads {
		c := column{name: strings.TrimSpace(h)}
		if f, ok := m.mapped[headOf(h)]; ok {
			c.field = f
		} else if f, ok := spellings[headOf(h)]; ok && f != fieldVariables && !m.isMapped(f) && !found[f] {
			c.field = f
		}
		found[c.field] = true
		m.columns = append(m.columns, c)
	}
	if !found[fieldNumber] {
		return calls.Errorf(calls.CodeInvalidField, "no column is the number: name one of them number, phone or телефон, or say which with columns=number=HEAD").At("body", string(line[:min(len(line), 200)]))
	}
	return nil
}

// isMapped reports whether the asker said which column a field is.
func (m *importer) isMapped(f field) bool {
	for _, g := range m.mapped {
		if g == f {
			return true
		}
	}
	return false
}

// delimiterOf is the delimiter that stands most often in a line, outside of quotes.
func delimiterOf(line []byte) byte {
	counts, inside := map[byte]int{}, false
	for _, b := range line {
		if b == '"' {
			inside = !inside
		} else if !inside {
			counts[b]++
		}
	}
	best := byte(';')
	for _, c := range []byte(",\t|") {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return best
}

// run reads the list to its end.
func (m *importer) run(ctx context.Context) error {
	for {
		t, at, wrong, err := m.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case wrong != nil:
			m.fault(at, wrong)
		case t == nil:
			continue // an empty line
		default:
			m.out.Lines++
			m.added[calls.CountLines]++
			t.Line = at
			m.chunk = append(m.chunk, t)
		}
		if len(m.chunk) >= m.pace.unit(m.size) {
			if err := m.store(ctx); err != nil {
				return err
			}
		}
	}
}

// next reads a contact; nil where a line is empty.
func (m *importer) next() (t *calls.Contact, at int64, wrong *badField, err error) {
	if m.list.Format == "ndjson" {
		line, err := m.lines.next()
		at = m.lines.n
		switch {
		case errors.Is(err, errLong):
			return nil, at, &badField{"", err.Error()}, nil
		case err != nil:
			return nil, at, nil, err
		case len(bytes.TrimSpace(line)) == 0:
			return nil, at, nil, nil
		}
		t, wrong = m.read.object(line, m.mapped)
		return t, at, wrong, nil
	}
	fields, err := m.lines.record(m.list.Delimiter)
	at = m.lines.at
	switch {
	case errors.Is(err, errLong), errors.Is(err, errQuote), errors.Is(err, errAfter), errors.Is(err, errColumns):
		return nil, at, &badField{"", err.Error()}, nil
	case err != nil:
		return nil, at, nil, err
	case len(strings.TrimSpace(strings.Join(fields, ""))) == 0:
		return nil, at, nil, nil
	}
	t, wrong = m.row(fields)
	return t, at, wrong, nil
}

// row makes a contact of one record.
func (m *importer) row(fields []string) (*calls.Contact, *badField) {
	t := &calls.Contact{}
	for i, value := range fields {
		if i == len(m.columns) {
			if len(m.columns) == 1 && m.columns[0].name == "" {
				break // a list without heads: the number is all that is known
			}
			if strings.TrimSpace(value) != "" {
				return nil, &badField{"", "the line has more columns than the first one"}
			}
			break
		}
		if wrong := m.read.set(t, m.columns[i].field, m.columns[i].name, value); wrong != nil {
			return nil, wrong
		}
	}
	if wrong := m.read.finish(t); wrong != nil {
		return nil, wrong
	}
	return t, nil
}

// fault notes a line that is no contact.
func (m *importer) fault(at int64, wrong *badField) {
	m.out.Lines++
	m.out.Invalid++
	m.added[calls.CountLines]++
	m.added[calls.CountInvalid]++
	if len(m.out.Faults) < MaxFaults {
		m.out.Faults = append(m.out.Faults, LineFault{at, wrong.field, wrong.words})
	}
}

// finish stores what was read and is not stored yet.
func (m *importer) finish(ctx context.Context) error {
	for {
		if err := m.store(ctx); err != nil || len(m.chunk) == 0 {
			return err
		}
	}
}

// store writes what was read since the last time, in one unit of work, and
// chooses the size of the next. What the store left for others' sake stays, and is
// why the import keeps a pace from then on.
func (m *importer) store(ctx context.Context) error {
	var taken, added int
	var took time.Duration
	counts := m.added
	unit := m.chunk[:min(len(m.chunk), m.pace.unit(m.size))]
	err := m.desk.store.Update(ctx, func(tx calls.Tx) error {
		began := m.desk.clock.Now()
		defer func() { took = m.desk.clock.Now().Sub(began) }()
		c, err := tx.Campaign(m.account, m.campaign)
		if err != nil {
			return err
		}
		if c.State == calls.CampaignIsStopped {
			return calls.Errorf(calls.CodeWrongState, "the campaign is stopped: it takes no contacts any more")
		}
		if m.list.DryRun || len(unit) == 0 && len(counts) == 0 {
			return nil
		}
		if taken, added, err = tx.AddContacts(m.account, m.campaign, unit); err != nil {
			return err
		}
		sums := calls.CampaignCounts{calls.CountDuplicates: int64(taken - added)}
		for name, n := range counts {
			sums[name] = n
		}
		return tx.AddCounts(m.account, m.campaign, sums)
	})
	if err != nil {
		return err
	}
	if m.list.DryRun {
		taken, added = len(unit), len(unit)
	}
	m.out.Added += int64(added)
	m.out.Duplicates += int64(taken - added)
	if whole := taken == m.size && taken == len(unit); whole && took > 0 && !m.list.DryRun {
		m.size = min(max(int(float64(taken)*float64(unitTarget)/float64(took)), leastUnit), mostUnit, 2*taken)
	}
	m.chunk, m.added = append(m.chunk[:0], m.chunk[taken:]...), calls.CampaignCounts{}
	if !m.list.DryRun {
		rest(ctx, m.pace.after(time.Now(), taken, taken < len(unit)))
	}
	return nil
}
