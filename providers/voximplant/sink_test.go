package voximplant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
)

// houseEvents are what our house tells of a call.
var houseEvents = []struct {
	kind calls.EventType
	data string
}{
	{calls.CallQueued, `{}`}, {calls.CallDialing, `{}`},
	{calls.CallRinging, `{"sip_code":180}`},
	{calls.CallAnswered, `{"leg":"customer"}`},
	{calls.CallAMD, `{"verdict":"human","confidence":0.93}`},
	{calls.CallPlaybackFinished, `{"reason":"digit","played_ms":700}`},
	{calls.CallDigit, `{"digit":"2","leg":"customer"}`}, {calls.CallDigit, `{"digit":"5","leg":"manager"}`},
	{calls.CallBridged, `{}`},
	{calls.CallCompleted, `{"outcome":"answered","answered_at":"2026-11-21T09:00:01.000Z","talk_ms":12000,"hangup_by":"customer","digits":"2"}`},
	{calls.CallRecordingReady, `{"url":"https://pbx.example.com/v1/calls/call_1/recording"}`},
}

// TestTheSinkTellsWhatOurClientReads: what the facade's sink posts is what the client's
// intake takes for the reports of a scenario.
func TestTheSinkTellsWhatOurClientReads(t *testing.T) {
	t.Parallel()
	f := follow(t, placeRequest(), "")
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.WriteHeader(post(t, f.intake, string(b)))
	}))
	defer receiver.Close()
	to := &calls.Webhook{Kind: Kind, URL: receiver.URL, Settings: json.RawMessage(`{"call":"call_1","attempt":"att_1"}`)}
	state := ""
	for i, e := range houseEvents {
		it := outbox.Item{To: to, Event: calls.Event{ID: fmt.Sprint(i), Type: e.kind, CallID: "call_ours", Time: noon, Data: json.RawMessage(e.data)}, State: state}
		m, err := sink{}.Map(it)
		if errors.Is(err, outbox.ErrNotWanted) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		a := sink{}.Send(context.Background(), outbox.Exchange{Item: it, Message: m, Client: receiver.Client()})
		if a.Then != outbox.Delivered || a.State == nil {
			t.Fatalf("%s: %+v", e.kind, a)
		}
		state = *a.State
	}
	list := f.reports.wait(t, 7)
	want := []calls.ReportState{calls.ReportRinging, calls.ReportAnswered, calls.ReportVerdict, calls.ReportDigit, calls.ReportJoined, calls.ReportEnded, calls.ReportRecord}
	if got := states(list); !slices.Equal(got, want) {
		t.Fatal(got)
	}
	if list[2].Verdict != calls.VerdictHuman || list[3].Digit != "2" || list[5].TalkMS != 12000 || list[5].By != calls.ByCustomer {
		t.Fatalf("%+v", list)
	}
}

func TestTheSinkTellsHowACallFailed(t *testing.T) {
	t.Parallel()
	r, err := newReading(callbackSettings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for data, want := range map[string]calls.Outcome{
		`{"outcome":"busy","answered_at":null,"sip_code":486}`: calls.OutcomeBusy,
		`{"outcome":"no_answer","sip_code":null}`:              calls.OutcomeNoAnswer,
		`{"outcome":"rejected","sip_code":603}`:                calls.OutcomeRejected,
	} {
		m, err := sink{}.Map(outbox.Item{To: &calls.Webhook{}, Event: calls.Event{Type: calls.CallCompleted, CallID: "call_1", Time: noon, Data: json.RawMessage(data)}})
		if err != nil {
			t.Fatal(err)
		}
		facts, err := r.body(m.Body)
		if err != nil || facts[0].report.Outcome != want || facts[0].attempt != "call_1" || facts[0].order != 1 {
			t.Errorf("%s: %s %+v %v", data, m.Body, facts, err)
		}
	}
	for _, status := range []int{404, 500} {
		bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		it := outbox.Item{To: &calls.Webhook{URL: bad.URL}, Event: calls.Event{Type: calls.CallRinging, Data: json.RawMessage(`{}`)}}
		m, _ := sink{}.Map(it)
		if a := (sink{}).Send(t.Context(), outbox.Exchange{Item: it, Message: m, Client: bad.Client()}); a.Then == outbox.Delivered || a.State != nil {
			t.Errorf("%d: %+v", status, a)
		}
		bad.Close()
	}
}

// TestClientAndFacadeAreOneLoop: what the client asks, the facade understands: the call
// is made with its number and ref, reports go back to the client, and Cancel ends it.
func TestClientAndFacadeAreOneLoop(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.house.CheckURL = func(context.Context, string) error { return nil }
	server := httptest.NewServer(http.StripPrefix("/compat/voximplant", d.handler))
	defer server.Close()
	h, _ := testHouse(t, d.clock)
	file, err := json.Marshal(d.file)
	if err != nil {
		t.Fatal(err)
	}
	quoted, _ := json.Marshal(string(file))
	p, err := newClient(h, "vox", yamlSettings("url: "+server.URL+"/compat/voximplant/platform_api\nrule_id: 1\ncredentials: "+string(quoted)+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := placeRequest()
	r.From = ""
	placed, err := p.Place(t.Context(), r)
	if err != nil || placed.ProviderCallID != "1" {
		t.Fatal(placed, err)
	}
	c := d.calls()[0]
	if c.To != r.To || c.Ref != r.Ref || c.WebhookURL != "https://pbx.example.com/intake/vox/s3cretpath/events" {
		t.Fatalf("%+v", c)
	}
	hooks := d.hooks(c.ID)
	if len(hooks) != 1 || hooks[0].Kind != Kind || !strings.Contains(string(hooks[0].Settings), `"attempt":"att_1"`) {
		t.Fatalf("%+v", hooks)
	}
	if err := p.(*client).Cancel(t.Context(), r, placed); err != nil {
		t.Fatal(err)
	}
	if c := d.calls()[0]; c.Outcome != calls.OutcomeCanceled {
		t.Fatalf("%+v", c)
	}
	a, err := p.(*client).Test(t.Context(), "GetCallHistory", []byte(`{"from_date":"2026-11-21 00:00:00","to_date":"2026-11-22 00:00:00","with_calls":true,"call_session_history_id":1}`))
	if err != nil || !strings.Contains(string(a.Body), `"end_reason":"487 Terminated"`) {
		t.Fatalf("%s %v", a.Body, err)
	}
}

func (d *desk) hooks(call string) (list []*calls.Webhook) {
	d.t.Helper()
	if err := d.store.View(context.Background(), func(tx calls.ReadTx) (err error) {
		list, err = tx.CallWebhooks(calls.MainAccount, call)
		return err
	}); err != nil {
		d.t.Fatal(err)
	}
	return list
}
