package rostelecom

import (
	"context"
	"fmt"
	"net/http"
	"testing"
)

// said is what the engine was told of calls of others, a line each.
func said(w *world) (lines []string) {
	for _, x := range w.house.Engine.Foreigns() {
		c, r := x.Call, x.Report
		lines = append(lines, fmt.Sprintf("%s %s %s>%s %s %s %s", c.ProviderCallID, c.Direction, c.From, c.To, c.Employee, r.State, r.Outcome))
	}
	return lines
}

func TestWhatWasHeardOfOthersIsToldAlsoWhileTheClientStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	asked, answer := make(chan struct{}), make(chan struct{})
	defer close(answer)
	w.sim.say(methodCallInfo, func(http.ResponseWriter) {
		close(asked)
		<-answer
	})
	for _, state := range []string{"new", "end"} {
		body, err := marshal(event{SessionID: "s", State: text(state), Type: "incoming", Timestamp: "2018-04-23 15:01:01", FromNumber: "sip:+79771234567@d", RequestNumber: "sip:+74951234567@d"})
		if err != nil {
			t.Fatal(err)
		}
		w.hears(methodCallEvents, string(body))
	}
	<-asked
	if err := w.p.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	want := []string{"s in 79771234567>74951234567  ringing ", "s in 79771234567>74951234567  ended missed"}
	if fmt.Sprint(said(w)) != fmt.Sprint(want) {
		t.Errorf("told\n%q, want\n%q", said(w), want)
	}
}

func TestCallsOfOthersAreToldOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	staff(w.house)
	w.sim.say(methodCallInfo, jsonSays(`{"result":0,"info":{"state":2,"status_code":"0"}}`))
	hear := func(kind, state, second, from, fromPIN, to, toPIN string) {
		e := event{SessionID: text("s-" + kind), State: text(state), Type: text(kind), Timestamp: text("2018-04-23 15:01:" + second), FromNumber: text(from), FromPIN: text(fromPIN), RequestNumber: text(to), RequestPIN: text(toPIN)}
		body, err := marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		w.hears(methodCallEvents, string(body))
		w.p.strangers.wg.Wait()
	}
	hear("incoming", "new", "01", "sip:+79771234567@d", "", "sip:+74951234567@d", "")
	hear("incoming", "calling", "02", "sip:+79771234567@d", "", "sip:317@d", "317")
	hear("incoming", "calling", "02", "sip:+79771234567@d", "", "sip:317@d", "317") // twice
	hear("incoming", "end", "09", "sip:+79771234567@d", "", "sip:+74951234567@d", "")
	hear("internal", "new", "01", "sip:317@d", "317", "sip:318@d", "318")
	w.sim.say(methodCallInfo, jsonSays(`{"result":0,"info":{"state":1,"duration":5}}`))
	hear("outbound", "new", "01", "sip:+74951234567@d", "555", "sip:+79161234567@d", "")
	hear("outbound", "connected", "03", "sip:+74951234567@d", "555", "sip:+79161234567@d", "")
	hear("outbound", "end", "08", "sip:+74951234567@d", "555", "sip:+79161234567@d", "")
	want := []string{
		"s-incoming in 79771234567>74951234567  ringing ",
		"s-incoming in 79771234567>74951234567 emp_1 ended missed",
		"s-outbound out 74951234567>79161234567 emp_2 ringing ",
		"s-outbound out 74951234567>79161234567 emp_2 answered ",
		"s-outbound out 74951234567>79161234567 emp_2 joined ",
		"s-outbound out 74951234567>79161234567 emp_2 ended answered",
	}
	if fmt.Sprint(said(w)) != fmt.Sprint(want) {
		t.Errorf("told\n%q, want\n%q", said(w), want)
	}
	if n := len(w.p.strangers.of); n != 0 {
		t.Errorf("%d sessions are kept", n)
	}
	if err := w.p.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	hear("incoming", "new", "01", "sip:+79771234567@d", "", "sip:+74951234567@d", "")
	if len(said(w)) != len(want) {
		t.Error("a call was told of after the end")
	}
}
