package rostelecom

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"zvonar/internal/calls"
)

// orderKey begins the keys under which the store remembers orders, for orderLife: what an
// order asks for is its name, from which its number follows, so that the same one is
// known again. Keys of the API have no control characters, so they never meet these.
const (
	orderKey  = "rostelecom.history\n"
	orderLife = 7 * 24 * time.Hour
)

// maxDigits is how many digits a telephone number has at the most, and some.
const maxDigits = 32

// historyOrder is what a history holds.
type historyOrder struct {
	from, to         time.Time
	direction, state int64
	number           string
}

// name spells an order; parseOrder reads it.
func (o historyOrder) name() string {
	return strings.Join([]string{strconv.FormatInt(o.from.Unix(), 10), strconv.FormatInt(o.to.Unix(), 10),
		strconv.FormatInt(o.direction, 10), strconv.FormatInt(o.state, 10), o.number}, "|")
}

func parseOrder(name string) (o historyOrder, ok bool) {
	parts := strings.Split(name, "|")
	if len(parts) != 5 {
		return o, false
	}
	var n [4]int64
	for i := range n {
		v, err := strconv.ParseInt(parts[i], 10, 64)
		if err != nil {
			return o, false
		}
		n[i] = v
	}
	return historyOrder{time.Unix(n[0], 0), time.Unix(n[1], 0), n[2], n[3], parts[4]}, true
}

// firstNumber is the number of an order, unless another has it: nine digits.
func (o historyOrder) firstNumber() int64 {
	sum := sha256.Sum256([]byte(o.name()))
	return 100_000_000 + int64(binary.BigEndian.Uint32(sum[:])%900_000_000)
}

// orderHistory keeps an order. Its file is made when it is asked for, from the calls
// as they are then; it is announced at once.
func (f *facade) orderHistory(a *asked) {
	var q struct {
		DateStart   text `json:"date_start"`
		DateEnd     text `json:"date_end"`
		Direction   text `json:"direction"`
		State       text `json:"state"`
		PhoneNumber text `json:"phone_number"`
	}
	if json.Unmarshal(a.body, &q) != nil {
		f.fail(a, resultBad, "the body is not a JSON object of domain_call_history")
		return
	}
	o := historyOrder{direction: q.Direction.whole(), state: q.State.whole(), number: digits(string(q.PhoneNumber))}
	var err1, err2 error
	o.from, err1 = parseTime(string(q.DateStart))
	o.to, err2 = parseTime(string(q.DateEnd))
	switch most := time.Duration(f.set.History.MaxDays) * 24 * time.Hour; {
	case err1 != nil || err2 != nil:
		f.fail(a, resultBad, "date_start and date_end are times like 2018-04-23 00:00:00")
		return
	case !o.from.Before(o.to) || o.to.Sub(o.from) > most:
		f.fail(a, resultBad, fmt.Sprintf("date_end must lie after date_start, at most %d days", f.set.History.MaxDays))
		return
	case len(o.number) > maxDigits:
		f.fail(a, resultBad, "phone_number is no number")
		return
	case o.direction < 0 || o.direction > 3 || o.state < 0 || o.state > 2:
		f.fail(a, resultBad, "direction is 0 to 3, state 0 to 2")
		return
	}
	var n int64
	had := false
	err := f.house.Store.Update(a.r.Context(), func(tx calls.Tx) (err error) {
		for n = o.firstNumber(); ; n++ {
			kept, err := tx.Idempotent(a.key.Account, orderKey+orderText(n))
			switch {
			case errors.Is(err, calls.ErrNotFound):
				return tx.PutIdempotent(calls.IdempotencyRecord{Account: a.key.Account, Key: orderKey + orderText(n), BodyHash: o.name(),
					ExpiresAt: f.house.Clock.Now().Add(orderLife)})
			case err != nil:
				return err
			case kept.BodyHash == o.name():
				had = true
				return nil
			}
		}
	})
	if err != nil {
		f.broken(a, err)
		return
	}
	message := messageOK
	if had {
		message = "the history of this period already exists"
	}
	f.write(a.w, 200, struct {
		reply
		OrderID string `json:"order_id"`
	}{f.result(resultOK, message), orderText(n)})
	f.announce(a.key, n)
}

// orderText is an order as requests name it.
func orderText(n int64) string { return strconv.FormatInt(n, 10) }

// downloadHistory sends the file of an order.
func (f *facade) downloadHistory(a *asked) {
	var q orderQuery
	if json.Unmarshal(a.body, &q) != nil || q.OrderID == "" {
		f.fail(a, resultBad, "order_id is needed")
		return
	}
	name := ""
	err := f.house.Store.View(a.r.Context(), func(tx calls.ReadTx) (err error) {
		kept, err := tx.Idempotent(a.key.Account, orderKey+orderText(q.OrderID.whole()))
		if err == nil {
			name = kept.BodyHash
		}
		return err
	})
	o, ok := parseOrder(name)
	switch {
	case errors.Is(err, calls.ErrNotFound), err == nil && !ok:
		page(a.w, 404, fmt.Sprintf("File [%d] not found", q.OrderID.whole()))
		return
	case err != nil:
		f.broken(a, err)
		return
	}
	records, err := f.records(a.r.Context(), a.key.Account, o)
	if errors.Is(err, errManyCalls) {
		f.fail(a, resultBad, err.Error())
		return
	}
	if err == nil {
		var file []byte
		if file, err = f.set.History.pack(records, q.OrderID.whole()); err == nil {
			a.w.Header().Set("Content-Type", f.set.History.contentType())
			_, _ = a.w.Write(file)
			return
		}
	}
	f.broken(a, err)
}

// maxHistoryCalls bounds the calls that are looked at for one file.
const maxHistoryCalls = 200_000

var errManyCalls = errors.New("there are too many calls in this period: order a shorter one")

// records are the lines of an order, the oldest call first.
func (f *facade) records(ctx context.Context, account string, o historyOrder) ([][]string, error) {
	var rows [][]string
	cursor := afterTime(o.to)
	for seen := 0; ; {
		var list []*calls.Call
		err := f.house.Store.View(ctx, func(tx calls.ReadTx) (err error) {
			list, err = tx.Calls(calls.CallFilter{Account: account, Cursor: cursor, Limit: 500})
			return err
		})
		if err != nil {
			return nil, err
		}
		if seen += len(list); seen > maxHistoryCalls {
			return nil, errManyCalls
		}
		past := len(list) == 0
		for _, c := range list {
			cursor = c.ID
			if c.CreatedAt.Before(o.from) {
				past = true
				break
			}
			if !c.Over() || !c.CreatedAt.Before(o.to.Add(time.Second)) || o.number != "" && !same(o.number, c.To) && !same(o.number, c.From) {
				continue
			}
			info, err := f.infoOf(ctx, c)
			if err != nil {
				return nil, err
			}
			if o.wants(info) {
				rows = append(rows, historyRecord(sessionOf(c.ID), info))
			}
		}
		if past {
			break
		}
	}
	for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
		rows[i], rows[j] = rows[j], rows[i]
	}
	return rows, nil
}

// afterTime is an id behind every call that began at t or before.
func afterTime(t time.Time) string {
	var u ulid.ULID
	if u.SetTime(ulid.Timestamp(t.Add(2*time.Second))) != nil {
		return ""
	}
	return "call_" + u.String()
}

// wants reports whether a call with its number belongs into the file.
func (o historyOrder) wants(i infoOut) bool {
	return (o.direction == 0 || int(o.direction) == i.Direction) && (o.state == 0 || int(o.state) == i.State)
}

// pack writes the lines as a file.
func (h historyFileForm) pack(rows [][]string, order int64) ([]byte, error) {
	var out bytes.Buffer
	var w io.Writer = &out
	var closers []io.Closer
	switch h.Archive {
	case "zip":
		z := zip.NewWriter(&out)
		entry, err := z.Create(fmt.Sprintf("history_%d.csv", order))
		if err != nil {
			return nil, err
		}
		w, closers = entry, append(closers, z)
	case "gzip":
		z := gzip.NewWriter(&out)
		w, closers = z, append(closers, z)
	}
	c := csv.NewWriter(w)
	c.Comma = rune(h.Delimiter[0])
	if h.Header {
		rows = append([][]string{historyColumns}, rows...)
	}
	err := c.WriteAll(rows)
	for _, x := range closers {
		err = errors.Join(err, x.Close())
	}
	return out.Bytes(), err
}

func (h historyFileForm) contentType() string {
	switch h.Archive {
	case "zip":
		return "application/zip"
	case "gzip":
		return "application/gzip"
	}
	return "text/csv; charset=utf-8"
}
