package mango

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func TestNoticesThatAreNotTheProvidersAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *settings) { s.Sources = defaultSources })
	const kind, source = "application/x-www-form-urlencoded", "81.88.82.44:5000"
	body := `{"entry_id":"e","call_id":"a","seq":1,"call_state":"Appeared"}`
	good := string(form{Key: testKey, JSON: body, Sign: sign(testKey, body, testSalt)}.encode())
	other := string(form{Key: "other", JSON: body, Sign: sign("other", body, testSalt)}.encode())
	respelled := url.Values{fieldKey: {testKey}, fieldSign: {sign(testKey, body, testSalt)}, fieldJSON: {strings.ReplaceAll(body, ":", ": ")}}.Encode()
	broken := string(form{Key: testKey, JSON: `{"seq":`, Sign: sign(testKey, `{"seq":`, testSalt)}.encode())
	for name, x := range map[string]struct {
		kind, body, from string
		want             int
	}{
		"as it must be":          {kind, good, source, 200},
		"from elsewhere":         {kind, good, "192.0.2.1:5000", 403},
		"from nowhere":           {kind, good, "pipe", 403},
		"over IPv6":              {kind, good, "[::ffff:81.88.82.44]:5000", 200},
		"another key":            {kind, other, source, 403},
		"without a signature":    {kind, url.Values{fieldKey: {testKey}, fieldJSON: {body}}.Encode(), source, 403},
		"spelled anew":           {kind, respelled, source, 403},
		"an XML bomb":            {"text/xml", `<!DOCTYPE l [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><l>&b;</l>`, source, 415},
		"JSON as the body":       {"application/json", body, source, 415},
		"over-long":              {kind, good + strings.Repeat("&x=y", maxBody), source, 413},
		"signed, but no JSON":    {kind, broken, source, 400},
		"signed with long ids":   {kind, string(mustForm(t, callNotice{Entry: text(strings.Repeat("e", maxID+1))}).encode()), source, 400},
		"an array, as PHP would": {kind, string(form{Key: testKey, JSON: `[]`, Sign: sign(testKey, `[]`, testSalt)}.encode()), source, 200},
	} {
		if got := w.post(pathCall, x.kind, x.body, x.from); got != x.want {
			t.Errorf("%s: status %d", name, got)
		}
	}
	if got := w.post("ping", "", "", source); got != 200 {
		t.Errorf("ping: status %d", got)
	}
	kindOf, parts := multipartForm(t, form{Key: testKey, JSON: body, Sign: sign(testKey, body, testSalt)})
	if got := w.post(pathCall+"/", kindOf, string(parts), source); got != 200 {
		t.Errorf("multipart: status %d", got)
	}
	if got := w.post("events/something/new", kind, good, source); got != 200 {
		t.Errorf("an unknown kind: status %d", got)
	}
}

func mustForm(t testing.TB, v any) form {
	t.Helper()
	f, err := newForm(testKey, testSalt, v)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestDigitsAndRecordingsAreReported(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	f := w.follow(t, request("att1", "74955404444"))
	for _, n := range scenario("att1", "e1", "74955404444")[:5] {
		w.notify(pathCall, n)
	}
	for f.next(t).State != calls.ReportAnswered {
	}
	press := dtmfNotice{Entry: "e1", Call: "e1B", Seq: 1, Digits: "1*x", Timestamp: stamp(noon)}
	w.notify(pathDTMF, press)
	w.notify(pathDTMF, press)
	press.Seq, press.Digits = 2, "0"
	w.notify(pathDTMF, press)
	for _, want := range []string{"1", "*", "0"} {
		if r := f.next(t); r.State != calls.ReportDigit || r.Digit != want {
			t.Errorf("%+v", r)
		}
	}
	w.notify(pathRecording, recordingNotice{Recording: "cmVj", State: "Started", Entry: "e1", Call: "e1B"})
	w.notify(pathSummary, summaryOf("e1", "74955404444", time.Second, 1110))
	if r := f.next(t); r.State != calls.ReportEnded || r.By != calls.ByManager {
		t.Errorf("%+v", r)
	}
	w.clock.Advance(5 * time.Minute) // it is waited for
	for range 2 {
		w.notify(pathRecordAdded, recordNotice{Entry: "e1", Recording: "cmVj", Timestamp: stamp(noon)})
	}
	r := f.next(t)
	expires := w.clock.Now().Add(7 * 24 * time.Hour)
	want := linkTo(w.http.URL+"/vpbx/", "cmVj", "download", testKey, expires, signLink(testKey, expires, "cmVj", testSalt))
	if r.State != calls.ReportRecord || r.ProviderCallID != "e1" || !strings.HasPrefix(r.RecordURL, w.http.URL+"/vpbx/queries/recording/link/cmVj/download/"+testKey+"/") {
		t.Errorf("%+v, want about %s", r, want)
	}
	for open := true; open; { // nothing more is awaited, so it ends by itself
		select {
		case extra := <-f.reports:
			t.Errorf("told twice: %+v", extra)
		case <-f.done:
			open = false
		case <-time.After(time.Millisecond):
			w.clock.Advance(time.Second)
		}
	}
}

func TestEndsAreJudgedByTheTable(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		client, answered bool
		reason           number
		outcome          calls.Outcome
		why              calls.Reason
		by               calls.Party
	}{
		"busy":                        {true, false, 1121, calls.OutcomeBusy, "", calls.ByProvider},
		"refused":                     {true, false, 1122, calls.OutcomeRejected, "", calls.ByCustomer},
		"no answer":                   {true, false, 1111, calls.OutcomeNoAnswer, "", calls.ByProvider},
		"no such number":              {true, false, 1133, calls.OutcomeInvalidNumber, "", calls.ByProvider},
		"unreachable, by its class":   {true, false, 1139, calls.OutcomeUnreachable, "", calls.ByProvider},
		"a machine":                   {true, true, 1310, calls.OutcomeMachine, "", calls.ByProvider},
		"blacklisted":                 {true, false, 1151, calls.OutcomeBlocked, calls.ReasonBlacklist, calls.ByProvider},
		"no money":                    {true, false, 2240, calls.OutcomeTrunkError, calls.ReasonProviderFailed, calls.ByProvider},
		"hung up by an external one":  {true, false, 1181, calls.OutcomeCanceled, calls.ReasonByAPI, calls.ByProvider},
		"a code that nobody knows":    {true, false, 7777, calls.OutcomeTrunkError, calls.ReasonProviderFailed, calls.ByProvider},
		"answered, the client left":   {true, true, 1120, "", "", calls.ByCustomer},
		"answered, we left":           {true, true, 1110, "", "", calls.ByManager},
		"our side did not come":       {false, false, 1111, calls.OutcomeTrunkError, calls.ReasonProviderFailed, calls.ByProvider},
		"nobody, for want of a limit": {false, false, 2211, calls.OutcomeTrunkError, calls.ReasonProviderFailed, calls.ByProvider},
	} {
		tr := newTracker("74955404444", false)
		n := callNotice{Entry: "e", Call: "a", Seq: 1, State: legAppeared, To: party{Extension: "201"}}
		if x.client {
			n.To = party{Number: "84955404444"}
		}
		tr.call(n)
		if x.answered {
			n.Seq, n.State = 2, legConnected
			tr.call(n)
		}
		n.Seq, n.State, n.Reason = 3, legDisconnected, x.reason
		tr.call(n)
		if !tr.idle() {
			t.Fatalf("%s: it lives", name)
		}
		got := tr.end(noon, 0)
		if got.Outcome != x.outcome || got.Reason != x.why && x.why != "" || got.By != x.by || !strings.Contains(got.Words, "(") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestATalkIsWhatTheSummarySaysOfItsTime(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		change   func(*summaryNotice)
		answered bool
		talk     int64
	}{
		"from when it began":   {func(*summaryNotice) {}, true, 40000},
		"in seconds":           {func(n *summaryNotice) { n.Talked = 17 }, true, 17000},
		"nobody talked":        {func(n *summaryNotice) { n.Talked, n.Forwarded = 0, 0 }, false, 0}, // entry_result says 1 all the same
		"of a time to come":    {func(n *summaryNotice) { n.Ended = 5 }, true, int64(stamp(noon.Add(20*time.Second))) * 1000},
		"no times at all":      {func(n *summaryNotice) { *n = summaryNotice{Entry: "e"} }, false, 0},
		"what is negative":     {func(n *summaryNotice) { n.Talked = -5 }, false, 0},
		"the other way around": {func(n *summaryNotice) { n.Forwarded = 0 }, true, 40000},
	} {
		n := summaryOf("e", "74955404444", 40*time.Second, 1120)
		x.change(&n)
		tr := newTracker("74955404444", true)
		out := tr.summary(n)
		end := out[len(out)-1]
		if tr.answered != x.answered || end.TalkMS != x.talk && name != "of a time to come" || end.State != calls.ReportEnded {
			t.Errorf("%s: %+v", name, out)
		}
		if more := tr.summary(n); more != nil {
			t.Errorf("%s: told twice: %+v", name, more)
		}
	}
}

func TestAFailedCommandEndsItsCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	f := w.follow(t, bridgeRequest("att1", "74955404444", "employee:201"))
	w.notify("result/callback", resultNotice{Command: "att1", Result: 1000})
	w.notify("result/callback", `{"command_id":"att1","result":"4200"}`)
	if r := f.next(t); r.State != calls.ReportEnded || !strings.Contains(r.Words, "4200") {
		t.Errorf("%+v", r)
	}
}

func FuzzNotices(f *testing.F) {
	for _, n := range scenario("att1", "e1", "74955404444") {
		f.Add(pathCall, asJSON(f, n))
	}
	f.Add(pathSummary, asJSON(f, summaryOf("e1", "74955404444", time.Second, 1120)))
	f.Add(pathDTMF, `{"seq":"1","dtmf":"12","entry_id":"e1"}`)
	f.Fuzz(func(t *testing.T, path, body string) {
		tr := newTracker("74955404444", true)
		ends := 0
		count := func(list []calls.ProviderReport) {
			for _, r := range list {
				if ends > 0 {
					t.Errorf("%+v after the end", r)
				}
				if r.State == calls.ReportEnded {
					ends++
				}
			}
		}
		fm := form{JSON: body}
		var call callNotice
		var press dtmfNotice
		var sum summaryNotice
		if fm.parse(&call) != nil || fm.parse(&press) != nil || fm.parse(&sum) != nil {
			return
		}
		for range 2 {
			count(tr.call(call))
			count(tr.digits(press))
			count(tr.summary(sum))
		}
		_ = noticePath(path)
	})
}
