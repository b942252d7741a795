package beeline

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

func request(b *bench) providers.PlaceRequest {
	return providers.PlaceRequest{Account: calls.MainAccount, CallID: "call_1", Attempt: "att_1", To: "79220001122", Employee: b.anna,
		Flow: calls.Flow{Bridge: &calls.Bridge{Manager: "employee:emp_anna", Order: calls.ManagerFirst}}}
}

func TestACallIsAskedForInEachForm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings, want, answer, id string
		bare                       bool
	}{
		"JSON":            {"", `POST abonents/9333221100/call? {"phoneNumber":"9220001122"}`, "callhalf-1:0", "callhalf-1:0", false},
		"a bare string":   {"", `POST abonents/9333221100/call? {"phoneNumber":"9220001122"}`, "callhalf-7:0", "callhalf-7:0", true},
		"an object":       {"call_version: v2", `POST v2/abonents/9333221100/call? {"phoneNumber":"9220001122"}`, `{"callId":"x-1","externalTrackingId":"t"}`, "x-1", true},
		"a query":         {"call_form: query", `POST abonents/9333221100/call?phoneNumber=9220001122`, "17", "17", true},
		"nothing":         {"", `POST abonents/9333221100/call? {"phoneNumber":"9220001122"}`, "", "", true},
		"our user agent":  {"answers: sip\nsubscriber: \"9000000007\"", `POST abonents/9000000007/call? {"phoneNumber":"9220001122"}`, "5", "5", true},
		"an empty object": {"", `POST abonents/9333221100/call? {"phoneNumber":"9220001122"}`, "{}", "", true},
	} {
		b := newBench(t, c.settings)
		b.sim.bareID, b.sim.callID = c.bare, c.answer
		res, err := b.client.Place(context.Background(), request(b))
		if err != nil || res.ProviderCallID != c.id {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
		if got := b.sim.requests("POST "); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: asked %q", name, got)
		}
	}
}

func TestWhatTheAnswersOfThePortalMean(t *testing.T) {
	t.Parallel()
	b := newBench(t, "timeout: 1m")
	hasty := b.open("timeout: 3s")
	const where = "POST abonents/9333221100/call"
	for name, c := range map[string]struct {
		fault   http.HandlerFunc
		refused bool
		words   string
	}{
		"a refusal":        {says(400, `{"errorCode":"UserNotFound","description":"no such user"}`), true, "no such user (UserNotFound)"},
		"a wrong token":    {says(401, `{"errorCode":"AuthTokenNotFound","description":"wrong token"}`), true, "401"},
		"too many":         {says(429, "slow down"), true, "too many requests"},
		"unavailable":      {says(503, "<html>maintenance</html>"), true, "503"},
		"a page":           {says(200, "<html><body>welcome</body></html>"), false, "a page instead of a call id"},
		"a gateway":        {says(502, "<html>bad gateway</html>"), false, "502"},
		"a fault":          {says(500, `{"errorCode":"INTERNAL","description":"oops"}`), false, "500"},
		"a strange status": {says(226, ""), false, "226"},
		"nothing":          {hangs, false, "took too long"},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("call"))
		}, false, "broke off"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, true, "redirect"},
	} {
		b.sim.fault(where, c.fault)
		asks := b.client
		if name == "nothing" {
			asks = hasty
		}
		_, err := asks.Place(context.Background(), request(b))
		var refused *calls.PlaceRefused
		var unknown *calls.PlaceUnknown
		if errors.As(err, &refused) != c.refused || errors.As(err, &unknown) == c.refused || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(err.Error(), simToken) {
			t.Errorf("%s tells the token", name)
		}
	}
	r := request(b)
	r.Employee = &calls.Employee{}
	if _, err := b.client.Place(context.Background(), r); err == nil {
		t.Error("nobody was rung, and that was no error")
	}
	if n := len(b.sim.requests("POST ")); n != 11 {
		t.Errorf("%d requests were sent for 11 attempts", n)
	}
}

func TestListsAndWordsAreRead(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	ctx := context.Background()
	list, err := b.client.portal.Abonents(ctx)
	if err != nil || len(list) != 2 || list[0].UserID != operator {
		t.Fatalf("%+v, %v", list, err)
	}
	if a, err := b.client.portal.Abonent(ctx, operator); err != nil || a.Extension != "201" {
		t.Fatalf("%+v, %v", a, err)
	}
	if err := b.client.portal.Transfer(ctx, "201", "c-1", "79004443322"); err != nil || !slices.Contains(b.sim.requests("POST"), `POST abonents/201/callTransfer? {"callId":"c-1","phoneNumber":"9004443322"}`) {
		t.Fatalf("%v, %v", err, b.sim.requests("POST"))
	}
	if sound, err := b.client.portal.Download(ctx, "7"); err != nil || string(sound) != "sound" {
		t.Fatalf("%q, %v", sound, err)
	}
	for _, bad := range []string{"<html>", `{"url":"javascript:alert(1)"}`, `""`, `{"url":""}`} {
		b.sim.fault("GET records/7/reference", says(200, bad))
		if link, err := b.client.portal.Reference(ctx, "7"); err == nil {
			t.Errorf("%s was taken for %q", bad, link)
		}
	}
	b.sim.fault("GET records/7/reference", says(200, "https://x.example/r"))
	if link, err := b.client.portal.Reference(ctx, "7"); err != nil || link != "https://x.example/r" {
		t.Errorf("%q, %v", link, err)
	}
	b.sim.fault("GET abonents", says(200, "<html>"))
	if _, err := b.client.portal.Abonents(ctx); err == nil {
		t.Error("a page was taken for a list")
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	t.Parallel()
	for key, settings := range map[string]string{
		"url": "url: ftp://x", "token": "token: \"\"", "call_version": "call_version: v3", "call_form": "call_form: xml", "answers": "answers: pigeon",
		"subscriber": "answers: sip", "subscribe": "subscribe: maybe", "subscription_type": "subscription_type: ALL", "expires": "expires: 1s", "renew": "renew: 50m",
		"check": "check: 1ms", "settle": "settle: 1h", "records": "records: [0s]", "poll": "poll: 1h", "rate": "rate: 1000", "max_call": "max_call: 48h", "timeout": "timeout: 1h",
	} {
		if key != "token" {
			settings += "\ntoken: t"
		}
		s := defaults()
		if err := fields(settings).Decode(&s); err != nil {
			t.Fatal(err)
		}
		if err := s.check(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: %v", key, err)
		}
	}
	s := defaults()
	s.Token = "t"
	if err := s.check(); err != nil || s.Expires != time.Hour {
		t.Error(err)
	}
}

func FuzzAnswers(f *testing.F) {
	for _, s := range []string{`"ON"`, `ON`, `{"id":7}`, `[{"id":1,"externalId":2,"date":"3","abonent":null}]`, `{"expires":"3600","subscriptionId":"x"}`, `1e999`, `<html>`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, text := range []string{bare(b), named(b, "id", "callId", "url"), failureOf(b).ErrorCode} {
			if len(text) > maxWord || !calls.Printable(text) {
				t.Fatalf("%q", text)
			}
		}
		if list, err := read[[]Record](b); err == nil {
			for _, r := range list {
				_ = r.Date.Time()
			}
		}
		_, _ = read[Subscription](b)
		_, _ = read[[]Stat](b)
	})
}
