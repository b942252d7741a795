package mango

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func request(attempt, to string) calls.PlaceRequest {
	return calls.PlaceRequest{Account: "main", CallID: "call_" + attempt, Attempt: attempt, To: to, From: "74951234567", Extension: "1234"}
}

func bridgeRequest(attempt, to, manager string) calls.PlaceRequest {
	r := request(attempt, to)
	r.Extension = ""
	r.Flow.Bridge = &calls.Bridge{Manager: manager, Order: calls.ManagerFirst}
	return r
}

func TestCommandsAreWrittenAsTheReferenceSays(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		change     func(*settings)
		r          calls.PlaceRequest
		path, json string
	}{
		"our extension, at a number of its own": {func(s *settings) { s.FromNumber = "12345678" }, request("cbk1", "74955404444"), "commands/callback",
			`{"command_id":"cbk1","from":{"extension":"1234","number":"12345678"},"to_number":"74955404444","line_number":"74951234567"}`},
		"asked to answer by itself": {func(s *settings) { s.AnswerAfter = "0" }, request("a1", "74955404444"), "commands/callback",
			`{"command_id":"a1","from":{"extension":"1234"},"to_number":"74955404444","line_number":"74951234567","sip_headers":{"Call-Info/answer-after":"0"}}`},
		"an employee": {nil, bridgeRequest("a2", "74955404444", "employee:201"), "commands/callback",
			`{"command_id":"a2","from":{"extension":"201"},"to_number":"74955404444","line_number":"74951234567"}`},
		"a number, in somebody's name": {func(s *settings) { s.OnBehalf = "1234" }, bridgeRequest("cbk1", "74955404444", "79160000009"), "commands/callback",
			`{"command_id":"cbk1","from":{"extension":"1234","number":"79160000009"},"to_number":"74955404444","line_number":"74951234567"}`},
		"somebody whom only it knows": {nil, bridgeRequest("a6", "74955404444", "77@office"), "commands/callback",
			`{"command_id":"a6","from":{"extension":"77"},"to_number":"74955404444","line_number":"74951234567"}`},
		"a group": {nil, bridgeRequest("a3", "74955404444", "group:300"), "commands/callback_group",
			`{"command_id":"a3","from":"300","to":"74955404444","line_number":"74951234567"}`},
		"a group, the client first": {nil, func() calls.PlaceRequest {
			r := bridgeRequest("a4", "74955404444", "group:300")
			r.Flow.Bridge.Order = calls.ClientFirst
			return r
		}(), "commands/callback_group",
			`{"command_id":"a4","from":"74955404444","to":"300","line_number":"74951234567"}`},
		"an employee who is called otherwise at the provider": {nil, func() calls.PlaceRequest {
			r := bridgeRequest("a5", "74955404444", "employee:emp_1")
			r.Employee = &calls.Employee{ID: "emp_1", Extension: "201", Subscriber: "77"}
			return r
		}(), "commands/callback",
			`{"command_id":"a5","from":{"extension":"77"},"to_number":"74955404444","line_number":"74951234567"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, x.change)
			if _, err := w.c.Place(t.Context(), x.r); err != nil {
				t.Fatal(err)
			}
			if got := w.requests(); len(got) != 1 || got[0] != (received{x.path, x.json}) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestWhatItCannotDoIsRefusedWithoutARequest(t *testing.T) {
	t.Parallel()
	clientFirst := bridgeRequest("a", "74955404444", "employee:201")
	clientFirst.Flow.Bridge.Order = calls.ClientFirst
	noLine := bridgeRequest("a", "74955404444", "group:300")
	noLine.From = ""
	noExtension := request("a", "74955404444")
	noExtension.Extension = ""
	for name, r := range map[string]calls.PlaceRequest{
		"the client before an employee": clientFirst, "a group without a line": noLine, "no extension of ours": noExtension,
		"a number in nobody's name":     bridgeRequest("a", "74955404444", "79160000009"),
		"an employee without extension": bridgeRequest("a", "74955404444", "employee:emp_1"),
	} {
		w := newWorld(t, nil)
		_, err := w.c.Place(t.Context(), r)
		var refused *calls.PlaceRefused
		if !errors.As(err, &refused) || len(w.requests()) != 0 {
			t.Errorf("%s: %v, %d requests", name, err, len(w.requests()))
		}
	}
}

func TestAnswersTellWhetherItMayRing(t *testing.T) {
	t.Parallel()
	answered := func(status int, body string) fault {
		return fault{status: status, kind: "application/json", body: body}
	}
	for name, x := range map[string]struct {
		f       fault
		unknown bool
		words   string
	}{
		"no money":             {answered(200, `{"result":2240}`), false, "no money"},
		"a wrong number":       {answered(200, `{"result":"3200","command_id":"a"}`), false, "wrong"},
		"an unknown subclass":  {answered(400, `{"result":2219}`), false, "limit"},
		"unsupported":          {answered(200, `{"result":4001}`), false, "not supported"},
		"overloaded":           {answered(200, `{"result":5001}`), false, "overloaded"},
		"it took too long":     {answered(200, `{"result":5011}`), true, "too long"},
		"a failed database":    {answered(500, `{"result":5004}`), true, "database"},
		"a code from nowhere":  {answered(200, `{"result":9999}`), true, "9999"},
		"too fast":             {answered(200, `{"name":"Service Unavailable","message":"Rate limit exceeded.","code":0,"status":429}`), false, "too often"},
		"too fast, by status":  {answered(429, ``), false, "too often"},
		"unavailable":          {answered(503, `<html>`), true, "503"},
		"HTML":                 {fault{status: 200, kind: "text/html", body: "<html><body>1000</body></html>"}, true, "no result"},
		"nothing":              {answered(200, ""), true, "no result"},
		"another JSON":         {answered(200, `["result",1000]`), true, "no result"},
		"broken JSON":          {answered(200, `{"result":10`), true, "no result"},
		"a long answer":        {answered(200, `{"x":"`+strings.Repeat("a", 1<<10)), true, "no result"},
		"not listened to":      {answered(401, ``), false, "two minutes"},
		"a page that is moved": {fault{status: 302, kind: "text/html"}, true, "302"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.fail("", x.f)
			_, err := w.c.Place(t.Context(), request("a", "74955404444"))
			var unknown *calls.PlaceUnknown
			var refused *calls.PlaceRefused
			if errors.As(err, &unknown) != x.unknown || errors.As(err, &refused) == x.unknown || !strings.Contains(err.Error(), x.words) {
				t.Errorf("%v", err)
			}
			if n := len(w.requests()); n != 1 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

func TestAProviderThatHangsGetsOneRequestAndMayHaveCalled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.fail("", fault{hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // nobody waits any longer once it was asked
		defer cancel()
		for ctx.Err() == nil && len(w.requests()) == 0 {
			waitABit()
		}
	}()
	_, err := w.c.Place(ctx, request("a", "74955404444"))
	cancel()
	var unknown *calls.PlaceUnknown
	if !errors.As(err, &unknown) || len(w.requests()) != 1 {
		t.Errorf("%v after %d requests", err, len(w.requests()))
	}
	w.heal()
	if _, err := w.c.Place(t.Context(), request("b", "74955404444")); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

func TestTheClientKeepsSilentAfterBadRequests(t *testing.T) {
	t.Parallel()
	place := func(w *world) error {
		_, err := w.c.Place(context.Background(), request("a", "74955404444"))
		return err
	}
	bad := func(code string) fault {
		return fault{status: 200, kind: "application/json", body: `{"result":` + code + `}`}
	}
	w := newWorld(t, nil)
	w.fail("", bad("3200"))
	for range 3 {
		if place(w) == nil {
			t.Fatal("taken")
		}
	}
	if n := len(w.requests()); n != 2 {
		t.Errorf("%d bad requests were sent", n)
	}
	w.heal()
	w.clock.Advance(penaltyTime)
	if err := place(w); err != nil {
		t.Errorf("two minutes later: %v", err)
	}
	for name, f := range map[string]fault{"a wrong signature": bad("3102"), "a wrong key": bad("3105"), "a penalty": {status: 401}} {
		w := newWorld(t, nil)
		w.fail("", f)
		_, _ = place(w), place(w)
		if n := len(w.requests()); n != 1 {
			t.Errorf("%s: %d requests were sent", name, n)
		}
	}
}

func TestReportsOfACallbackComeInOrderWhateverOrderItsNoticesHave(t *testing.T) {
	t.Parallel()
	want := []calls.ReportState{calls.ReportManager, calls.ReportRinging, calls.ReportAnswered, calls.ReportEnded}
	doubled := func(list []callNotice) (twice []callNotice) {
		for _, n := range list {
			twice = append(twice, n, n)
		}
		return twice
	}
	swapped := func(list []callNotice) []callNotice {
		list[1], list[2] = list[2], list[1] // Disconnected of A before its Connected
		list[3], list[0] = list[0], list[3]
		return list
	}
	for name, x := range map[string]struct {
		change func([]callNotice) []callNotice
		want   []calls.ReportState
	}{
		"as they happened": {func(l []callNotice) []callNotice { return l }, want},
		"each twice":       {doubled, want},
		"out of order":     {swapped, []calls.ReportState{calls.ReportRinging, calls.ReportAnswered, calls.ReportEnded}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			f := w.follow(t, request("att1", "74955404444"))
			for _, n := range x.change(scenario("att1", "e1", "74955404444")) {
				if got := w.notify(pathCall, n); got != 200 {
					t.Fatalf("status %d", got)
				}
			}
			w.notify(pathSummary, summaryOf("e1", "74955404444", 40*time.Second, 1120))
			states, end := f.states(t)
			if !slices.Equal(states, x.want) {
				t.Errorf("%v", states)
			}
			if end.By != calls.ByCustomer || end.TalkMS != 40000 || end.ProviderCallID != "e1" || end.Outcome != "" {
				t.Errorf("%+v", end)
			}
		})
	}
}

func TestTwoCallsAtOnceAreNeverMixedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	a, b := w.follow(t, request("attA", "74955404444")), w.follow(t, request("attB", "74955404444")) // the same number, too
	na, nb := scenario("attA", "eA", "74955404444"), scenario("attB", "eB", "74955404444")
	nb[5].Reason = 1110
	for i := range na {
		w.notify(pathCall, na[i])
		if i < 4 || i == 5 { // b is never answered
			w.notify(pathCall, nb[i])
		}
	}
	w.notify(pathSummary, summaryOf("eB", "74955404444", 0, 1111))
	w.notify(pathSummary, summaryOf("eA", "74955404444", time.Second, 1120))
	if states, end := a.states(t); !slices.Contains(states, calls.ReportAnswered) || end.ProviderCallID != "eA" {
		t.Errorf("%v %+v", states, end)
	}
	if states, end := b.states(t); slices.Contains(states, calls.ReportAnswered) || end.ProviderCallID != "eB" || end.Outcome != calls.OutcomeNoAnswer {
		t.Errorf("%v %+v", states, end)
	}
}

func TestWhatCameBeforeTheCommandWasNamedIsHeard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	f := w.follow(t, request("att1", "74955404444"))
	list := scenario("att1", "e1", "74955404444")
	for _, n := range append(list[3:5:5], list[0]) { // the client's leg, then the leg that names the command
		w.notify(pathCall, n)
	}
	if r := f.next(t); r.State != calls.ReportRinging {
		t.Errorf("%+v", r)
	}
	if r := f.next(t); r.State != calls.ReportAnswered {
		t.Errorf("%+v", r)
	}
}

func TestACallWithoutSummaryEndsOnceItsLegsAreGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	f := w.follow(t, bridgeRequest("att1", "74955404444", "employee:201"))
	for _, n := range scenario("att1", "e1", "74955404444") {
		w.notify(pathCall, n)
	}
	states, end := f.states(t)
	want := []calls.ReportState{calls.ReportManager, calls.ReportRinging, calls.ReportAnswered, calls.ReportJoined, calls.ReportEnded}
	if !slices.Equal(states, want) || end.By != calls.ByCustomer {
		t.Errorf("%v %+v", states, end)
	}
}

func TestCancelHangsUpTheLegThatLives(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	r := request("att1", "74955404444")
	f := w.follow(t, r)
	for _, n := range scenario("att1", "e1", "74955404444")[:4] {
		w.notify(pathCall, n)
	}
	for f.next(t).State != calls.ReportRinging {
	}
	if err := w.c.Cancel(t.Context(), r, calls.PlaceResult{}); err != nil {
		t.Fatal(err)
	}
	got := w.requests()
	if last := got[len(got)-1]; last.Path != "commands/call/hangup" || last.JSON != `{"command_id":"att1-end","call_id":"e1B"}` {
		t.Errorf("%+v", last)
	}
}
