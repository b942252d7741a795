package providers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/carrier"
)

const (
	beelineToken  = "11111111-2222-3333-4444-555555555555"
	beelineSecret = "beeline-secret-0123456789"
	beelineUser   = "9333221100@mpbx.sip.beeline.ru"
)

// beelinePBX is a Cloud PBX: its portal, and events to whoever subscribed. It rings
// zvonar and the client by the carrier's switch (bySIP), or pretends that telephones
// which are not ours talk.
type beelinePBX struct {
	w     *world
	bySIP bool

	mu         sync.Mutex
	hook       string
	subscribed int
	asked      []string // pattern and number of calls
	sequence   int
	records    []map[string]any
}

// ServeHTTP is the portal.
func (p *beelinePBX) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/apis/portal/")
	if r.Header.Get("X-MPBX-API-AUTH-TOKEN") != beelineToken {
		http.Error(w, `{"errorCode":"AuthTokenNotFound","description":"no"}`, http.StatusUnauthorized)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case path == "abonents":
		fmt.Fprintf(w, `[{"userId":%q,"phone":"9333221100","extension":"201"}]`, beelineUser)
	case path == "subscription" && r.Method == http.MethodPut:
		var in struct{ URL string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		p.hook = in.URL
		p.subscribed++
		fmt.Fprintf(w, `{"subscriptionId":"sub-%d","expires":3600}`, p.subscribed)
	case strings.HasSuffix(path, "/call"):
		var in struct{ PhoneNumber string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		pattern := strings.Split(path, "/")[1]
		p.asked = append(p.asked, pattern+" "+in.PhoneNumber)
		id, err := p.ring(pattern, "7"+in.PhoneNumber)
		if err != nil {
			http.Error(w, `{"errorCode":"InternalError","description":"no line"}`, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, id) // a bare string
	case path == "records":
		_ = json.NewEncoder(w).Encode(append([]map[string]any{}, p.records...))
	case strings.HasSuffix(path, "/reference"):
		fmt.Fprint(w, `{"url":"https://cloudpbx.example/record/1"}`)
	case path == "v2/statistics":
		fmt.Fprint(w, `[]`)
	}
}

// calls are the pattern and number of the calls it was asked for.
func (p *beelinePBX) calls() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// ring begins a call; p.mu is held.
func (p *beelinePBX) ring(pattern, phone string) (id string, err error) {
	if !p.bySIP {
		go p.pretend("half-7", "track-7", phone)
		return "half-7", nil
	}
	x := &beelineTalk{pbx: p, user: pattern, client: phone, begun: time.Now()}
	sw, err := p.w.carrier.Switch(carrier.SwitchRequest{CallbackRequest: carrier.CallbackRequest{Extension: extension, Phone: phone, Order: carrier.AgentFirst}, Report: x.hear})
	if err != nil {
		return "", err
	}
	return sw.ID(), nil
}

// event posts one, as the present subscription; it gives the status.
func (p *beelinePBX) event(kind, user, call string) int {
	p.mu.Lock()
	p.sequence++
	hook, n, sub := p.hook, p.sequence, p.subscribed
	p.mu.Unlock()
	body := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><bw:Event xmlns:bw="http://schema.broadsoft.com/xsi" xmlns:t="http://www.w3.org/2001/XMLSchema-instance" t:type="bw:SubscriptionEvent">`+
		`<bw:eventID>e-%d</bw:eventID><bw:sequenceNumber>%d</bw:sequenceNumber><bw:userId>%s</bw:userId><bw:subscriptionId>sub-%d</bw:subscriptionId>`+
		`<bw:eventData t:type="bw:%s"><bw:call>%s</bw:call></bw:eventData></bw:Event>`, n, n, user, sub, kind, call)
	resp, err := http.Post(hook, "application/xml; charset=UTF-8", strings.NewReader(body))
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

func beelineCall(id, track, person, state, remote, times string) string {
	return fmt.Sprintf(`<bw:callId>%s</bw:callId><bw:extTrackingId>%s</bw:extTrackingId><bw:personality>%s</bw:personality><bw:state>%s</bw:state>`+
		`<bw:remoteParty><bw:address>tel:+%s</bw:address></bw:remoteParty>%s`, id, track, person, state, remote, times)
}

// pretend tells a talk of thirty seconds of two telephones that are not ours, doubled
// and with the end before the answer.
func (p *beelinePBX) pretend(id, track, phone string) {
	at := func(name string, t time.Time) string {
		return fmt.Sprintf("<bw:%s>%d</bw:%s>", name, t.UnixMilli(), name)
	}
	begun := time.Now()
	start, answer, release := at("startTime", begun), at("answerTime", begun.Add(2*time.Second)), at("releaseTime", begun.Add(32*time.Second))
	p.event("CallOriginatingEvent", beelineUser, beelineCall(id, track, "Click-to-Dial", "Alerting", "79333221100", start))
	p.event("CallOriginatedEvent", beelineUser, beelineCall(id, track, "Originator", "Alerting", phone, start))
	over := beelineCall(id, track, "Originator", "Released", phone, start+answer+release+"<bw:releasingParty>remoteRelease</bw:releasingParty>")
	p.event("CallReleasedEvent", beelineUser, over)
	p.event("CallAnsweredEvent", beelineUser, beelineCall(id, track, "Originator", "Active", phone, start+answer))
	p.event("CallReleasedEvent", beelineUser, over)
	p.mu.Lock()
	p.records = append(p.records, map[string]any{"id": 1, "externalId": track})
	p.mu.Unlock()
}

// beelineTalk tells the steps of the switch as events.
type beelineTalk struct {
	pbx             *beelinePBX
	user, client    string
	begun, answered time.Time
}

func (x *beelineTalk) hear(ev carrier.SwitchEvent) {
	user := x.user + "@mpbx.sip.beeline.ru"
	times := fmt.Sprintf("<bw:startTime>%d</bw:startTime>", x.begun.UnixMilli())
	if ev.State == carrier.ClientAnswered {
		x.answered = ev.At
	}
	if !x.answered.IsZero() {
		times += fmt.Sprintf("<bw:answerTime>%d</bw:answerTime>", x.answered.UnixMilli())
	}
	switch ev.State {
	case carrier.AgentRinging:
		x.pbx.event("CallOriginatingEvent", user, beelineCall(ev.ID, "t"+ev.ID, "Click-to-Dial", "Alerting", "7"+x.user, times))
	case carrier.ClientRinging:
		x.pbx.event("CallOriginatedEvent", user, beelineCall(ev.ID, "t"+ev.ID, "Originator", "Alerting", x.client, times))
	case carrier.ClientAnswered:
		x.pbx.event("CallAnsweredEvent", user, beelineCall(ev.ID, "t"+ev.ID, "Originator", "Active", x.client, times))
	case carrier.SwitchEnded:
		times += fmt.Sprintf("<bw:releaseTime>%d</bw:releaseTime>", ev.At.UnixMilli())
		if ev.Code == 486 {
			times += "<bw:releaseCause><bw:internalReleaseCause>Busy</bw:internalReleaseCause></bw:releaseCause>"
		}
		x.pbx.event("CallReleasedEvent", user, beelineCall(ev.ID, "t"+ev.ID, "Originator", "Released", x.client, times))
	}
}

// newBeeline starts a daemon with a PBX; more are further settings.
func newBeeline(t *testing.T, bySIP bool, head, more string) (*world, *beelinePBX) {
	t.Helper()
	w := newWorld(t)
	p := &beelinePBX{w: w, bySIP: bySIP}
	w.start(fmt.Sprintf("providers:\n  - {name: pbx-api, kind: beeline, %s intake: {secret: %s}, settings: {url: %q, token: %s, check: 200ms, settle: 1s, records: [100ms, 300ms, 1s, 2s, 5s, 10s, 30s], rate: 50%s}}\n",
		head, beelineSecret, serve(t, p)+"/apis/portal", beelineToken, more))
	return w, p
}

func (p *beelinePBX) wait(t *testing.T) {
	t.Helper()
	p.w.Eventually("a subscription", func() bool {
		list, err := p.w.api.Subscriptions(context.Background())
		return err == nil && len(list) > 0 && list[0].State == "active"
	})
}

func TestBeelineJoinsAnEmployeeAndAClient(t *testing.T) {
	t.Parallel()
	w, p := newBeeline(t, false, "", "")
	var e struct{ ID string }
	if err := w.api.Do(context.Background(), "POST", "/v1/employees", map[string]any{"name": "Anna", "phone": "79333221100", "call_method": "api", "provider": "pbx-api", "subscriber": "9333221100"}, &e); err != nil {
		t.Fatal(err)
	}
	p.wait(t)
	var said struct{ Status, Result, Error string }
	if err := w.api.Do(context.Background(), "POST", "/v1/bot/beeline_call", map[string]any{"client_phone": "79005551000", "user": "9333221100"}, &said); err != nil || said.Status != "1" {
		t.Fatalf("%+v, %v", said, err)
	}
	id := strings.TrimPrefix(said.Result, "Call ID: ")
	got := w.ended(id, "answered")
	if got.TalkMS != 30000 || got.ProviderCallID == nil || *got.ProviderCallID != "half-7" || got.Employee == nil || *got.Employee != e.ID {
		t.Errorf("the call is %+v", got)
	}
	if ready := w.told(id, calls.CallRecordingReady); !strings.Contains(string(ready.Data), "https://cloudpbx.example/record/1") {
		t.Errorf("%s", ready.Data)
	}
	if trail := w.trail(id); !strings.Contains(trail, "answered") || !strings.Contains(trail, "bridged") {
		t.Error(trail)
	}
	if asked := p.calls(); len(asked) != 1 || asked[0] != "9333221100 9005551000" {
		t.Errorf("asked %q", asked)
	}

	w.Kill() // the subscription outlives us
	w.Run()
	p.wait(t)
	now := time.Now().UnixMilli()
	missed := beelineCall("in-1", "track-in", "Terminator", "Released", "79220001122", fmt.Sprintf("<bw:startTime>%d</bw:startTime><bw:releaseTime>%d</bw:releaseTime>", now, now))
	if code := p.event("CallReleasedEvent", beelineUser, missed); code != http.StatusOK {
		t.Fatalf("an event was answered with %d", code)
	}
	w.Eventually("the missed call", func() bool {
		var list struct{ Items []calls.CallView }
		if err := w.api.Do(context.Background(), "GET", "/v1/calls?outcome=missed", nil, &list); err != nil {
			t.Fatal(err)
		}
		return len(list.Items) == 1 && list.Items[0].Employee != nil && *list.Items[0].Employee == e.ID && list.Items[0].From != nil && *list.Items[0].From == "79220001122"
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.subscribed != 1 {
		t.Errorf("%d subscriptions were ordered", p.subscribed)
	}
}

func TestBeelineRingsOurTelephoneAndThenTheClient(t *testing.T) {
	t.Parallel()
	w, p := newBeeline(t, true, "trunk: pbx, extension: \"201\",", `, answers: sip, subscriber: "9000000007"`)
	p.wait(t)
	// He presses 3 two seconds into the clip, which puts him on the blacklist and ends the call.
	id := w.asks("/v1/calls", map[string]any{"to": "79005551203", "record_id": w.clip(), "provider": "pbx-api",
		"digits": []any{struct{}{}, struct{}{}, struct{}{}, map[string]any{"needBlock": 1}}})
	if got := w.ended(id, "answered/blocked_by_digit"); len(got.Digits) != 1 {
		t.Errorf("the call is %+v", got)
	}
	busy := w.asks("/v1/calls", map[string]any{"to": "79005550486", "record_id": w.clip(), "provider": "pbx-api"})
	w.ended(busy, "busy")
	if asked := p.calls(); len(asked) != 2 || asked[0] != "9000000007 9005551203" {
		t.Errorf("asked %q", asked)
	}
}
