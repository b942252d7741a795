package sipuni

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// golden reads an event of testdata/events: the query that the service sends.
func golden(t testing.TB, name string) url.Values {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "events", name))
	if err != nil {
		t.Fatal(err)
	}
	values, err := url.ParseQuery(strings.TrimSpace(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func readGolden(t testing.TB, name string) event {
	t.Helper()
	fields, err := fieldsOf("", nil, golden(t, name))
	if err != nil {
		t.Fatal(err)
	}
	e, err := eventOf(fields)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestGoldenEventsAreUnderstood(t *testing.T) {
	t.Parallel()
	at := func(n int64) time.Time { return time.Unix(n, 0).UTC() }
	start := readGolden(t, "1-outgoing.txt")
	want := event{kind: eventStart, callID: "1419783130.15593", order: "0123456789abcdef0123456789abcdef", src: "078332201", dst: "79161234567",
		shortSrc: "201", srcType: inside, dstType: outside, at: at(1419783130), line: "74991234567", scheme: "000658610"}
	if start != want {
		t.Errorf("start: %+v", start)
	}
	if start.direction() != calls.Out || !start.client("89161234567") || start.client("79161234568") || !start.staff("078332", "201") || start.staff("078332", "202") {
		t.Error("who speaks to whom was not understood")
	}
	end := readGolden(t, "2-answered.txt")
	if end.kind != eventEnd || end.status != "ANSWER" || !end.answered.Equal(at(1419783140)) || !end.at.Equal(at(1419783170)) ||
		end.record != "https://sipuni.com/api/callback/record/7b0a0d2f1f0a3a9e7c1c5e2f4d6b8a90" || end.answerMismatch {
		t.Errorf("end: %+v", end)
	}
	odd := readGolden(t, "2-answer-without-time.txt")
	if !odd.answerMismatch || !odd.answered.IsZero() {
		t.Errorf("odd end: %+v", odd)
	}
	in := readGolden(t, "1-incoming.txt")
	if in.direction() != calls.In || in.src != "79220001122" || in.dst != "012345100002" || in.shortDst != "100002" || !in.staff("012345", "100002") {
		t.Errorf("incoming: %+v", in)
	}
}

func TestAnEventIsTheSameInEachOfItsForms(t *testing.T) {
	t.Parallel()
	query := golden(t, "2-answered.txt")
	object := map[string]any{"extra": map[string]any{"x": 1}, "list": []int{1}}
	for name := range query {
		object[name] = query.Get(name)
	}
	object["event"] = 2 // as the WebSocket writes it
	asJSON, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := fieldsOf("", nil, query)
	for _, c := range []struct {
		name, contentType, body string
		query                   url.Values
	}{
		{"a form", "application/x-www-form-urlencoded", query.Encode(), nil},
		{"a form that does not say so", "", query.Encode(), nil},
		{"JSON", "application/json; charset=utf-8", string(asJSON), nil},
		{"JSON that does not say so", "text/plain", string(asJSON), nil},
	} {
		if got, err := fieldsOf(c.contentType, []byte(c.body), c.query); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}

func TestEventsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no call_id": "event=1", "event is a word": "event=start&call_id=1", "a negative event": "event=-1&call_id=1", "JSON cut off": `{"event":1`,
		"a list": `[1]`, "JSON and more": `{"event":1,"call_id":"1"} x`, "too long": "event=1&call_id=" + strings.Repeat("1", maxField+1),
	} {
		contentType := ""
		if body[0] == '[' {
			contentType = "application/json"
		}
		fields, err := fieldsOf(contentType, []byte(body), nil)
		if err == nil {
			_, err = eventOf(fields)
		}
		if err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if e, err := eventOf(map[string]string{}); err != nil || e.kind != eventNone {
		t.Errorf("a test of the address: %+v, %v", e, err)
	}
	if recordOf("javascript:alert(1)") != "" || recordOf("/api/callback/record/1") != "" {
		t.Error("what is no address was taken for one")
	}
}

func FuzzEvent(f *testing.F) {
	f.Add("application/json", []byte(`{"event":2,"call_id":"1","status":"ANSWER"}`), "")
	f.Add("", []byte("event=1&call_id=1&src_num=+7916_id5"), "dst_num=1")
	f.Fuzz(func(t *testing.T, contentType string, body []byte, query string) {
		q, _ := url.ParseQuery(query)
		fields, err := fieldsOf(contentType, body, q)
		if err != nil {
			return
		}
		e, err := eventOf(fields)
		if err != nil {
			return
		}
		if strings.Trim(e.src+e.dst+e.line, "0123456789") != "" || !calls.Printable(e.callID+e.order+e.status) {
			t.Fatalf("%+v", e)
		}
	})
}
