package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// exchangeDoc is what has no column of an exchange.
type exchangeDoc struct {
	TookMS  int64  `json:"took_ms"`
	Request string `json:"request"`
	Answer  string `json:"answer"`
	Status  int    `json:"status"`
	Fault   string `json:"fault,omitempty"`
	Test    bool   `json:"test,omitempty"`
	Remote  string `json:"remote,omitempty"`
}

func scanExchange(sc scanner) (x calls.Exchange, err error) {
	var at int64
	var outgoing int
	var doc string
	if err := sc.Scan(&x.ID, &x.Account, &x.Kind, &x.Provider, &outgoing, &x.Method, &x.Correlation, &at, &doc); err != nil {
		return x, err
	}
	var d exchangeDoc
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		return x, err
	}
	x.Outgoing, x.At = outgoing != 0, fromMicros(at)
	x.TookMS, x.Request, x.Answer, x.Status, x.Fault, x.Test, x.RemoteAddress = d.TookMS, d.Request, d.Answer, d.Status, d.Fault, d.Test, d.Remote
	return x, nil
}

// exchangesMatching is what a filter selects.
func exchangesMatching(f calls.ExchangeFilter) (w where) {
	switch {
	case f.Account != "" && f.Unowned:
		w.add("(account = ? OR account = '')", f.Account)
	case f.Account != "":
		w.add("account = ?", f.Account)
	}
	w.equal("kind", f.Kind)
	w.equal("provider", f.Provider)
	w.equal("method", f.Method)
	w.equal("call_id", f.CallID)
	if f.Facades {
		w.add("provider = '' AND outgoing = 0")
	}
	if f.Outgoing != nil {
		w.add("outgoing = ?", flag(*f.Outgoing))
	}
	return w
}

// Exchanges implements calls.ProviderReads.
func (t *tx) Exchanges(f calls.ExchangeFilter) ([]calls.Exchange, error) {
	w, order := exchangesMatching(f), "DESC"
	if f.After > 0 {
		order = "ASC"
		w.add("id > ?", f.After)
	} else if f.Before > 0 {
		w.add("id < ?", f.Before)
	}
	return many(t, scanExchange, `SELECT id, account, kind, provider, outgoing, method, call_id, at, doc FROM exchanges`+w.sql()+
		` ORDER BY id `+order+` LIMIT ?`, append(w.args, limited(f.Limit, 500))...)
}

// InsertExchange implements calls.ProviderWrites.
func (t *tx) InsertExchange(x *calls.Exchange) error {
	doc, err := json.Marshal(exchangeDoc{TookMS: x.TookMS, Request: x.Request, Answer: x.Answer, Status: x.Status, Fault: x.Fault, Test: x.Test, Remote: x.RemoteAddress})
	if err != nil {
		return fmt.Errorf("store: an exchange cannot be written: %w", err)
	}
	x.ID, err = one(t, scalar[int64], `INSERT INTO exchanges (account, kind, provider, outgoing, method, call_id, at, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		x.Account, x.Kind, x.Provider, flag(x.Outgoing), x.Method, x.Correlation, micros(x.At), string(doc))
	return err
}

const (
	oldExchanges  = `DELETE FROM exchanges WHERE at < ?`
	manyExchanges = `DELETE FROM exchanges WHERE id <= (SELECT id FROM exchanges ORDER BY id DESC LIMIT 1 OFFSET ?)`
)

// TrimExchanges implements calls.ProviderWrites.
func (t *tx) TrimExchanges(before time.Time, most int) (removed int, err error) {
	n, err := t.exec(oldExchanges, micros(before))
	if err != nil {
		return 0, err
	}
	more, err := t.exec(manyExchanges, max(most, 0))
	return int(n + more), err
}

// ClearExchanges implements calls.ProviderWrites.
func (t *tx) ClearExchanges(f calls.ExchangeFilter) (removed int, err error) {
	w := exchangesMatching(f)
	n, err := t.exec(`DELETE FROM exchanges`+w.sql(), w.args...)
	return int(n), err
}

// exchanges removes what was said about the number. It stands in texts of any form,
// often without the code of its country, so the table is read through: it is short.
func (x *erasure) exchanges() error {
	digits := x.Number
	if len(digits) > 10 {
		digits = digits[len(digits)-10:]
	}
	if len(digits) < 5 || strings.Trim(digits, "0123456789") != "" {
		return nil // an extension stands in too much that is another's
	}
	n, err := x.t.exec(`DELETE FROM exchanges WHERE (account = ? OR account = '') AND doc LIKE '%' || ? || '%'`, x.Account, digits)
	x.n.Others += int(n)
	return err
}
