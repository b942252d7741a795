package rostelecom

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// historyQuery is the body of domain_call_history.
type historyQuery struct {
	Domain      string `json:"domain,omitempty"`
	DateStart   string `json:"date_start"` // a time of Moscow
	DateEnd     string `json:"date_end"`
	Direction   int    `json:"direction"` // 0 all, 1 in, 2 out, 3 internal
	State       int    `json:"state"`     // 0 all, 1 accepted, 2 not
	PhoneNumber string `json:"phone_number,omitempty"`
}

// orderQuery is the body of download_call_history, and of history_file_completed.
type orderQuery struct {
	Domain  string `json:"domain,omitempty"`
	OrderID text   `json:"order_id"`
}

// MarshalJSON writes the order as a string.
func (t text) MarshalJSON() ([]byte, error) { return json.Marshal(string(t)) }

// maxHistory bounds a history that is downloaded, in bytes, packed and unpacked.
const (
	maxHistory         = 32 << 20
	maxHistoryUnpacked = 256 << 20
)

// HistoryFilter says which calls of a period are asked for.
type HistoryFilter struct {
	From, To         time.Time
	Direction, State int    // as historyQuery has them
	Phone            string // digits only; "": every number
}

// errNotReady: the file of an order is not there yet.
var errNotReady = errors.New("the history is not ready")

// History orders the calls of a period, waits for the file (history_file_completed
// shortens the wait) and reads it.
func (p *Provider) History(ctx context.Context, f HistoryFilter) ([]HistoryRow, error) {
	q := historyQuery{Domain: p.set.Domain, DateStart: f.From.In(moscow).Format(secondForm), DateEnd: f.To.In(moscow).Format(secondForm),
		Direction: f.Direction, State: f.State}
	if f.Phone != "" {
		q.PhoneNumber = e164(f.Phone)
	}
	var out struct {
		OrderID text `json:"order_id"`
	}
	if err := p.ask(ctx, methodHistory, "", q, &out); err != nil {
		return nil, err
	}
	if out.OrderID == "" {
		return nil, &calls.PlaceUnknown{Reason: "the history was ordered, but its answer has no order_id"}
	}
	order := calls.Clean(string(out.OrderID), 100)
	ready := p.await(order)
	defer p.forgetOrder(order)
	for n := 1; ; n++ {
		rows, err := p.Download(ctx, order)
		if err == nil || !errors.Is(err, errNotReady) || n >= p.set.History.Tries {
			return rows, err
		}
		wake := make(chan struct{})
		timer := p.house.Clock.AfterFunc(time.Duration(p.set.History.Pause), func() { close(wake) })
		select {
		case <-wake:
		case <-ready:
			ready = nil // told once; from here on the pauses decide
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}

// Download fetches the file of an order. errNotReady: it is not there yet.
func (p *Provider) Download(ctx context.Context, order string) ([]HistoryRow, error) {
	body, err := json.Marshal(orderQuery{Domain: p.set.Domain, OrderID: text(order)})
	if err != nil {
		return nil, err
	}
	a, err := p.postLimit(ctx, methodDownloadHistory, "", body, maxHistory)
	if err != nil {
		return nil, err
	}
	if notReady(a) {
		return nil, errNotReady
	}
	if a.Status != 200 {
		return nil, refusal(methodDownloadHistory, a)
	}
	return ParseHistory(a.Body)
}

// notReady reports whether an answer says that the file is yet to come: a page of
// words, a 404 that names the file, or JSON.
func notReady(a *providers.Answer) bool {
	start := bytes.TrimLeft(a.Body, "\ufeff \t\r\n")
	page := bytes.HasPrefix(start, []byte("<")) || bytes.HasPrefix(start, []byte("{"))
	missing := bytes.Contains(a.Body[:min(len(a.Body), 4096)], []byte("not found"))
	switch {
	case a.Status == 200:
		return page || missing && !bytes.ContainsAny(a.Body[:min(len(a.Body), 4096)], ";,")
	case a.Status == 404:
		return bytes.Contains(a.Body, []byte("File")) && missing
	}
	return false
}

// await gives a channel that is closed once the file of an order is announced.
func (p *Provider) await(order string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.ready[order]
	if c == nil {
		c = make(chan struct{})
		p.ready[order] = c
	}
	return c
}

func (p *Provider) forgetOrder(order string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ready, order)
}

// announced hears that a file is ready; what nobody waits for is passed over.
func (p *Provider) announced(order string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.ready[order]; c != nil {
		select {
		case <-c:
		default:
			close(c)
		}
	}
}

// historyColumns is the order of the columns where a file has no header.
var historyColumns = strings.Fields(`session_id call_type direction state orig_number orig_pin dest_number answering_sipuri answering_pin
	start_call_date duration is_voicemail is_record is_fax status_code status_string`)
