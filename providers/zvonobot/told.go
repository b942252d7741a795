package zvonobot

import (
	"encoding/json"
	"errors"
	"time"
)

// echoName is the member of our webhookParameters that names our call.
const echoName = "zvonar_call"

// told is one fact about one call, from a webhook or an answer of get.
type told struct {
	API  int64  // id of the API call; 0: not told
	Call int64  // id of the call in it; 0: not told
	Echo string // our call, as our webhookParameters brought it back; "": they did not

	Digit  bool // the webhook of a digit, else that of a status
	Status string
	Phone  string
	// Answers are all digits so far, where told at all (HasAnswers); Answer is the one
	// that the webhook of a digit is about.
	Answers    string
	HasAnswers bool
	Answer     string

	Cause, Comment string
	Record         string // where the sound of the talk is
	Started, Up    time.Time
	Finished       time.Time
	Updated        time.Time
}

// errNoCall is a body in which no call is told of.
var errNoCall = errors.New("no call is told of")

// maxTold bounds the calls of one body.
const maxTold = 5000

// parseWebhook reads the body of a webhook: {"apiCalls":[…]}, {"call":{…}} or a bare
// call object, in either spelling.
func parseWebhook(body []byte) ([]told, error) {
	m, ok := members(body)
	if !ok {
		return nil, errors.New("the body is no JSON object")
	}
	echo := echoOf(m)
	switch {
	case m["apicalls"] != nil:
		return parseAPICalls(m["apicalls"], echo)
	case m["call"] != nil:
		c, ok := members(m["call"])
		if !ok {
			return nil, errNoCall
		}
		t := parseCall(c)
		t.Digit = m["call"] != nil && t.Status == "" || c["answer"] != nil
		t.Answer = answersOf(textOf(c, "answer"))
		if t.Echo == "" {
			t.Echo = echo
		}
		if t.API == 0 {
			t.API = numberOf(m, "apicallid")
		}
		return one(t)
	}
	t := parseCall(m)
	if t.Echo == "" {
		t.Echo = echo
	}
	return one(t)
}

func one(t told) ([]told, error) {
	if t.API == 0 && t.Call == 0 && t.Echo == "" {
		return nil, errNoCall
	}
	return []told{t}, nil
}

// parseAPICalls reads API calls, one or a list, as webhooks and get tell of them.
func parseAPICalls(raw json.RawMessage, echo string) ([]told, error) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	var out []told
	for _, raw := range list {
		if len(out) >= maxTold {
			break
		}
		if m, ok := members(raw); ok {
			if t, ok := parseAPICall(m, echo); ok {
				out = append(out, t)
			}
		}
	}
	if len(out) == 0 {
		return nil, errNoCall
	}
	return out, nil
}

// parseAPICall reads one API call. Of its calls the latest counts: those before it
// were tried and came to nothing.
func parseAPICall(m map[string]json.RawMessage, echo string) (told, bool) {
	api := numberOf(m, "id")
	if own := echoOf(m); own != "" {
		echo = own
	}
	var list []json.RawMessage
	if json.Unmarshal(m["calls"], &list) != nil && m["calls"] != nil {
		list = []json.RawMessage{m["calls"]}
	}
	best := told{Status: textOf(m, "status"), Phone: textOf(m, "phone")}
	for _, raw := range list {
		if c, ok := members(raw); ok {
			if t := parseCall(c); t.Call >= best.Call {
				best = t
			}
		}
	}
	best.API = api
	if best.Echo == "" {
		best.Echo = echo
	}
	return best, api != 0 || best.Echo != ""
}

// parseCall reads a call object.
func parseCall(c map[string]json.RawMessage) told {
	t := told{API: numberOf(c, "apicallid"), Call: numberOf(c, "id"), Echo: echoOf(c), Status: textOf(c, "status"), Phone: textOf(c, "phone"),
		Cause: textOf(c, "hangupcause"), Comment: textOf(c, "comment"), Record: textOf(c, "recordfilepath"),
		Started: timeOf(c, "startedat"), Up: timeOf(c, "answeredat"), Finished: timeOf(c, "finishedat"), Updated: timeOf(c, "updatedat")}
	if raw, ok := c["ivranswers"]; ok && string(raw) != "null" {
		t.Answers, t.HasAnswers = answersOf(textOf(c, "ivranswers")), true
	}
	return t
}

// echoOf finds our call in webhookParameters: merged into the object, or kept beside
// it as an object or as the text that we sent.
func echoOf(m map[string]json.RawMessage) string {
	if id := textOf(m, fold(echoName)); id != "" {
		return id
	}
	raw, ok := m["webhookparameters"]
	if !ok {
		return ""
	}
	if s := textOf(m, "webhookparameters"); s != "" {
		raw = json.RawMessage(s)
	}
	inner, ok := members(raw)
	if !ok {
		return ""
	}
	return textOf(inner, fold(echoName))
}
