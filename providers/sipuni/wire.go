package sipuni

import (
	"slices"
	"strings"
)

// The methods by their paths under /api/.
const (
	methodNumber      = "callback/call_number"
	methodTree        = "callback/call_tree"
	methodExternal    = "callback/call_external"
	methodCancel      = "callback/cancel"
	methodHangup      = "events/call/hangup"
	methodSpy         = "events/call/spymode"
	methodVoice       = "voicecall/call"
	methodSchemes     = "schema/list"
	methodStatistic   = "statistic/export"
	methodEverything  = "statistic/export/all"
	methodRecord      = "statistic/record"
	methodOperators   = "statistic/operators"
	methodAddNumber   = "autocall/add_number"
	methodDropNumber  = "autocall/delete_number"
	methodAddOperator = "autocall/add_operator"
	methodStatus      = "workplace/setUserStatus"
)

// Parameters that every request has.
const (
	paramUser = "user"
	paramHash = "hash"
)

// method is one row of the table of the reference, 4.2.
type method struct {
	path string
	// needs are the parameters without which a request makes no sense; may be empty
	// text only where mayBeEmpty says so.
	needs      []string
	mayBeEmpty []string
	// places: it makes a telephone ring, so that a repetition must not ring it again.
	places bool
	csv    bool // the answer is a table
	get    bool // sent by GET; otherwise a form by POST
}

var methods = []method{
	{path: methodNumber, needs: []string{"antiaon", "phone", "reverse", "sipnumber"}, places: true},
	{path: methodTree, needs: []string{"phone", "sipnumber", "tree"}, places: true},
	{path: methodExternal, needs: []string{"phoneFrom", "phoneTo", "sipnumber", "sipnumber2"}, mayBeEmpty: []string{"sipnumber2"}, places: true},
	{path: methodCancel, needs: []string{"callbackId"}},
	{path: methodHangup, needs: []string{"callId"}},
	{path: methodSpy, needs: []string{"callId", "sipnumber", "whisper"}},
	{path: methodVoice, needs: []string{"message", "phone", "sipnumber", "voice"}, places: true},
	{path: methodSchemes, needs: []string{"type"}, mayBeEmpty: []string{"type"}},
	{path: methodStatistic, needs: []string{"from", "to"}, mayBeEmpty: []string{"from", "to"}, csv: true},
	{path: methodEverything, csv: true},
	{path: methodRecord, needs: []string{"id"}},
	{path: methodOperators, csv: true},
	{path: methodAddNumber, needs: []string{"again", "autocallId", "number"}},
	{path: methodDropNumber, needs: []string{"autocallId", "number"}},
	{path: methodAddOperator, needs: []string{"autocallId", "operator"}},
	{path: methodStatus, needs: []string{"sipnumber", "status"}, get: true},
}

// methodOf finds a method by its path.
func methodOf(path string) (method, bool) {
	i := slices.IndexFunc(methods, func(m method) bool { return m.path == path })
	if i < 0 {
		return method{}, false
	}
	return methods[i], true
}

// missing is the first parameter that a request needs and lacks, or "".
func (m method) missing(p params) string {
	for _, name := range m.needs {
		if value, has := p[name]; !has || value == "" && !slices.Contains(m.mayBeEmpty, name) {
			return name
		}
	}
	return ""
}

// shifted is the first parameter whose plus sign could move the borders of what
// was signed, or "": only the text of a voice message may have one.
func shifted(p params) string {
	for _, name := range names(p) {
		if name != "message" && strings.Contains(p[name], "+") {
			return name
		}
	}
	return ""
}

// numberOf makes what the service calls a number ours: digits, without the spaces,
// the +, and the "_id17" behind the numbers of its events.
func numberOf(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "_id")
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// sameNumber compares numbers that may be written with 8, with 7 or without either:
// by their last ten digits, as long as both have as many.
func sameNumber(a, b string) bool {
	const significant = 10
	if len(a) < significant || len(b) < significant {
		return a == b && a != ""
	}
	return a[len(a)-significant:] == b[len(b)-significant:]
}
