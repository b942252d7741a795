package sipuni

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
	"zvonar/providers"
	"zvonar/providers/providerstest"
)

// toSIP asks for a call that comes to our extension.
func toSIP() calls.PlaceRequest {
	return calls.PlaceRequest{Account: "main", CallID: "call_1", Attempt: "att_1", To: "79161234567", Extension: "201", Flow: calls.DefaultFlow()}
}

// toJoin asks for a talk between an employee and a client.
func toJoin(manager string, order calls.Order, e *calls.Employee) calls.PlaceRequest {
	r := toSIP()
	r.Extension, r.Employee = "", e
	r.Flow.Bridge = &calls.Bridge{Manager: manager, Order: order}
	return r
}

func TestOrdersSayWhatIsToRing(t *testing.T) {
	t.Parallel()
	anonymous := toJoin("employee:emp_1", calls.ClientFirst, &calls.Employee{ID: "emp_1", Extension: "202"})
	anonymous.Flow.Bridge.Anonymous = true
	text := toSIP()
	text.Flow.Record = "1460168"
	text.Flow.Clips = map[calls.ClipID]calls.RecordingRef{"1460168": {RecordingID: "rec_1", Version: 1}}
	filled := text
	filled.Flow.Clips = map[calls.ClipID]calls.RecordingRef{"1460168": {RecordingID: "rec_1", Text: "Долг 5 рублей"}}
	for name, c := range map[string]struct {
		change func(*settings)
		r      calls.PlaceRequest
		want   string
	}{
		"we first":     {nil, toSIP(), "callback/call_number antiaon=0 phone=79161234567 reverse=0 sipnumber=201"},
		"client first": {func(s *settings) { s.Reverse, s.Anonymous, s.SIPNumber = true, true, "203" }, toSIP(), "callback/call_number antiaon=1 phone=79161234567 reverse=1 sipnumber=203"},
		"by a scheme": {func(s *settings) { s.Method, s.Tree, s.AttemptTime = "call_tree", "000658610", 45*time.Second }, toSIP(),
			"callback/call_tree callAttemptTime=45 phone=79161234567 reverse=0 sipnumber=201 tree=000658610"},
		"by an outside number": {func(s *settings) { s.Method, s.PhoneFrom, s.SIPNumber2 = "call_external", "74991234567", "202" }, toSIP(),
			"callback/call_external phoneFrom=74991234567 phoneTo=79161234567 sipnumber=201 sipnumber2=202"},
		"a text":               {func(s *settings) { s.Method = "voicecall" }, text, "voicecall/call message=Заказ готов phone=79161234567 sipnumber=201 voice=Anna"},
		"a text for one":       {func(s *settings) { s.Method = "voicecall" }, filled, "voicecall/call message=Долг 5 рублей phone=79161234567 sipnumber=201 voice=Anna"},
		"employee and client":  {nil, toJoin("employee:emp_1", calls.ManagerFirst, &calls.Employee{ID: "emp_1", Extension: "202"}), "callback/call_number antiaon=0 phone=79161234567 reverse=0 sipnumber=202"},
		"client and employee":  {nil, anonymous, "callback/call_number antiaon=1 phone=79161234567 reverse=1 sipnumber=202"},
		"a subscriber of it":   {nil, toJoin("204@pbx", calls.ManagerFirst, nil), "callback/call_number antiaon=0 phone=79161234567 reverse=0 sipnumber=204"},
		"two outside numbers":  {func(s *settings) { s.SIPNumber = "205" }, toJoin("74991234567", calls.ManagerFirst, nil), "callback/call_external phoneFrom=74991234567 phoneTo=79161234567 sipnumber=205 sipnumber2="},
		"the same, other side": {func(s *settings) { s.SIPNumber = "205" }, toJoin("74991234567", calls.ClientFirst, nil), "callback/call_external phoneFrom=79161234567 phoneTo=74991234567 sipnumber=205 sipnumber2="},
	} {
		b := newBranch(t, newSimulator(t), c.change)
		b.Memory.Clips = []*calls.Recording{{ID: "rec_1", Account: "main", Version: 1, Text: "Заказ готов"}}
		placed, err := b.Place(background, c.r)
		if err != nil || placed.ProviderCallID != order32(1) {
			t.Errorf("%s: %+v, %v", name, placed, err)
			continue
		}
		asked := b.sim.requests()[0]
		got := asked.Get("path")
		p := params{}
		for n := range asked {
			p[n] = asked.Get(n)
		}
		for _, n := range names(p) {
			if n != "path" && n != "hash" && n != "user" {
				got += " " + n + "=" + p[n]
			}
		}
		if got != c.want || asked.Get("user") != "078332" {
			t.Errorf("%s: sent %s\nwant %s", name, got, c.want)
		}
	}
}

func TestOrdersThatCannotBeAreRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	digits := toSIP()
	digits.Flow.Digits = calls.DigitMap{{{Kind: calls.ActionBlock, Value: "1"}}}
	nowhere := toSIP()
	nowhere.Extension = ""
	hidden := toJoin("74991234567", calls.ManagerFirst, nil)
	hidden.Flow.Bridge.Anonymous = true
	voice := func(s *settings) { s.Method = "voicecall" }
	for name, c := range map[string]struct {
		change func(*settings)
		r      calls.PlaceRequest
	}{
		"digits at a voice message":      {voice, digits},
		"a file at a voice message":      {voice, toSIP()},
		"no extension":                   {nil, nowhere},
		"a group":                        {nil, toJoin("group:sales", calls.ManagerFirst, nil)},
		"somebody without a telephone":   {nil, toJoin("employee:emp_1", calls.ManagerFirst, &calls.Employee{ID: "emp_1"})},
		"numbers that cannot be hidden":  {func(s *settings) { s.SIPNumber = "205" }, hidden},
		"nobody to make an outside call": {nil, toJoin("74991234567", calls.ManagerFirst, nil)},
	} {
		b := newBranch(t, newSimulator(t), c.change)
		_, err := b.Place(background, c.r)
		var refused *calls.PlaceRefused
		if !errors.As(err, &refused) || len(b.sim.requests()) != 0 {
			t.Errorf("%s: %v, %d requests", name, err, len(b.sim.requests()))
		}
	}
}

func TestAnswersTellANoFromWhatNobodyKnows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault   string
		unknown bool
		words   string
	}{
		{"no", false, "Недостаточно средств"}, {"429", false, "too many requests"}, {"503", false, "503"},
		{"html", true, "not JSON"}, {"500", true, "500"}, {"502", true, "502"}, {"reset", true, "no answer"}, {"hang", true, "too long"}, {"long", true, "larger"},
	} {
		b := newBranch(t, newSimulator(t), func(s *settings) {
			if c.fault == "hang" {
				s.Timeout = 3 * time.Second
			}
		})
		b.sim.breaks(c.fault)
		_, err := b.Place(background, toSIP())
		var refused *calls.PlaceRefused
		var unknown *calls.PlaceUnknown
		if c.unknown != errors.As(err, &unknown) || c.unknown == errors.As(err, &refused) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", c.fault, err)
		}
		if n := len(b.sim.requests()); n != 1 {
			t.Errorf("%s: %d requests", c.fault, n)
		}
	}
	b := newBranch(t, newSimulator(t), func(s *settings) { s.Secret = "another secret" })
	if _, err := b.Place(background, toSIP()); err == nil || !strings.Contains(err.Error(), "hash is wrong") {
		t.Errorf("a wrong secret: %v", err)
	}
	for _, x := range b.Journal.Exchanges() {
		if strings.Contains(x.Request+x.Answer, "another secret") || x.Method != methodNumber || x.Correlation != "call_1" || x.Account != "main" {
			t.Errorf("journal: %+v", x)
		}
	}
}

func TestAProviderThatHangsIsLeftWithItsCall(t *testing.T) {
	t.Parallel()
	b := newBranch(t, newSimulator(t), nil)
	b.sim.breaks("hang")
	ctx, cancel := context.WithCancel(background)
	done := make(chan error, 1)
	go func() {
		_, err := b.Place(ctx, toSIP())
		done <- err
	}()
	cancel()
	if err := <-done; err == nil {
		t.Error("placed")
	}
}

func TestACallIsTakenBackByItsOrderAndHungUpByItsCall(t *testing.T) {
	t.Parallel()
	b := newBranch(t, newSimulator(t), nil)
	r := toJoin("204@pbx", calls.ManagerFirst, nil)
	if err := b.Cancel(background, r, calls.PlaceResult{}); err == nil {
		t.Error("an order without an id was taken back")
	}
	if err := b.Cancel(background, r, calls.PlaceResult{ProviderCallID: order32(7)}); err != nil {
		t.Fatal(err)
	}
	f := b.hub.follow(r.To, "204")
	b.hub.settle(f, order32(7))
	b.event(t, about(eventStart, "1419783130.15593", order32(7), r.To))
	if err := b.Cancel(background, r, calls.PlaceResult{ProviderCallID: order32(7)}); err != nil {
		t.Fatal(err)
	}
	asked := b.sim.requests()
	if asked[0].Get("path") != methodCancel || asked[0].Get("callbackId") != order32(7) ||
		asked[1].Get("path") != methodHangup || asked[1].Get("callId") != "1419783130.15593" {
		t.Errorf("%v", asked)
	}
	b.sim.breaks("no")
	if err := b.Cancel(background, r, calls.PlaceResult{ProviderCallID: order32(7)}); err == nil {
		t.Error("a no was taken for a yes")
	}
}

func TestSettingsThatAreWrongAreNamed(t *testing.T) {
	t.Parallel()
	for key, change := range map[string]func(*settings){
		"url": func(s *settings) { s.URL = "sipuni.com" }, "user": func(s *settings) { s.User = "78 332" }, "secret": func(s *settings) { s.Secret = "" },
		"method": func(s *settings) { s.Method = "play" }, "tree": func(s *settings) { s.Method = "call_tree" }, "phone_from": func(s *settings) { s.Method = "call_external" },
		"sipnumber": func(s *settings) { s.SIPNumber = "2+1" }, "call_attempt_time": func(s *settings) { s.AttemptTime = time.Second },
		"match_window": func(s *settings) { s.MatchWindow = 0 }, "timeout": func(s *settings) { s.Timeout = time.Hour }, "timezone": func(s *settings) { s.Timezone = "Moscow" },
		"statistics_after": func(s *settings) { s.StatisticsAfter = time.Second }, "tls.mode": func(s *settings) { s.TLS.Mode = "maybe" }, "voice": func(s *settings) { s.Method, s.Voice = "voicecall", "" },
	} {
		w := providerstest.New(nil)
		_, err := newClient(w.House, "pbx", providerstest.Settings{Fill: func(into any) {
			set := into.(*settings)
			set.User, set.Secret = "078332", "secret"
			change(set)
		}})
		if err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: %v", key, err)
		}
	}
	can := newBranch(t, nil, nil).Can()
	if !can.Joins || can.Plays || can.Ready != engine.ReadyAudio {
		t.Errorf("%+v", can)
	}
	if first := newBranch(t, nil, func(s *settings) { s.Reverse = true }).Can(); first.Ready != engine.ReadyAnswer {
		t.Errorf("%+v", first)
	}
}

func TestRequestsOfTheConsoleAreSignedSentAndExplained(t *testing.T) {
	t.Parallel()
	b := newBranch(t, newSimulator(t), nil)
	for _, s := range samples {
		if !s.Outgoing {
			continue
		}
		a, err := b.Test(background, s.Method, []byte(s.Body))
		if err != nil || a.Status != 200 || strings.Contains(string(a.Body), "wrong") {
			t.Errorf("%s: %v", s.Method, err)
		}
	}
	how, err := b.Sign(methodNumber, []byte(`{"antiaon":"0","phone":"79161234567","reverse":"0","sipnumber":"201"}`))
	if err != nil || how[0].Value != "0+79161234567+0+201+078332+SECRET" || how[1] != (providers.Signed{Name: "hash", Value: "afcc563b415ada258e6b4a6ae6612c6c"}) {
		t.Errorf("%v, %v", how, err)
	}
	for _, body := range []string{`[]`, `{"phone":"+7"}`, `{}`} {
		if _, err := b.Test(background, methodNumber, []byte(body)); err == nil {
			t.Errorf("%s was sent", body)
		}
	}
	if _, err := b.Test(background, "callback/play", []byte(`{}`)); err == nil {
		t.Error("an unknown method was sent")
	}
}
