package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"zvonar/internal/calls"
)

// Campaign is a campaign as published.
type Campaign struct {
	ID          string              `json:"id"`
	Name        string              `json:"name"`
	State       calls.CampaignState `json:"state"`
	PauseReason *string             `json:"pause_reason"`
	Flow        json.RawMessage     `json:"flow"`
	Bridge      *calls.Bridge       `json:"bridge"`
	Pace        calls.Pace          `json:"pace"`
	Window      *calls.Window       `json:"window"`
	Retry       *calls.RetryPolicy  `json:"retry"`
	Trunk       *string             `json:"trunk"`
	From        []string            `json:"from"`
	Priority    int                 `json:"priority"`
	Weight      int                 `json:"weight"`
	Consent     *calls.ConsentView  `json:"consent"`
	RingTimeout *string             `json:"ring_timeout"`
	MaxDuration *string             `json:"max_duration"`
	Counters    CampaignCounters    `json:"counters"`
	Funnel      CampaignFunnel      `json:"funnel"`
	Progress    float64             `json:"progress"`
	PerMinute   float64             `json:"per_minute"`
	ETA         calls.Stamp         `json:"eta"`
	NextDueAt   calls.Stamp         `json:"next_due_at"`
	StartAt     calls.Stamp         `json:"start_at"`
	StopAt      calls.Stamp         `json:"stop_at"`
	CreatedBy   string              `json:"created_by"`
	CreatedAt   calls.Stamp         `json:"created_at"`
	StartedAt   calls.Stamp         `json:"started_at"`
	EndedAt     calls.Stamp         `json:"ended_at"`
	Metadata    json.RawMessage     `json:"metadata"`
}

// CampaignCounters count contacts, as published.
type CampaignCounters struct {
	Total      int64                   `json:"total"`
	Waiting    int64                   `json:"waiting"`
	Calling    int64                   `json:"calling"`
	Held       int64                   `json:"held"`
	Active     int64                   `json:"active"`
	Done       int64                   `json:"done"`
	Skipped    int64                   `json:"skipped"`
	Failed     int64                   `json:"failed"`
	Lines      int64                   `json:"lines"`
	Invalid    int64                   `json:"invalid"`
	Duplicates int64                   `json:"duplicates"`
	ByOutcome  map[calls.Outcome]int64 `json:"by_outcome"`
}

// CampaignFunnel tells how far calls came, as published.
type CampaignFunnel struct {
	Dialed   int64 `json:"dialed"`
	Rang     int64 `json:"rang"`
	Answered int64 `json:"answered"`
	People   int64 `json:"people"`
	Pressed  int64 `json:"pressed"`
	Bridged  int64 `json:"bridged"`
	Attempts int64 `json:"attempts"`
	TalkMS   int64 `json:"talk_ms"`
	Billable int64 `json:"billable_ms"`
}

// Contact is a contact as published.
type Contact struct {
	N         int64              `json:"n"`
	Line      int64              `json:"line"`
	Ref       *string            `json:"ref"`
	Number    string             `json:"number"`
	State     calls.ContactState `json:"state"`
	Hold      *calls.HoldView    `json:"hold"`
	Timezone  *string            `json:"timezone"`
	NotBefore calls.Stamp        `json:"not_before"`
	RecordID  *string            `json:"record_id"`
	Manager   *string            `json:"manager"`
	CallID    *string            `json:"call_id"`
	Outcome   *string            `json:"outcome"`
	Reason    *string            `json:"reason"`
	Attempts  int                `json:"attempts"`
	Answered  calls.Stamp        `json:"answered_at"`
	EndedAt   calls.Stamp        `json:"ended_at"`
	TalkMS    int64              `json:"talk_ms"`
	Billable  int64              `json:"billable_ms"`
	Digits    string             `json:"digits"`
	Verdict   *string            `json:"verdict"`
	Error     *string            `json:"error"`
	Variables map[string]string  `json:"variables"`
	Consent   *calls.ConsentView `json:"consent"`
}

// Preflight is what is to be known before a campaign is started.
type Preflight struct {
	Words      string           `json:"words"`
	Lines      int64            `json:"lines"`
	Invalid    int64            `json:"invalid"`
	Duplicates int64            `json:"duplicates"`
	Waiting    int64            `json:"waiting"`
	Blocked    int64            `json:"blacklisted"`
	Hours      []PreflightHours `json:"hours"`
	NextDueAt  calls.Stamp      `json:"next_due_at"`
	AtLeast    *string          `json:"takes_at_least"`
	Obstacles  []string         `json:"obstacles"`
	Ready      bool             `json:"ready"`
}

// PreflightHours are the hours of contacts with the same time zones.
type PreflightHours struct {
	Zones    []string    `json:"zones"`
	Contacts int64       `json:"contacts"`
	Open     bool        `json:"open"`
	OpensAt  calls.Stamp `json:"opens_at"`
}

// ContactImport is what came of a list.
type ContactImport struct {
	Lines         int64       `json:"lines"`
	Added         int64       `json:"added"`
	Duplicates    int64       `json:"duplicates"`
	Invalid       int64       `json:"invalid"`
	Errors        []LineFault `json:"errors"`
	ErrorsOmitted int64       `json:"errors_omitted"`
}

// LineFault is what is wrong with one line of a list.
type LineFault struct {
	Line  int64  `json:"line"`
	Field string `json:"field,omitempty"`
	Words string `json:"message"`
}

func campaignPath(id, rest string) string { return "/v1/campaigns/" + url.PathEscape(id) + rest }

// CreateCampaign makes a draft of a body as POST /v1/campaigns takes it.
func (c *Client) CreateCampaign(ctx context.Context, body any) (m Campaign, err error) {
	err = c.Do(ctx, http.MethodPost, "/v1/campaigns", body, &m)
	return m, err
}

// ChangeCampaign changes what body gives.
func (c *Client) ChangeCampaign(ctx context.Context, id string, body any) (m Campaign, err error) {
	err = c.Do(ctx, http.MethodPatch, campaignPath(id, ""), body, &m)
	return m, err
}

// Campaign shows one.
func (c *Client) Campaign(ctx context.Context, id string) (m Campaign, err error) {
	err = c.Do(ctx, http.MethodGet, campaignPath(id, ""), nil, &m)
	return m, err
}

// Campaigns lists up to limit, newest first.
func (c *Client) Campaigns(ctx context.Context, limit int) ([]Campaign, error) {
	return list[Campaign](ctx, c, "/v1/campaigns", url.Values{}, limit)
}

// DeleteCampaign removes one that does not run.
func (c *Client) DeleteCampaign(ctx context.Context, id string) error {
	_, err := c.patient(ctx, http.MethodDelete, campaignPath(id, ""), nil, nil)
	return err
}

// MoveCampaign starts, pauses, resumes or stops one.
func (c *Client) MoveCampaign(ctx context.Context, id string, move calls.CampaignMove, reason string) (m Campaign, err error) {
	var body any
	if reason != "" {
		body = map[string]string{"reason": reason}
	}
	err = c.Do(ctx, http.MethodPost, campaignPath(id, "/"+string(move)), body, &m)
	return m, err
}

// PreflightCampaign looks at one before it is started.
func (c *Client) PreflightCampaign(ctx context.Context, id string) (p Preflight, err error) {
	_, err = c.patient(ctx, http.MethodGet, campaignPath(id, "/preflight"), nil, &p)
	return p, err
}

// ImportContacts adds a list of any length; query is that of the API.
func (c *Client) ImportContacts(ctx context.Context, id string, query url.Values, list io.Reader) (out ContactImport, err error) {
	kind := "application/octet-stream" // the daemon looks at it
	res, err := c.send(ctx, http.MethodPost, campaignPath(id, "/contacts?")+query.Encode(), http.Header{"Content-Type": {kind}}, list)
	if err != nil {
		return out, err
	}
	defer func() { _ = res.Body.Close() }() // everything wanted was read
	err = decode(res, &out)
	return out, err
}

// ExportContacts gives the contacts with what came of them as csv or jsonl; the
// caller closes it.
func (c *Client) ExportContacts(ctx context.Context, id string, query url.Values) (io.ReadCloser, error) {
	res, err := c.send(ctx, http.MethodGet, campaignPath(id, "/export?")+query.Encode(), http.Header{}, nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// Contacts lists up to limit contacts in the order of import; filter is the query of
// the API.
func (c *Client) Contacts(ctx context.Context, id string, filter url.Values, limit int) ([]Contact, error) {
	return list[Contact](ctx, c, campaignPath(id, "/contacts"), filter, limit)
}

// Contact shows one, by its n or ref, with what keeps it from being called.
func (c *Client) Contact(ctx context.Context, id, contact string) (t Contact, err error) {
	err = c.Do(ctx, http.MethodGet, campaignPath(id, "/contacts/"+url.PathEscape(contact)), nil, &t)
	return t, err
}

// SkipContact takes a contact out of the line.
func (c *Client) SkipContact(ctx context.Context, id string, n int64) (t Contact, err error) {
	err = c.Do(ctx, http.MethodPost, campaignPath(id, "/contacts/"+strconv.FormatInt(n, 10)+"/skip"), nil, &t)
	return t, err
}

// MoveContact moves a contact to the front of the line ("front"), or to a time.
func (c *Client) MoveContact(ctx context.Context, id string, n int64, to string) (t Contact, err error) {
	err = c.Do(ctx, http.MethodPost, campaignPath(id, "/contacts/"+strconv.FormatInt(n, 10)+"/move"), map[string]string{"to": to}, &t)
	return t, err
}
