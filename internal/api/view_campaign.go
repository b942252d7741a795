package api

import (
	"encoding/json"
	"math"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/dialer/campaign"
)

// CampaignResource is a campaign as published (DESIGN 4.3).
type CampaignResource struct {
	ID          string              `json:"id"`
	Name        string              `json:"name"`
	State       calls.CampaignState `json:"state" enum:"draft,running,paused,stopped,finished"`
	PauseReason *string             `json:"pause_reason"`
	Flow        calls.Flow          `json:"flow"`
	Bridge      *calls.Bridge       `json:"bridge"`
	Pace        calls.Pace          `json:"pace"`
	Window      *calls.Window       `json:"window"`
	Retry       *calls.RetryPolicy  `json:"retry"`
	Trunk       *string             `json:"trunk"`
	From        []string            `json:"from" nullable:"false"`
	Priority    int                 `json:"priority"`
	Weight      int                 `json:"weight"`
	Consent     *calls.ConsentView  `json:"consent"`
	RingTimeout *string             `json:"ring_timeout"`
	MaxDuration *string             `json:"max_duration"`
	Counters    CampaignCounters    `json:"counters"`
	Funnel      CampaignFunnel      `json:"funnel"`
	Progress    float64             `json:"progress" doc:"share of the contacts that is behind, 0 to 1"`
	PerMinute   float64             `json:"per_minute" doc:"contacts that came to their end lately"`
	ETA         calls.Stamp         `json:"eta" doc:"when it is through if it goes on as it did lately, in the hours of each time zone; null where that is not known"`
	NextDueAt   calls.Stamp         `json:"next_due_at" doc:"when the next contact may be called; null where there is none"`
	StartAt     calls.Stamp         `json:"start_at"`
	StopAt      calls.Stamp         `json:"stop_at"`
	CreatedBy   string              `json:"created_by"`
	CreatedAt   calls.Stamp         `json:"created_at"`
	StartedAt   calls.Stamp         `json:"started_at"`
	EndedAt     calls.Stamp         `json:"ended_at"`
	Metadata    json.RawMessage     `json:"metadata"`
}

// CampaignCounters count contacts.
type CampaignCounters struct {
	Total      int64                   `json:"total"`
	Waiting    int64                   `json:"waiting" doc:"in line"`
	Calling    int64                   `json:"calling" doc:"with a call that is not over: held, ringing, talking"`
	Held       int64                   `json:"held" doc:"of these, whom a gate keeps back"`
	Active     int64                   `json:"active" doc:"of these, whose phone rings or who talk"`
	Done       int64                   `json:"done"`
	Skipped    int64                   `json:"skipped"`
	Failed     int64                   `json:"failed" doc:"no call could be made of them"`
	Lines      int64                   `json:"lines" doc:"of all lists that were imported"`
	Invalid    int64                   `json:"invalid" doc:"lines that are no contact"`
	Duplicates int64                   `json:"duplicates" doc:"lines whose contact was there already"`
	ByOutcome  map[calls.Outcome]int64 `json:"by_outcome"`
}

// CampaignFunnel tells how far calls came.
type CampaignFunnel struct {
	Dialed   int64 `json:"dialed" doc:"contacts who were called"`
	Rang     int64 `json:"rang"`
	Answered int64 `json:"answered"`
	People   int64 `json:"people" doc:"answered by no machine"`
	Pressed  int64 `json:"pressed" doc:"a digit"`
	Bridged  int64 `json:"bridged" doc:"talked to a manager"`
	Attempts int64 `json:"attempts"`
	TalkMS   int64 `json:"talk_ms"`
	Billable int64 `json:"billable_ms"`
}

func viewCampaign(c *calls.Campaign, p *campaign.Progress) CampaignResource {
	n := p.Counts
	v := CampaignResource{
		ID: c.ID, Name: c.Name, State: c.State, PauseReason: orNull(c.PauseReason), Flow: c.Flow, Bridge: c.Bridge, Pace: c.Pace, Window: c.Window, Retry: c.Retry,
		Trunk: orNull(c.Trunk), From: append([]string{}, c.From...), Priority: c.Priority, Weight: max(1, c.Weight),
		RingTimeout: spanOrNull(c.RingTimeout), MaxDuration: spanOrNull(c.MaxDuration),
		Counters: CampaignCounters{Total: n[calls.CountTotal], Waiting: n.Waiting(), Calling: n[calls.CountCalling], Held: p.Held, Active: p.Talking,
			Done: n[calls.CountDone], Skipped: n[calls.CountSkipped], Failed: n[calls.CountFailed], Lines: n[calls.CountLines],
			Invalid: n[calls.CountInvalid], Duplicates: n[calls.CountDuplicates], ByOutcome: n.ByOutcome()},
		Funnel: CampaignFunnel{Dialed: n[calls.CountDialed], Rang: n[calls.CountRang], Answered: n[calls.CountAnswered], People: n[calls.CountPeople],
			Pressed: n[calls.CountPressed], Bridged: n[calls.CountBridged], Attempts: n[calls.CountAttempts], TalkMS: n[calls.CountTalkMS], Billable: n[calls.CountBillableMS]},
		Progress: math.Round(p.Share()*10000) / 10000, PerMinute: math.Round(p.PerMinute*10) / 10,
		ETA: calls.Stamp(p.ETA), NextDueAt: calls.Stamp(p.NextDue), StartAt: calls.StampOf(c.StartAt), StopAt: calls.StampOf(c.StopAt),
		CreatedBy: c.CreatedBy, CreatedAt: calls.Stamp(c.CreatedAt), StartedAt: calls.Stamp(c.StartedAt), EndedAt: calls.Stamp(c.EndedAt), Metadata: c.Metadata,
	}
	v.Consent = viewConsent(c.Consent)
	if len(v.Metadata) == 0 {
		v.Metadata = json.RawMessage(`{}`)
	}
	return v
}

func viewConsent(c *calls.Consent) *calls.ConsentView {
	if c == nil {
		return nil
	}
	return &calls.ConsentView{Basis: orNull(c.Basis), At: calls.StampOf(c.At), Category: orNull(c.Category)}
}

func spanOrNull(d time.Duration) *string {
	if d == 0 {
		return nil
	}
	s := d.String()
	return &s
}

// ContactResource is a contact as published.
type ContactResource struct {
	N         int64              `json:"n"`
	Line      int64              `json:"line" doc:"where it stood in its list"`
	Ref       *string            `json:"ref"`
	Number    string             `json:"number"`
	State     calls.ContactState `json:"state" enum:"waiting,calling,done,skipped,failed"`
	Hold      *calls.HoldView    `json:"hold" doc:"why it is not called yet: in line by the same gates as a call's, else as of its call; in a list only with why=true"`
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
	Consent   *calls.ConsentView `json:"consent" doc:"why he may be called; null: as of the campaign"`
}

func viewContact(t *calls.Contact) ContactResource {
	r := t.Result
	v := ContactResource{N: t.N, Line: t.Line, Ref: orNull(t.Ref), Number: t.Number, State: t.State, Timezone: orNull(t.Timezone), NotBefore: calls.StampOf(t.NotBefore),
		RecordID: orNull(string(t.Record)), Manager: orNull(t.Manager), CallID: orNull(t.CallID), Outcome: orNull(string(t.Outcome)), Reason: orNull(string(r.Reason)),
		Attempts: r.Attempts, Answered: calls.StampOf(r.AnsweredAt), EndedAt: calls.Stamp(t.EndedAt), TalkMS: r.TalkMS, Billable: r.BillableMS,
		Digits: r.Digits, Verdict: orNull(string(r.Verdict)), Error: orNull(t.Error), Variables: t.Variables}
	if v.Variables == nil {
		v.Variables = map[string]string{}
	}
	v.Consent = viewConsent(t.Consent)
	return v
}

// PreflightResource is what is to be known before a campaign is started.
type PreflightResource struct {
	Words      string           `json:"words" doc:"all of it in one sentence"`
	Lines      int64            `json:"lines"`
	Invalid    int64            `json:"invalid"`
	Duplicates int64            `json:"duplicates"`
	Waiting    int64            `json:"waiting" doc:"contacts to call"`
	Blocked    int64            `json:"blacklisted" doc:"of these, on the blacklist now"`
	Hours      []PreflightHours `json:"hours" nullable:"false" doc:"where they are, most contacts first"`
	NextDueAt  calls.Stamp      `json:"next_due_at"`
	AtLeast    *string          `json:"takes_at_least" doc:"at the pace of the campaign, without retries and closed hours"`
	Obstacles  []string         `json:"obstacles" nullable:"false" doc:"what would keep calls from being made"`
	Ready      bool             `json:"ready"`
}

// PreflightHours are the hours of contacts with the same time zones.
type PreflightHours struct {
	Zones    []string    `json:"zones" nullable:"false"`
	Contacts int64       `json:"contacts"`
	Open     bool        `json:"open"`
	OpensAt  calls.Stamp `json:"opens_at" doc:"null where it is open, or never is"`
}

func viewPreflight(p *campaign.Preflight, now time.Time) PreflightResource {
	n := p.Counts
	v := PreflightResource{Words: p.Words(now), Lines: n[calls.CountLines], Invalid: n[calls.CountInvalid], Duplicates: n[calls.CountDuplicates], Waiting: n.Waiting(),
		Blocked: p.Blocked, Hours: []PreflightHours{}, NextDueAt: calls.Stamp(p.NextDue), AtLeast: spanOrNull(p.AtLeast.Round(time.Second)),
		Obstacles: append([]string{}, p.Obstacles...), Ready: len(p.Obstacles) == 0}
	for _, h := range p.Hours {
		v.Hours = append(v.Hours, PreflightHours{Zones: append([]string{}, h.Zones...), Contacts: h.Contacts, Open: h.Open, OpensAt: calls.Stamp(h.OpensAt)})
	}
	return v
}
