package engine

import (
	"encoding/json"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

func TestACaptureLinkOpensOneCallForAWhile(t *testing.T) {
	t.Parallel()
	links := calls.CaptureLinks{Key: []byte(strings.Repeat("k", 32))}
	url := links.URL("call_1", epoch.Add(calls.CaptureLinkLife))
	path, query, _ := strings.Cut(url, "?")
	expires, signature, _ := strings.Cut(strings.TrimPrefix(query, "expires="), "&signature=")
	if path != "/v1/calls/call_1/recording" || !links.Opens("call_1", expires, signature, epoch) {
		t.Fatalf("%s does not open", url)
	}
	for name, opens := range map[string]bool{
		"another call": links.Opens("call_2", expires, signature, epoch),
		"later":        links.Opens("call_1", expires, signature, epoch.Add(calls.CaptureLinkLife)),
		"longer":       links.Opens("call_1", expires+"0", signature, epoch),
		"no signature": links.Opens("call_1", expires, "", epoch),
		"another key":  calls.CaptureLinks{Key: []byte("other")}.Opens("call_1", expires, signature, epoch),
		"no key":       calls.CaptureLinks{}.Opens("call_1", expires, calls.CaptureLinks{}.URL("call_1", epoch.Add(1))[len(path):], epoch),
	} {
		if opens {
			t.Errorf("%s opens", name)
		}
	}
	var data captureData
	b, err := json.Marshal(captureData{URL: url, DurationMS: 1, SHA256: "x"})
	if err != nil || json.Unmarshal(b, &data) != nil || data.URL != url {
		t.Errorf("%s", b)
	}
}

func TestATalkIsWrittenDownWhereItIsAskedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if flow, err := b.e.flowOf(CallRequest{Clip: "1", Capture: true}); err != nil || !flow.Capture {
		t.Errorf("capture of the request is not the flow's: %v", err)
	}
	c, leg, manager := talkingWithManager(t, b)
	for _, on := range []bool{true, true, false} { // on twice is on
		if _, err := b.e.Record(t.Context(), "main", c.ID, on); err != nil {
			t.Fatal(err)
		}
	}
	b.until(leg, "capture "+c.ID)
	b.until(leg, "capture ends")
	var data captureData
	if err := json.Unmarshal(b.events(calls.CallRecordingReady).Data, &data); err != nil || data.DurationMS != 1500 || data.SHA256 != "abc" || !strings.HasPrefix(data.URL, "/v1/calls/"+c.ID+"/recording?") {
		t.Errorf("%+v %v", data, err)
	}
	if _, err := b.e.Record(t.Context(), "main", c.ID, true); err != nil {
		t.Fatal(err)
	}
	b.until(leg, "capture "+c.ID)
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.bridging("unbridge " + leg.id + " " + manager.id)
	b.until(leg, "capture ends")
	b.until(manager, "hangup")
	manager.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	b.over(c.ID)
	if _, err := b.e.Record(t.Context(), "main", "nobody", true); calls.CodeOf(err) != calls.CodeNotFound {
		t.Errorf("a call that is not there: %v", err)
	}
}
