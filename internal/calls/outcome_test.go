package calls

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestJudgeReadsEveryRow(t *testing.T) {
	t.Parallel()
	const charged, free = true, false
	for _, tc := range []struct {
		name string
		end  Ending
		want Result
	}{
		{"answered", Ending{Answered: true, Code: 200, Q850: 17}, Result{OutcomeAnswered, ReasonHangup, charged}},
		{"not sent", Ending{Transport: true}, Result{OutcomeTrunkError, ReasonTrunkTransport, free}},
		{"487 after our CANCEL", Ending{Code: 487, Canceled: true, Rang: true}, Result{OutcomeNoAnswer, ReasonRingTimeout, charged}},
		{"200 crossing our CANCEL", Ending{Code: 200, Canceled: true}, Result{OutcomeNoAnswer, ReasonRingTimeout, charged}},
		{"ring time-out", Ending{Code: 487, Canceled: true, Timeout: true, Rang: true}, Result{OutcomeNoAnswer, ReasonRingTimeout, charged}},
		{"silence", Ending{Timeout: true}, Result{OutcomeTrunkError, ReasonTrunkTimeout, free}},
		{"silence after ringing", Ending{Timeout: true, Rang: true}, Result{OutcomeNoAnswer, ReasonRingTimeout, charged}},
		{"2xx without a codec", Ending{Code: 200, Media: true}, Result{OutcomeTrunkError, ReasonMedia, charged}},
		{"488", Ending{Code: 488, Media: true}, Result{OutcomeTrunkError, ReasonMedia, free}},
		{"announcement before the code", Ending{Code: 480, Early: Heard{Kind: HeardSIT}}, Result{OutcomeAnnouncement, ReasonSIT, charged}},
		{"the cause says what the announcement does", Ending{Code: 480, Q850: 20, Early: Heard{Kind: HeardSIT}}, Result{OutcomeUnreachable, ReasonSubscriberAbsent, charged}},
		{"words are known better than causes", Ending{Code: 480, Q850: 20, Early: Heard{Kind: HeardKnown, Meaning: MeansInvalid}}, Result{OutcomeInvalidNumber, ReasonKnown, charged}},
		{"known announcement, then we gave up", Ending{Canceled: true, Rang: true, Early: Heard{Kind: HeardKnown, Meaning: MeansUnreachable}}, Result{OutcomeUnreachable, ReasonKnown, charged}},
		{"known announcement of the network", Ending{Code: 480, Early: Heard{Kind: HeardKnown, Meaning: MeansCongestion}}, Result{OutcomeTrunkError, ReasonCongestion, free}},
		{"please wait", Ending{Code: 486, Early: Heard{Kind: HeardKnown, Meaning: MeansRinging}}, Result{OutcomeBusy, ReasonNone, charged}},
		{"voicemail before the answer", Ending{Timeout: true, Rang: true, Early: Heard{Kind: HeardKnown, Meaning: MeansVoicemail}}, Result{OutcomeMachine, ReasonKnown, charged}},
		{"busy tone, then silence", Ending{Canceled: true, Rang: true, Early: Heard{Kind: HeardBusy}}, Result{OutcomeBusy, ReasonBusyTone, charged}},
		{"busy tone, but the trunk knows better", Ending{Code: 480, Q850: 1, Early: Heard{Kind: HeardBusy}}, Result{OutcomeInvalidNumber, ReasonNone, charged}},
		{"congestion tone, but the callee refused", Ending{Code: 603, Early: Heard{Kind: HeardCongestion}}, Result{OutcomeRejected, ReasonNone, charged}},
		{"ringback says nothing", Ending{Code: 486, Early: Heard{Kind: HeardRingback}}, Result{OutcomeBusy, ReasonNone, charged}},
		{"fax before the answer", Ending{Code: 487, Early: Heard{Kind: HeardFaxCED}}, Result{OutcomeFax, ReasonNone, charged}},
		{"answered all the same", Ending{Answered: true, Early: Heard{Kind: HeardSIT}}, Result{OutcomeAnswered, ReasonHangup, charged}},
		{"cause before code", Ending{Code: 480, Q850: 20}, Result{OutcomeUnreachable, ReasonSubscriberAbsent, charged}},
		{"cause that says nothing", Ending{Code: 486, Q850: 16}, Result{OutcomeBusy, ReasonNone, charged}},
		{"SIP cause before code", Ending{Code: 500, SIPCause: 486}, Result{OutcomeBusy, ReasonNone, charged}},
		{"Q.850 before SIP cause", Ending{Code: 500, Q850: 21, SIPCause: 486}, Result{OutcomeRejected, ReasonNone, charged}},
		{"SIP cause that says nothing", Ending{Code: 486, SIPCause: 200}, Result{OutcomeBusy, ReasonNone, charged}},
		{"408 without ringing", Ending{Code: 408}, Result{OutcomeUnreachable, ReasonTrunkTimeout, charged}},
		{"408 after ringing", Ending{Code: 408, Rang: true}, Result{OutcomeNoAnswer, ReasonNone, charged}},
		{"403 at once", Ending{Code: 403}, Result{OutcomeTrunkError, ReasonTrunkAuth, free}},
		{"403 after ringing", Ending{Code: 403, Rang: true}, Result{OutcomeRejected, ReasonNone, charged}},
		{"487 of theirs", Ending{Code: 487, Rang: true}, Result{OutcomeNoAnswer, ReasonNone, charged}},
		{"nothing known", Ending{}, Result{OutcomeLost, ReasonNone, charged}},
	} {
		if got := Judge(tc.end); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
	for _, row := range []struct {
		codes, causes []int
		want          Result
	}{
		{[]int{486, 600}, []int{17}, Result{OutcomeBusy, ReasonNone, charged}},
		{[]int{480, 487}, []int{18, 19}, Result{OutcomeNoAnswer, ReasonNone, charged}},
		{[]int{603, 605, 699}, []int{21}, Result{OutcomeRejected, ReasonNone, charged}},
		{[]int{607, 608}, nil, Result{OutcomeRejected, ReasonUnwanted, charged}},
		{nil, []int{20}, Result{OutcomeUnreachable, ReasonSubscriberAbsent, charged}},
		{nil, []int{27}, Result{OutcomeUnreachable, ReasonNone, charged}},
		{[]int{300, 301, 302, 305, 380}, nil, Result{OutcomeUnreachable, ReasonRedirected, charged}},
		{[]int{404, 410, 484, 604}, []int{1, 22, 28}, Result{OutcomeInvalidNumber, ReasonNone, charged}},
		{[]int{401, 403, 407}, nil, Result{OutcomeTrunkError, ReasonTrunkAuth, free}},
		{[]int{488, 606}, nil, Result{OutcomeTrunkError, ReasonMedia, free}},
		{[]int{400, 402, 405, 415, 420, 428, 436, 437, 438, 500, 502, 503, 504, 513}, nil, Result{OutcomeTrunkError, ReasonTrunkRefused, free}},
		{nil, []int{34, 38, 41, 42, 47}, Result{OutcomeTrunkError, ReasonCongestion, free}},
	} {
		for _, code := range row.codes {
			if got := Judge(Ending{Code: code}); got != row.want {
				t.Errorf("SIP %d: %+v, want %+v", code, got, row.want)
			}
		}
		for _, cause := range row.causes {
			if got := Judge(Ending{Code: 500, Q850: cause}); got != row.want {
				t.Errorf("Q.850 %d: %+v, want %+v", cause, got, row.want)
			}
		}
	}
}

func TestJudgeKnowsEveryCode(t *testing.T) {
	t.Parallel()
	outcomes := Outcomes()
	for code := 300; code < 700; code++ {
		for _, rang := range []bool{false, true} {
			r := Judge(Ending{Code: code, Rang: rang})
			if !slices.Contains(outcomes, r.Outcome) || r.Outcome == OutcomeLost || r.Outcome == OutcomeAnswered {
				t.Errorf("%d rang=%v: %+v", code, rang, r)
			}
		}
	}
}

// constants lists the values of the string constants of a type in a file.
func constants(t *testing.T, file, typeName string) (values []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || fmt.Sprint(spec.Type) != typeName {
			return true
		}
		for _, v := range spec.Values {
			s, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, s)
		}
		return true
	})
	return values
}

func TestEveryOutcomeAndReasonIsPublished(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/outcomes.md")
	if err != nil {
		t.Fatal(err)
	}
	outcomes, reasons := constants(t, "outcome.go", "Outcome"), constants(t, "outcome.go", "Reason")
	if len(outcomes) != len(Outcomes())+1 || len(reasons) < 30 {
		t.Fatalf("%d outcomes, %d reasons were found", len(outcomes), len(reasons))
	}
	for _, word := range append(outcomes, reasons...) {
		if word != "" && !strings.Contains(string(text), "`"+word+"`") {
			t.Errorf("docs/outcomes.md does not say what %q means", word)
		}
	}
}
