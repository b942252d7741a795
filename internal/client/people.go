package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"zvonar/internal/calls"
)

// Employee is an employee as published.
type Employee struct {
	ID         string           `json:"id"`
	Name       string           `json:"name"`
	Extension  *string          `json:"extension"`
	Trunk      *string          `json:"trunk"`
	Phone      *string          `json:"phone"`
	Ring       calls.RingOrder  `json:"ring"`
	From       *string          `json:"from"`
	RecordID   *string          `json:"record_id"`
	CallMethod calls.CallMethod `json:"call_method"`
	CRMUser    *string          `json:"crm_user"`
	Provider   *string          `json:"provider"`
	Subscriber *string          `json:"subscriber"`
	SIPUser    *string          `json:"sip_user"`
	CreatedAt  calls.Stamp      `json:"created_at"`
	UpdatedAt  calls.Stamp      `json:"updated_at"`
}

// EmployeeRequest is the body of POST and PUT /v1/employees.
type EmployeeRequest struct {
	Name        string `json:"name"`
	Extension   string `json:"extension,omitempty"`
	Trunk       string `json:"trunk,omitempty"`
	Phone       string `json:"phone,omitempty"`
	Ring        string `json:"ring,omitempty"`
	From        string `json:"from,omitempty"`
	RecordID    string `json:"record_id,omitempty"`
	CallMethod  string `json:"call_method,omitempty"`
	CRMUser     string `json:"crm_user,omitempty"`
	Provider    string `json:"provider,omitempty"`
	Subscriber  string `json:"subscriber,omitempty"`
	SIPUser     string `json:"sip_user,omitempty"`
	SIPPassword string `json:"sip_password,omitempty"`
}

// Group is a group of employees as published.
type Group struct {
	Name        string         `json:"name"`
	Strategy    calls.Strategy `json:"strategy"`
	Members     []string       `json:"members"`
	RingTimeout *string        `json:"ring_timeout"`
	CreatedAt   calls.Stamp    `json:"created_at"`
	UpdatedAt   calls.Stamp    `json:"updated_at"`
}

// GroupRequest is the body of POST and PUT /v1/groups.
type GroupRequest struct {
	Name        string   `json:"name,omitempty"` // POST
	Strategy    string   `json:"strategy,omitempty"`
	Members     []string `json:"members"`
	RingTimeout string   `json:"ring_timeout,omitempty"`
}

// Number is a caller number as published; Code and CodeUntil are there only where
// it is being confirmed.
type Number struct {
	Number      string            `json:"number"`
	Kind        calls.NumberKind  `json:"kind"`
	State       calls.NumberState `json:"state"`
	Title       *string           `json:"title"`
	Trunk       *string           `json:"trunk"`
	Employee    *string           `json:"employee"`
	Campaigns   []string          `json:"campaigns"`
	Pool        *string           `json:"pool"`
	ConfirmedBy *string           `json:"confirmed_by"`
	ConfirmedAt calls.Stamp       `json:"confirmed_at"`
	CallID      *string           `json:"call_id"`
	CreatedAt   calls.Stamp       `json:"created_at"`
	Stats       struct {
		Days     int      `json:"days"`
		Dialled  int64    `json:"dialled"`
		Answered int64    `json:"answered"`
		Rate     *float64 `json:"rate"`
		TalkMS   int64    `json:"talk_ms"`
	} `json:"stats"`
	Code      *string     `json:"code,omitempty"`
	CodeUntil calls.Stamp `json:"code_until,omitzero"`
}

// NumberRequest is the body of POST and PUT /v1/numbers.
type NumberRequest struct {
	Number    string   `json:"number,omitempty"` // POST
	Title     string   `json:"title,omitempty"`
	Trunk     string   `json:"trunk,omitempty"`
	Employee  string   `json:"employee,omitempty"`
	Campaigns []string `json:"campaigns,omitempty"`
	Pool      string   `json:"pool,omitempty"`
}

// Attention is a call that needs a person, as published.
type Attention struct {
	ID        string               `json:"id"`
	CallID    string               `json:"call_id"`
	Kind      string               `json:"kind"`
	Why       string               `json:"why"`
	Number    *string              `json:"number"`
	State     calls.AttentionState `json:"state"`
	CreatedAt calls.Stamp          `json:"created_at"`
	TakenBy   *string              `json:"taken_by"`
	TakenAt   calls.Stamp          `json:"taken_at"`
	DoneBy    *string              `json:"done_by"`
	DoneAt    calls.Stamp          `json:"done_at"`
	Note      *string              `json:"note"`
}

// StatSums are the sums of a group of calls.
type StatSums struct {
	Calls      int64 `json:"calls"`
	Answered   int64 `json:"answered"`
	RingMS     int64 `json:"ring_ms"`
	TalkMS     int64 `json:"talk_ms"`
	BillableMS int64 `json:"billable_ms"`
}

// StatRow is a group of calls with its sums.
type StatRow struct {
	Group map[string]string `json:"group"`
	StatSums
}

// Stats is what was counted.
type Stats struct {
	Items    []StatRow   `json:"items"`
	Total    StatSums    `json:"total"`
	Other    StatSums    `json:"other"`
	Complete bool        `json:"complete"`
	Next     *string     `json:"next"`
	Through  calls.Stamp `json:"through"`
}

// BlockImport tells what became of a file.
type BlockImport struct {
	Lines  int `json:"lines"`
	Added  int `json:"added"`
	Known  int `json:"known"`
	Wrong  int `json:"wrong"`
	Faults []struct {
		Line    int    `json:"line"`
		Message string `json:"message"`
	} `json:"faults"`
}

// everything is the limit of lists that are read to their end.
const everything = 1 << 20

// Employees lists the employees.
func (c *Client) Employees(ctx context.Context) ([]Employee, error) {
	return list[Employee](ctx, c, "/v1/employees", url.Values{}, everything)
}

// AddEmployee adds one.
func (c *Client) AddEmployee(ctx context.Context, r EmployeeRequest) (Employee, error) {
	return ask[Employee](ctx, c, http.MethodPost, "/v1/employees", r)
}

// RemoveEmployee removes one.
func (c *Client) RemoveEmployee(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodDelete, "/v1/employees/"+url.PathEscape(id), nil, nil)
}

// Groups lists the groups.
func (c *Client) Groups(ctx context.Context) ([]Group, error) {
	return list[Group](ctx, c, "/v1/groups", url.Values{}, everything)
}

// AddGroup adds one.
func (c *Client) AddGroup(ctx context.Context, r GroupRequest) (Group, error) {
	return ask[Group](ctx, c, http.MethodPost, "/v1/groups", r)
}

// RemoveGroup removes one.
func (c *Client) RemoveGroup(ctx context.Context, name string) error {
	return c.Do(ctx, http.MethodDelete, "/v1/groups/"+url.PathEscape(name), nil, nil)
}

// Numbers lists the caller numbers with what they did in the last days.
func (c *Client) Numbers(ctx context.Context, days int) ([]Number, error) {
	return list[Number](ctx, c, "/v1/numbers", url.Values{"days": {strconv.Itoa(days)}}, everything)
}

// AddNumber adds one.
func (c *Client) AddNumber(ctx context.Context, r NumberRequest) (Number, error) {
	return ask[Number](ctx, c, http.MethodPost, "/v1/numbers", r)
}

// RemoveNumber removes one.
func (c *Client) RemoveNumber(ctx context.Context, number string) error {
	return c.Do(ctx, http.MethodDelete, "/v1/numbers/"+url.PathEscape(number), nil, nil)
}

// ConfirmNumber confirms one: by the operator's word, by a call that plays record
// and waits for the code of the answer, or by such a call that was made.
func (c *Client) ConfirmNumber(ctx context.Context, number, by, record, call string) (Number, error) {
	in := map[string]string{"by": by}
	if record != "" {
		in["record_id"] = record
	}
	if call != "" {
		in["call_id"] = call
	}
	return ask[Number](ctx, c, http.MethodPost, "/v1/numbers/"+url.PathEscape(number)+"/confirm", in)
}

// Attention lists calls that need a person; filter has the parameters of GET /v1/attention.
func (c *Client) Attention(ctx context.Context, filter url.Values, limit int) ([]Attention, error) {
	return list[Attention](ctx, c, "/v1/attention", filter, limit)
}

// TakeAttention takes one.
func (c *Client) TakeAttention(ctx context.Context, id string) (Attention, error) {
	return ask[Attention](ctx, c, http.MethodPost, "/v1/attention/"+url.PathEscape(id)+"/take", nil)
}

// FinishAttention says that one is done with.
func (c *Client) FinishAttention(ctx context.Context, id, note string) (Attention, error) {
	return ask[Attention](ctx, c, http.MethodPost, "/v1/attention/"+url.PathEscape(id)+"/done", map[string]string{"note": note})
}

// Stats counts calls; filter has the parameters of GET /v1/stats.
func (c *Client) Stats(ctx context.Context, filter url.Values) (Stats, error) {
	return ask[Stats](ctx, c, http.MethodGet, "/v1/stats?"+filter.Encode(), nil)
}

// ImportBlacklist blocks the numbers of a file.
func (c *Client) ImportBlacklist(ctx context.Context, file io.Reader) (out BlockImport, err error) {
	res, err := c.send(ctx, http.MethodPost, "/v1/blacklist/import", http.Header{"Content-Type": {"text/csv"}}, file)
	if err != nil {
		return out, err
	}
	defer func() { _ = res.Body.Close() }() // everything wanted was read
	return out, decode(res, &out)
}

// ExportBlacklist writes the whole blacklist to w; format is csv or ndjson.
func (c *Client) ExportBlacklist(ctx context.Context, format string, w io.Writer) error {
	res, err := c.send(ctx, http.MethodGet, "/v1/blacklist/export?format="+url.QueryEscape(format), http.Header{}, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // everything wanted was read
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("the export broke off: %w", err)
	}
	return nil
}

// CallRecords writes the records behind a place to w, up to limit of them (0: all
// there are), and gives the place to go on from.
func (c *Client) CallRecords(ctx context.Context, format string, after int64, limit int, w io.Writer) (int64, error) {
	for left := limit; limit == 0 || left > 0; {
		size := 5000
		if limit > 0 {
			size = min(size, left)
		}
		query := url.Values{"format": {format}, "after": {strconv.FormatInt(after, 10)}, "limit": {strconv.Itoa(size)}}
		res, err := c.send(ctx, http.MethodGet, "/v1/cdr?"+query.Encode(), http.Header{}, nil)
		if err != nil {
			return after, err
		}
		_, err = io.Copy(w, res.Body)
		_ = res.Body.Close() // everything wanted was read
		if err != nil {
			return after, fmt.Errorf("the export broke off: %w", err)
		}
		next, err := strconv.ParseInt(res.Header.Get("Zvonar-Next"), 10, 64)
		if err != nil || next == after {
			return after, err
		}
		after, left = next, left-size
	}
	return after, nil
}
