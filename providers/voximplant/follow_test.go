package voximplant

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// following runs Follow as the engine does: before Place, until it returns.
type following struct {
	t       *testing.T
	clock   *clock.Fake
	sim     *simulator
	client  *client
	reports *reports
	intake  http.Handler
	placed  chan calls.PlaceResult
	done    sync.WaitGroup
	stop    context.CancelFunc
}

func follow(t *testing.T, r calls.PlaceRequest, more string) *following {
	t.Helper()
	f := &following{t: t, clock: clock.NewFake(noon), reports: newReports(), placed: make(chan calls.PlaceResult, 1)}
	f.sim = newSimulator(t, f.clock, testSigner(t))
	f.client, _ = newTestClient(t, f.sim, f.clock, more)
	f.intake = f.client.Intake()
	ctx, cancel := context.WithCancel(t.Context())
	f.stop = cancel
	f.done.Go(f.client.Follow(ctx, r, f.placed, f.reports.tell))
	t.Cleanup(func() {
		cancel()
		f.done.Wait()
	})
	return f
}

// place asks the simulator, and gives its answer to the follower.
func (f *following) place(r calls.PlaceRequest) {
	f.t.Helper()
	got, err := f.client.Place(f.t.Context(), r)
	if err != nil {
		f.t.Fatal(err)
	}
	f.placed <- got
}

func (f *following) post(body string) {
	f.t.Helper()
	if code := post(f.t, f.intake, body); code != http.StatusOK {
		f.t.Fatalf("%s: %d", body, code)
	}
}

// report is one as our scenario sends it.
func report(n int, rest string) string {
	return fmt.Sprintf(`{"v":1,"call":"call_1","attempt":"att_1","session":"4711","n":%d,"at":%d,%s}`, n, noon.UnixMilli()+int64(n), rest)
}

// wholeCall is a call as our scenario tells it.
var wholeCall = []string{
	report(1, `"event":"ringing"`),
	report(2, `"event":"connected"`),
	report(3, `"event":"amd","class":"HUMAN","subtype":"NONE","confidence":93`),
	report(4, `"event":"tone","digit":"1"`),
	report(5, `"event":"tone","digit":"2"`),
	report(6, `"event":"manager"`),
	report(7, `"event":"joined"`),
	report(8, `"event":"record","url":"https://records.example.com/1.mp3"`),
	report(9, `"event":"disconnected","by":"customer","talk_ms":12000`),
}

var wholeStates = []calls.ReportState{calls.ReportRinging, calls.ReportAnswered, calls.ReportVerdict, calls.ReportDigit, calls.ReportDigit,
	calls.ReportManager, calls.ReportJoined, calls.ReportRecord, calls.ReportEnded}

func checkWhole(t *testing.T, list []calls.ProviderReport) {
	t.Helper()
	if got := states(list); !slices.Equal(got, wholeStates) {
		t.Fatalf("%v", got)
	}
	end := list[8]
	if list[3].Digit+list[4].Digit != "12" || list[2].Verdict != calls.VerdictHuman || list[2].Words != "HUMAN NONE 93" ||
		list[7].RecordURL != "https://records.example.com/1.mp3" || end.TalkMS != 12000 || end.By != calls.ByCustomer || end.ProviderCallID != "4711" ||
		!list[0].At.Equal(noon.Add(time.Millisecond)) {
		t.Fatalf("%+v", list)
	}
}

func TestReportsAreToldInOrder(t *testing.T) {
	t.Parallel()
	f := follow(t, placeRequest(), "")
	f.place(placeRequest())
	for _, body := range wholeCall {
		f.post(body)
	}
	checkWhole(t, f.reports.wait(t, len(wholeStates)))
	f.done.Wait() // nothing can follow
	if code := post(t, f.intake, wholeCall[0]); code != http.StatusNotFound {
		t.Errorf("a report of a call that is over: %d", code)
	}
}

func TestDoubledAndDisorderedReportsAreToldOnceAndInOrder(t *testing.T) {
	t.Parallel()
	f := follow(t, placeRequest(), "")
	for _, i := range []int{1, 1, 0, 4, 3, 0, 2, 6, 6, 5, 8, 8, 7} { // and before the answer to StartScenarios
		if code := post(t, f.intake, wholeCall[i]); code != http.StatusOK {
			t.Fatalf("%d: %d", i, code)
		}
	}
	checkWhole(t, f.reports.wait(t, len(wholeStates)))
}

func TestAReportThatNeverComesIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	f := follow(t, placeRequest(), "callbacks: {reorder: 2s}\n")
	f.post(wholeCall[0])
	f.reports.wait(t, 1)
	f.post(wholeCall[2])
	f.post(wholeCall[8])
	f.settle(func() { f.clock.Advance(2 * time.Second) }, 3)
	if got := states(f.reports.wait(t, 3)); !slices.Equal(got, []calls.ReportState{calls.ReportRinging, calls.ReportVerdict, calls.ReportEnded}) {
		t.Fatal(got)
	}
}

// settle moves the clock until n reports were told: the follower sets its timers on a
// goroutine of its own.
func (f *following) settle(step func(), n int) {
	f.t.Helper()
	beat := time.NewTicker(time.Millisecond)
	defer beat.Stop()
	for range 5000 {
		f.reports.mu.Lock()
		have := len(f.reports.list)
		f.reports.mu.Unlock()
		if have >= n {
			return
		}
		step()
		<-beat.C
	}
}

func TestCodesOfFailedCallsAreOutcomes(t *testing.T) {
	t.Parallel()
	r, err := newReading(callbackSettings{}, map[string]failure{"480": {Outcome: calls.OutcomeNoAnswer}})
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[int]calls.Outcome{486: calls.OutcomeBusy, 603: calls.OutcomeRejected, 404: calls.OutcomeInvalidNumber, 480: calls.OutcomeNoAnswer,
		402: calls.OutcomeTrunkError, 408: calls.OutcomeNoAnswer, 487: calls.OutcomeNoAnswer, 500: "", 7: ""} {
		facts, err := r.body([]byte(report(1, fmt.Sprintf(`"event":"failed","code":%d,"reason":"so"`, code))))
		if err != nil || facts[0].report.State != calls.ReportEnded || facts[0].report.Outcome != want || facts[0].report.Words != "so" {
			t.Errorf("%d: %+v %v", code, facts, err)
		}
	}
	if facts, _ := r.body([]byte(report(1, `"event":"amd","class":"CALL_ENDED"`))); facts[0].report.State != "" {
		t.Errorf("%+v", facts)
	}
}

func TestAnotherScenariosReportsAreReadByConfiguredPaths(t *testing.T) {
	t.Parallel()
	h, _ := testHouse(t, clock.NewFake(noon))
	p, err := newClient(h, "vox", settingsOf(t, "https://api.example.com/platform_api",
		`callbacks: {paths: {attempt: data.id, event: type, digit: data.key, order: "", at: data.when}, events: {PRESSED: tone, UP: connected, BYE: disconnected}}`))
	if err != nil {
		t.Fatal(err)
	}
	r := p.(*client).read
	facts, err := r.body([]byte(`[{"type":"UP","data":{"id":"att_1","when":"2026-11-21 09:00:01"}},{"type":"PRESSED","data":{"id":"att_1","key":3,"when":"2026-11-21T09:00:02Z"}},{"type":"BYE","data":{"id":"att_1"}}]`))
	if err != nil || len(facts) != 3 {
		t.Fatal(err)
	}
	if got := facts[1].report; got.Digit != "3" || !got.At.Equal(noon.Add(2*time.Second)) || !facts[0].report.At.Equal(noon.Add(time.Second)) {
		t.Fatalf("%+v", facts)
	}
}

func TestWhereCallbacksStayOutTheHistoryTells(t *testing.T) {
	t.Parallel()
	f := follow(t, placeRequest(), "")
	f.place(placeRequest())
	f.sim.history(session{ID: "4711", StartDate: noon.Format(dateLayout)}) // it runs
	f.settle(func() {
		f.clock.Advance(30 * time.Second)
		if len(f.sim.came("GetCallHistory")) >= 2 {
			f.sim.history(ended("4711", sessionCall{ID: "1", Successful: true, Duration: seconds(12)}))
		}
	}, 3)
	list := f.reports.wait(t, 3)
	if got := states(list); !slices.Equal(got, []calls.ReportState{calls.ReportAnswered, calls.ReportEnded, calls.ReportRecord}) {
		t.Fatal(got)
	}
	if list[1].TalkMS != 12000 || list[2].RecordURL == "" || !list[0].At.Equal(noon) {
		t.Fatalf("%+v", list)
	}
	asked := f.sim.came("GetCallHistory")[0].form
	if asked["call_session_history_id"] != "4711" || asked["from_date"] != "2026-11-21 08:50:00" || asked["timezone"] != "Etc/GMT" || asked["with_calls"] != "true" {
		t.Fatalf("%+v", asked)
	}
}

func TestACallGoesOnByItsSessionAfterARestart(t *testing.T) {
	t.Parallel()
	r := placeRequest()
	r.Resumed = &calls.Resumed{AskedAt: noon.Add(-time.Hour), Rang: true, Answered: true, Digits: "1"}
	for name, end := range map[string]func(*following){
		"told": func(f *following) {
			f.post(report(4, `"event":"connected"`)) // repeated: its receipt was lost
			f.post(report(6, `"event":"disconnected","by":"customer","talk_ms":12000`))
		},
		"while nobody listened": func(f *following) {
			f.sim.history(ended("4711", sessionCall{ID: "1", Successful: true, Duration: seconds(12)}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := follow(t, r, "")
			f.placed <- calls.PlaceResult{ProviderCallID: "4711"}
			end(f)
			f.settle(func() { f.clock.Advance(10 * time.Second) }, 1)
			if list := f.reports.wait(t, 1); list[0].State != calls.ReportEnded || list[0].TalkMS != 12000 {
				t.Fatalf("%+v", list)
			}
			if n := len(f.sim.came("StartScenarios")); n != 0 {
				t.Errorf("%d sessions were started", n)
			}
			for _, asked := range f.sim.came("GetCallHistory") {
				if asked.form["call_session_history_id"] != "4711" || asked.form["from_date"] != "2026-11-21 07:50:00" {
					t.Errorf("%+v", asked.form)
				}
			}
		})
	}
}

// TestALostAnswerIsFoundByItsCustomData: Place is in doubt, no callback comes, and the
// history knows the session all the same.
func TestALostAnswerIsFoundByItsCustomData(t *testing.T) {
	t.Parallel()
	r := placeRequest()
	r.Flow.Capture = false
	f := follow(t, r, "")
	f.sim.set("502")
	if _, err := f.client.Place(t.Context(), r); err == nil {
		t.Fatal("the answer was lost")
	}
	close(f.placed)
	f.sim.set("")
	other := ended("1", sessionCall{ID: "1", Successful: true})
	mine := ended("4712", sessionCall{ID: "2", EndReason: "Call ended with 486 Busy here"})
	mine.CustomData = f.sim.came("StartScenarios")[0].form["script_custom_data"]
	f.sim.history(other, mine)
	f.settle(func() { f.clock.Advance(30 * time.Second) }, 1)
	list := f.reports.wait(t, 1)
	if list[0].State != calls.ReportEnded || list[0].Outcome != calls.OutcomeBusy || list[0].SIPCode != 486 || list[0].ProviderCallID != "4712" {
		t.Fatalf("%+v", list)
	}
}

func TestWhereNothingTellsTheCallIsGivenUpAtLast(t *testing.T) {
	t.Parallel()
	f := follow(t, placeRequest(), "history: {after: 1m, most: 10m, give_up: 1h}\n")
	f.place(placeRequest())
	f.sim.set("500")
	f.settle(func() { f.clock.Advance(time.Minute) }, 1)
	end := f.reports.wait(t, 1)[0]
	if end.State != calls.ReportEnded || end.Outcome != calls.OutcomeTrunkError || end.Reason != calls.ReasonProviderTimeout {
		t.Fatalf("%+v", end)
	}
	if n := len(f.sim.came("GetCallHistory")); n > 12 {
		t.Errorf("%d requests in an hour: there is no back-off", n)
	}
}

func TestTheHistoryJudgesEachEndOfASession(t *testing.T) {
	t.Parallel()
	r, err := newReading(callbackSettings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	noMoney := session{ID: "1", Finish: "Insufficient funds"}
	for name, c := range map[string]struct {
		session session
		want    calls.Outcome
	}{
		"no money": {noMoney, calls.OutcomeTrunkError},
		"rejected": {ended("1", sessionCall{EndReason: "603"}), calls.OutcomeRejected},
		"in words": {ended("1", sessionCall{EndReason: "nobody came"}), calls.OutcomeNoAnswer},
		"answered": {ended("1", sessionCall{Successful: true}), ""},
		"incoming": {ended("1", sessionCall{Incoming: true}), calls.OutcomeTrunkError},
	} {
		var end calls.ProviderReport
		for _, p := range r.session(&c.session, "79004443322") {
			if p.State == calls.ReportEnded {
				end = p
			}
		}
		if end.State != calls.ReportEnded || end.Outcome != c.want {
			t.Errorf("%s: %+v", name, end)
		}
	}
}

func TestWrongCallbacksAreRefused(t *testing.T) {
	t.Parallel()
	f := follow(t, placeRequest(), "")
	for body, want := range map[string]int{
		"": 400, "{": 400, "<html>": 400, "[]": 400, "7": 400, `{"event":"connected"}`: 400, `{"attempt":"att_1","event":"danced"}`: 400,
		`{"attempt":"other","event":"connected"}`:                                              404,
		`{"attempt":"att_1","event":"connected","x":"` + strings.Repeat("x", maxReport) + `"}`: 413,
	} {
		if code := post(t, f.intake, body); code != want {
			t.Errorf("%.60q: %d, want %d", body, code, want)
		}
	}
}

func FuzzReports(f *testing.F) {
	r, err := newReading(callbackSettings{}, nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range wholeCall {
		f.Add([]byte(body))
	}
	f.Add([]byte(`[{"attempt":"a","event":"failed","code":"486","n":-1,"at":"x"}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		facts, err := r.body(body)
		if err != nil {
			return
		}
		s := newStory()
		var out []calls.ProviderReport
		for _, x := range append(facts, facts...) {
			out = append(out, s.add(x)...)
		}
		out = append(out, s.flush()...)
		ends := 0
		for _, p := range out {
			if p.State == calls.ReportEnded {
				ends++
			}
			if p.State == "" {
				t.Fatal("a report without a state was told")
			}
		}
		if ends > 1 {
			t.Fatal("a call ended twice")
		}
	})
}
