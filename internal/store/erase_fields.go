package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"zvonar/internal/calls"
)

// keptFields are the members of an event's data that say what happened and not
// to whom. What is not named here is erased: a field that a later version adds
// names a person until somebody has looked at it.
var keptFields = fields(`
	id direction status outcome reason scope source
	trunk provider campaign_id contact employee line target n attempt attempts attempt_id
	recording recording_id record_id sha256 played_ms duration_ms
	created_at due_at until ringing_at answered_at ended_at sent_at at
	ring_ms talk_ms billable_ms sip_code q850 hangup_by by hold gate state charged
	verdict cause confidence model revised from_onset_ms from_answer_ms
	digit digits leg legs via action actions result role codec rx lost jitter_ms rtt_ms mos tx tx_lost tx_jitter_ms srtp
	ref series sip_call_id`)

func fields(names string) map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields(names) {
		m[name] = true
	}
	return m
}

// keep leaves the members of objects that keptFields names; others become
// "erased" where they are text, else null. The reason of a call is of a
// published list; elsewhere it is what somebody wrote.
func keep(v any, ofCall bool) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = keep(v[i], ofCall)
		}
	case map[string]any:
		for key, member := range v {
			text, isText := member.(string)
			switch {
			case keptFields[key] && (ofCall || key != "reason"):
				v[key] = keep(member, ofCall)
			case isText && text == "":
			case isText:
				v[key] = calls.ErasedText
			default:
				v[key] = nil
			}
		}
	}
	return v
}

// readTree reads JSON as it was written: numbers stay text.
func readTree(doc string) (tree any, err error) {
	d := json.NewDecoder(strings.NewReader(doc))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, fmt.Errorf("store: a stored document cannot be read: %w", err)
	}
	return tree, nil
}

func writeTree(tree any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(tree); err != nil {
		return "", fmt.Errorf("store: a document cannot be written: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}
