package sipuni

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strconv"
	"strings"
	"time"
)

// bom begins the service's tables.
const bom = "\uFEFF"

// The columns of a table of calls, as the service heads them.
const (
	colKind     = "Тип"
	colStatus   = "Статус"
	colTime     = "Время"
	colScheme   = "Схема"
	colFrom     = "Откуда"
	colTo       = "Куда"
	colAnswered = "Кто ответил"
	colTotal    = "Длительность звонка"
	colTalk     = "Длительность разговора"
	colAnswerIn = "Время ответа"
	colRating   = "Оценка"
	colRecord   = "ID записи"
	colNote     = "Метка"
	colTags     = "Теги"
	colOrder    = "ID заказа звонка"
	colHas      = "Запись существует"
	colNew      = "Новый клиент"
)

// header of our table of calls.
var callColumns = []string{colKind, colStatus, colTime, colScheme, colFrom, colTo, colAnswered, colTotal, colTalk, colAnswerIn,
	colRating, colRecord, colNote, colTags, colOrder, colHas, colNew}

// table is a CSV of the service: its header and its cells.
type table struct {
	columns []string
	cells   [][]string
}

// readTable reads a table. The service tells errors as plain text in its place.
func readTable(b []byte) (*table, error) {
	b = bytes.TrimPrefix(b, []byte(bom))
	r := csv.NewReader(bytes.NewReader(b))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = ';', -1, true
	all, err := r.ReadAll()
	if err != nil || len(all) == 0 || len(all[0]) < 2 {
		return nil, errors.New("the answer is no table")
	}
	return &table{columns: all[0], cells: all[1:]}, nil
}

// column finds a column by the beginning of its head: the service writes
// "Длительность звонка" and "Длительность звонка, сек".
func (t *table) column(name string) int {
	for i, have := range t.columns {
		if have = strings.TrimSpace(have); have == name || strings.HasPrefix(have, name+",") {
			return i
		}
	}
	return -1
}

// row is what a table says of one call.
type row struct {
	kind, status   string
	at             time.Time
	from, to       string // digits
	answeredBy     string
	total, talk    time.Duration
	record, order  string
	recordIsStored bool
}

// rows reads a table of calls, whose times are of a zone.
func (t *table) rows(zone *time.Location) (list []row) {
	at := t.column(colTime)
	if at < 0 {
		at = t.column("Дата и время")
	}
	if at < 0 || t.column(colFrom) < 0 || t.column(colTo) < 0 {
		return nil
	}
	for _, cells := range t.cells {
		cell := func(i int) string {
			if i < 0 || i >= len(cells) {
				return ""
			}
			return strings.TrimSpace(cells[i])
		}
		named := func(name string) string { return cell(t.column(name)) }
		when, err := time.ParseInLocation("02.01.2006 15:04:05", cell(at), zone)
		if err != nil {
			continue
		}
		list = append(list, row{kind: named(colKind), status: named(colStatus), at: when, from: partyCell(named(colFrom)), to: partyCell(named(colTo)),
			answeredBy: partyCell(named(colAnswered)), total: seconds(named(colTotal)), talk: seconds(named(colTalk)),
			record: named(colRecord), order: named(colOrder), recordIsStored: named(colHas) == "1"})
	}
	return list
}

// partyCell is the number in "428 (Анна)" or "+79161234567".
func partyCell(s string) string {
	s, _, _ = strings.Cut(s, "(")
	return numberOf(s)
}

// seconds reads a duration as the tables have it: seconds, or h:m:s.
func seconds(s string) time.Duration {
	n := 0
	for _, part := range strings.Split(s, ":") {
		v, err := strconv.Atoi(part)
		if err != nil || v < 0 || v > 1<<20 {
			return 0
		}
		n = n*60 + v
	}
	return time.Duration(n) * time.Second
}

// write puts a table as the service does.
func (t *table) write() []byte {
	var b bytes.Buffer
	b.WriteString(bom)
	w := csv.NewWriter(&b)
	w.Comma = ';'
	_ = w.Write(t.columns) // a buffer takes everything
	for _, cells := range t.cells {
		safe := make([]string, len(cells))
		for i, cell := range cells {
			safe[i] = harmless(cell)
		}
		_ = w.Write(safe)
	}
	w.Flush()
	return b.Bytes()
}

// harmless keeps a cell from being taken for a formula where somebody opens the
// table in an office program.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
