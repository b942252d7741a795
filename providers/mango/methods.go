package mango

import "zvonar/providers"

// method is one request of the API.
type method struct {
	path    string
	group   group
	command bool     // it bears a command_id, and result/PATH tells again what it came to
	needs   []string // members that must be there
	title   string
	sample  string
}

// methods are what client and facade know, in the order in which people are shown them.
var methods = []method{
	{"commands/callback", groupCallback, true, []string{"from", "to_number"}, "Ring an employee, then a number, and connect them",
		`{"command_id":"test-1","from":{"extension":"201"},"to_number":"79001234567"}`},
	{"commands/callback_group", groupCallback, true, []string{"from", "to", "line_number"}, "Connect a number and a group",
		`{"command_id":"test-2","from":"79001234567","to":"300","line_number":"74951234567"}`},
	{"commands/call/hangup", groupHangup, true, []string{"call_id"}, "End a call", `{"command_id":"test-3","call_id":"…"}`},
	{"commands/transfer", groupTransfer, true, []string{"call_id", "method", "to_number", "initiator"}, "Hand a talk to somebody else",
		`{"command_id":"test-4","call_id":"…","method":"blind","to_number":"202","initiator":"201"}`},
	{"commands/route", groupRoute, true, []string{"call_id", "to_number"}, "Send a caller who is in a menu to somebody",
		`{"command_id":"test-5","call_id":"…","to_number":"202"}`},
	{"commands/play/start", groupAny, true, []string{"call_id"}, "Play a file to a caller", `{"command_id":"test-6","call_id":"…","internal_id":1}`},
	{"commands/recording/start", groupRecord, true, []string{"call_id"}, "Record a talk",
		`{"command_id":"test-7","call_id":"…","call_party_number":"201"}`},
	{"commands/call/hold/on", groupAny, true, []string{"call_id"}, "Put a call on hold", `{"command_id":"test-8","call_id":"…","initiator":"201"}`},
	{"commands/sms", groupAny, true, []string{"text", "from_extension", "to_number"}, "Send a text",
		`{"command_id":"test-9","text":"…","from_extension":"201","to_number":"79001234567"}`},
	{"config/users/request", groupUsers, false, nil, "Employees", `{}`},
	{"groups", groupAny, false, nil, "Groups", `{}`},
	{"incominglines", groupAny, false, nil, "Numbers", `{}`},
	{"audiofiles", groupAny, false, nil, "Audio files", `{}`},
	{"account/balance", groupBalance, false, nil, "Balance", `{}`},
	{"stats/request", groupStats, false, []string{"date_from", "date_to"}, "Ask for statistics", `{"date_from":"1700000000","date_to":"1700086400"}`},
	{"stats/result", groupStatResult, false, []string{"key"}, "Get statistics", `{"key":"…"}`},
	{"queries/recording/post", groupRecordings, false, []string{"recording_id", "action"}, "Get a recording",
		`{"recording_id":"…","action":"download"}`},
}

// methodAt finds a method by its path.
func methodAt(path string) (method, bool) {
	for _, m := range methods {
		if m.path == path {
			return m, true
		}
	}
	return method{}, false
}

// needs say what each method does for whoever asks; a signed link to a recording is as
// queries/recording/post.
var needs = map[string]providers.Need{
	"commands/callback":        providers.NeedCall,
	"commands/callback_group":  providers.NeedCall,
	"commands/call/hangup":     providers.NeedCall,
	"commands/transfer":        providers.NeedCall,
	"commands/route":           providers.NeedCall,
	"commands/play/start":      providers.NeedCall,
	"commands/recording/start": providers.NeedCall,
	"commands/call/hold/on":    providers.NeedCall,
	"commands/sms":             providers.NeedCall,
	"config/users/request":     providers.NeedRead,
	"groups":                   providers.NeedRead,
	"incominglines":            providers.NeedRead,
	"audiofiles":               providers.NeedRead,
	"account/balance":          providers.NeedRead,
	"stats/request":            providers.NeedRead,
	"stats/result":             providers.NeedRead,
	"queries/recording/post":   providers.NeedListen,
}
