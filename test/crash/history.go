package crash

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// history is everything that was seen of one daemon over all its lives.
type history struct {
	Log       []event            // the event log, read at the end
	Seen      map[string]event   // events that anybody was shown before, by id
	Asks      []ask              // calls that the client asked for
	Cancels   []cancel           // acknowledged cancellations
	Blocks    []block            // acknowledged entries of the blacklist
	Listed    map[string]bool    // the blacklist, read at the end
	Dialogs   map[string]*dialog // by SIP Call-ID, from the traces of the far ends
	Arrivals  []arrival          // at the receiver, in order
	Texts     []string           // ids of the texts that the sender got
	Requests  []request          // to the provider
	Live      []string           // calls that were not over at the end
	RefsHeld  []string           // refs of calls that are over and could not be used again
	Unchecked []string           // what `zvonar check-store` complained of
	Copies    []string           // what was wrong with copies of the files
	Oddities  []string           // answers of the API that nothing in the load explains
}

// event is one event of the log, as far as the judge reads it.
type event struct {
	ID      string    `json:"id"`
	Type    string    `json:"type"`
	Subject string    `json:"subject"`
	Pos     int64     `json:"pos"`
	Seq     int64     `json:"seq"`
	Time    time.Time `json:"time"`
	CallID  string    `json:"call_id"`
	Ref     string    `json:"ref"`

	Facts facts  `json:"-"`
	Sum   string `json:"-"` // of the data: an event never changes
}

// facts are the fields of data that the judge reads, whatever the type.
type facts struct {
	ID        string `json:"id"`
	Number    string `json:"number"`
	Outcome   string `json:"outcome"`
	To        string `json:"to"`
	From      string `json:"from"`
	Direction string `json:"direction"`
	Attempt   string `json:"attempt"`
	Attempts  []struct {
		ID        string `json:"id"`
		Role      string `json:"role"`
		SIPCallID string `json:"sip_call_id"`
	} `json:"attempts"`
}

// parseEvent reads an event as the log and the webhooks give it.
func parseEvent(raw []byte) (event, error) {
	var e struct {
		event
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return event{}, fmt.Errorf("an event cannot be read: %w", err)
	}
	if len(e.Data) > 0 && string(e.Data) != "null" {
		if err := json.Unmarshal(e.Data, &e.Facts); err != nil {
			return event{}, fmt.Errorf("the data of %s cannot be read: %w", e.Type, err)
		}
	}
	e.Sum = fmt.Sprintf("%x", sha256.Sum256(e.Data))[:16]
	return e.event, nil
}

// number is the number in "number:N", or "".
func (e event) number() string {
	n, _ := strings.CutPrefix(e.Subject, "number:")
	return n
}

// ask is one call that the client wanted, however often it had to ask.
type ask struct {
	Ref, To string    // Ref names the request here, whether or not zvonar was told
	Bare    bool      // asked without a ref: only the Idempotency-Key tells a repetition, and nobody else asks for To
	Hook    bool      // the call has a webhook of its own
	IDs     []string  // of the calls that were acknowledged, 202 or 200
	At      time.Time // of the last acknowledgement
}

// cancel is an acknowledged cancellation. Final is the outcome it named, if the
// call was over with it.
type cancel struct {
	CallID, Final string
	At            time.Time
}

// block is an acknowledged entry of the blacklist.
type block struct {
	Number string
	At     time.Time
}

// dialog is what a far end saw under one SIP Call-ID.
type dialog struct {
	Inbound  bool            // the far end sent the INVITE
	Number   string          // dialled, or (inbound) calling
	First    time.Time       // first INVITE
	Branches map[string]bool // of the INVITEs that began a dialog: retransmissions share one
	Answered bool            // 200 was sent, by whom ever
	Bye      bool            // either side hung up
}

// arrival is one request at the receiver.
type arrival struct {
	Dest     string // "all" or the id of the call whose own webhook it is
	Event    event
	Accepted bool // we answered 2xx, or meant to
}

// request is one request to the provider.
type request struct{ CallID, Attempt string }

// violation is a promise that was broken.
type violation struct {
	Rule    string    `json:"rule"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	At      time.Time `json:"at,omitzero"`
}
