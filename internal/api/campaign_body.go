package api

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/internal/numbering"
)

// campaignBody is the body of POST and PATCH /v1/campaigns: PATCH changes what is
// given.
type campaignBody struct {
	Name        *string         `json:"name,omitempty" maxLength:"200"`
	Flow        flowJSON        `json:"flow,omitempty" doc:"what happens on an answered call; or record_id and digits"`
	RecordID    text            `json:"record_id,omitempty" doc:"approved recording, or text with variables"`
	Digits      digitsJSON      `json:"digits,omitempty" doc:"with record_id"`
	AMD         amdJSON         `json:"amd,omitempty" doc:"in place of the flow's"`
	Bridge      *campaignBridge `json:"bridge,omitempty" doc:"talks of two parties instead of a flow: record_id is what the first one hears while the second is rung"`
	Pace        *campaignPace   `json:"pace,omitempty"`
	Window      windowJSON      `json:"window,omitempty" doc:"calling hours in the callee's local time; narrows those of the configuration"`
	Retry       retryJSON       `json:"retry,omitempty" doc:"when a call that reached nobody is tried again"`
	Trunk       *string         `json:"trunk,omitempty" maxLength:"64"`
	From        fromJSON        `json:"from,omitempty" doc:"caller number, pool:NAME, or a list of them that calls use in turn"`
	Priority    *int            `json:"priority,omitempty" minimum:"-100" maximum:"100"`
	Weight      *int            `json:"weight,omitempty" minimum:"1" maximum:"100" doc:"share where several campaigns want the same trunk; 1 where left out"`
	Consent     *consentBody    `json:"consent,omitempty" doc:"why its contacts may be called"`
	RingTimeout *string         `json:"ring_timeout,omitempty" maxLength:"20" doc:"5s to 3m"`
	MaxDuration *string         `json:"max_duration,omitempty" maxLength:"20" doc:"5s to 4h"`
	StartAt     *time.Time      `json:"start_at,omitempty" doc:"a draft is started then"`
	StopAt      *time.Time      `json:"stop_at,omitempty" doc:"it is paused then"`
	Metadata    json.RawMessage `json:"metadata,omitempty" doc:"an object of your own, at most 16 KiB; each of its calls has it"`
}

type campaignBridge struct {
	Manager   text   `json:"manager,omitempty" doc:"a number, or an extension at a trunk (201@office); a contact may have its own"`
	Order     string `json:"order,omitempty" enum:"manager_first,client_first" default:"manager_first"`
	Anonymous bool   `json:"anonymous,omitempty"`
}

type campaignPace struct {
	CPS      *float64 `json:"cps,omitempty" minimum:"0" maximum:"1000" doc:"new calls a second; 0 is as the trunks allow"`
	MaxCalls *int     `json:"max_calls,omitempty" minimum:"0" maximum:"100000" doc:"calls at the same time; 0 is as the trunks allow"`
	Interval *string  `json:"interval,omitempty" maxLength:"20" doc:"least time from one call to the next" example:"1s"`
}

// consentBody is a consent as told.
type consentBody struct {
	Basis    string     `json:"basis,omitempty" maxLength:"200" doc:"contract, written, site, …"`
	At       *time.Time `json:"at,omitempty"`
	Category string     `json:"category,omitempty" maxLength:"64" doc:"information, advertising, debt, …"`
}

// windowJSON and fromJSON are read by hand; their schemas document.
type (
	windowJSON struct{ json.RawMessage }
	fromJSON   struct{ json.RawMessage }
)

// Schema implements huma.SchemaProvider.
func (windowJSON) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "from, to, weekend {from, to}, days, holidays, preset", Examples: []any{map[string]any{"from": "09:00", "to": "21:00"}}}
}

// Schema implements huma.SchemaProvider.
func (fromJSON) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}}}}
}

// maxCallers bounds the caller numbers of a campaign.
const maxCallers = 1000

// apply writes what the body gives into a campaign. Every fault that can be seen
// without the store is in the error.
func (b *campaignBody) apply(c *calls.Campaign) error {
	var f faults
	for _, s := range []struct {
		at    string
		given *string
		to    *string
	}{{"body.name", b.Name, &c.Name}, {"body.trunk", b.Trunk, &c.Trunk}} {
		if s.given == nil {
			continue
		}
		if !calls.Printable(*s.given) {
			f.field(s.at, nil, "control characters are not allowed here")
		}
		*s.to = *s.given
	}
	if b.Priority != nil {
		c.Priority = *b.Priority
	}
	if b.Weight != nil {
		c.Weight = *b.Weight
	}
	if b.StartAt != nil {
		c.StartAt = b.StartAt
	}
	if b.StopAt != nil {
		c.StopAt = b.StopAt
	}
	if b.RingTimeout != nil {
		c.RingTimeout = duration(*b.RingTimeout, "body.ring_timeout", 5*time.Second, 3*time.Minute, &f)
	}
	if b.MaxDuration != nil {
		c.MaxDuration = duration(*b.MaxDuration, "body.max_duration", 5*time.Second, 4*time.Hour, &f)
	}
	b.applyFlow(c, &f)
	b.applyPace(c, &f)
	b.applyRules(c, &f)
	if !empty(b.Metadata) {
		if len(b.Metadata) > maxMetadata || bytes.TrimSpace(b.Metadata)[0] != '{' {
			f.field("body.metadata", nil, "metadata is an object of at most %d bytes", maxMetadata)
		}
		c.Metadata = bytes.Clone(b.Metadata)
	}
	return f.err()
}

// applyFlow reads what a callee hears.
func (b *campaignBody) applyFlow(c *calls.Campaign, f *faults) {
	hasFlow, hasDigits := !empty(b.Flow.RawMessage), !empty(b.Digits.RawMessage)
	switch {
	case hasFlow && (b.RecordID != "" || hasDigits):
		f.field("body", nil, "give either a flow, or record_id and digits")
	case hasFlow:
		flow, err := calls.ParseFlow(b.Flow.RawMessage, "body.flow")
		f.add(err)
		c.Flow = flow
	case b.RecordID != "" || hasDigits:
		if b.RecordID != "" {
			c.Flow.Record = calls.ClipID(b.RecordID)
		}
		if hasDigits {
			digits, err := calls.ParseDigits(b.Digits.RawMessage, "body.digits")
			f.add(err)
			c.Flow.Digits = digits
		}
	}
	if !empty(b.AMD.RawMessage) {
		options, err := calls.ParseAMD(b.AMD.RawMessage, "body.amd")
		f.add(err)
		c.Flow.AMD = options
	}
	if b.Bridge != nil {
		c.Bridge = &calls.Bridge{Manager: string(b.Bridge.Manager), Order: calls.Order(b.Bridge.Order), Anonymous: b.Bridge.Anonymous}
		if c.Bridge.Order == "" {
			c.Bridge.Order = calls.ManagerFirst
		}
		if hasFlow || hasDigits {
			f.field("body.bridge", nil, "a talk of two parties has no flow and no digits")
		}
		if !calls.Printable(c.Bridge.Manager) {
			f.field("body.bridge.manager", nil, "control characters are not allowed here")
		}
	}
	if c.Bridge == nil && c.Flow.Record == "" && f.first == nil {
		f.field("body", nil, "say what the callees hear: record_id or flow; or bridge")
	}
}

func (b *campaignBody) applyPace(c *calls.Campaign, f *faults) {
	if b.Pace == nil {
		return
	}
	if b.Pace.CPS != nil {
		c.Pace.CPS = *b.Pace.CPS
	}
	if b.Pace.MaxCalls != nil {
		c.Pace.MaxCalls = *b.Pace.MaxCalls
	}
	if b.Pace.Interval != nil {
		c.Pace.Interval = calls.Duration(duration(*b.Pace.Interval, "body.pace.interval", 0, 24*time.Hour, f))
	}
}

// applyRules reads who may be called when, from where and how often.
func (b *campaignBody) applyRules(c *calls.Campaign, f *faults) {
	if !empty(b.Window.RawMessage) {
		d := json.NewDecoder(bytes.NewReader(b.Window.RawMessage))
		d.DisallowUnknownFields()
		var w calls.Window
		err := d.Decode(&w)
		if err == nil {
			err = numbering.CheckWindow(w)
		}
		if err != nil {
			words := err.Error()
			if _, after, found := strings.Cut(words, ": "); found {
				words = after
			}
			f.field("body.window", nil, "%s", words)
		}
		c.Window = &w
	}
	if !empty(b.Retry.RawMessage) {
		retry, err := calls.ParseRetry(b.Retry.RawMessage, "body.retry")
		f.add(err)
		c.Retry = retry
	}
	if !empty(b.From.RawMessage) {
		var one text
		var list []text
		if json.Unmarshal(b.From.RawMessage, &one) == nil {
			list = []text{one}
		} else if err := json.Unmarshal(b.From.RawMessage, &list); err != nil || len(list) > maxCallers {
			f.field("body.from", nil, "from is a caller number, or a list of at most %d", maxCallers)
		}
		c.From = nil
		for _, n := range list {
			if !calls.Printable(string(n)) {
				f.field("body.from", nil, "control characters are not allowed here")
			}
			c.From = append(c.From, string(n))
		}
		c.From = slices.DeleteFunc(c.From, func(n string) bool { return n == "" })
	}
	if b.Consent != nil {
		c.Consent = &calls.Consent{Basis: b.Consent.Basis, At: b.Consent.At, Category: b.Consent.Category}
		if !calls.Printable(c.Consent.Basis + c.Consent.Category) {
			f.field("body.consent", nil, "control characters are not allowed here")
		}
	}
}
