package rostelecom

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	historyHead = "session_id;call_type;direction;state;orig_number;orig_pin;dest_number;answering_sipuri;answering_pin;start_call_date;duration;is_voicemail;is_record;is_fax;status_code;status_string"
	historyLine = "5a56aff8-2352-4c94-8778-07cbfb60d242;1;1;1;sip:+79771234567@d;;sip:+74951234567@d;sip:317@d;317;2018-04-23 15:01:27;18;false;true;false;0;OK"
)

func zipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("history.csv")
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, text)
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAHistoryIsReadInEachOfItsForms(t *testing.T) {
	t.Parallel()
	commas := strings.ReplaceAll(historyHead+"\n"+historyLine+"\n", ";", ",")
	for name, file := range map[string][]byte{
		"zip with semicolons, as the service does": zipped(t, historyHead+"\r\n"+historyLine+"\r\n"),
		"gzip with commas, as the guide says":      gzipped(t, commas),
		"plain without a header":                   []byte(historyLine),
		"plain with a mark of its encoding":        []byte("\ufeff" + historyHead + "\n" + historyLine),
		"tabs":                                     []byte(strings.ReplaceAll(historyLine, ";", "\t")),
		"quoted, in other columns":                 []byte("\"duration\";\"session_id\";\"start_call_date\";\"orig_number\";\"dest_number\";\"direction\";\"state\";\"is_record\";\"answering_pin\";\"new\"\n\"18\";\"5a56aff8-2352-4c94-8778-07cbfb60d242\";\"1524484887\";\"+79771234567\";\"84951234567\";1;1;1;317;x"),
	} {
		rows, err := ParseHistory(file)
		if err != nil || len(rows) != 1 {
			t.Errorf("%s: %+v, %v", name, rows, err)
			continue
		}
		if r := rows[0]; r.SessionID != simSession || r.From != "79771234567" || r.To != "74951234567" || r.Duration != 18 || !r.Recorded || r.State != 1 || r.Direction != 1 ||
			r.AnsweredPIN != "317" || !r.StartedAt.Equal(time.Date(2018, 4, 23, 12, 1, 27, 0, time.UTC)) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestAHistoryThatCannotBeReadSaysWhy(t *testing.T) {
	t.Parallel()
	for name, file := range map[string][]byte{
		"half a gzip":  gzipped(t, historyLine)[:20],
		"half a zip":   zipped(t, historyLine)[:40],
		"no session":   []byte(";1;1;1"),
		"a wrong time": []byte(strings.Replace(historyLine, "2018-04-23 15:01:27", "yesterday", 1)),
		"not UTF-8":    []byte("\xff\xfe;1"),
	} {
		if rows, err := ParseHistory(file); err == nil {
			t.Errorf("%s: %+v", name, rows)
		}
	}
	if rows, err := ParseHistory([]byte("\n")); err != nil || len(rows) != 0 {
		t.Errorf("an empty history: %v, %v", rows, err)
	}
}

func TestAHistoryIsOrderedAndWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.sim.say(methodHistory, jsonSays(`{"result":"0","order_id":7}`))
	w.sim.say(methodDownloadHistory, status(404, "text/html", "File [7] not found"), status(200, "text/html", "<html>wait</html>"),
		status(200, "application/zip", string(zipped(t, historyHead+"\n"+historyLine))))
	type got struct {
		rows []HistoryRow
		err  error
	}
	done := make(chan got, 1)
	go func() {
		rows, err := w.p.History(context.Background(), HistoryFilter{From: time.Date(2018, 4, 22, 21, 0, 0, 0, time.UTC), To: time.Date(2018, 4, 23, 21, 0, 0, 0, time.UTC), Phone: "79771234567"})
		done <- got{rows, err}
	}()
	asks(t, w.sim, methodHistory)
	asks(t, w.sim, methodDownloadHistory)
	w.advance()
	asks(t, w.sim, methodDownloadHistory)
	<-w.clock.armed
	if rec := w.hears(methodHistoryReady, `{"order_id":"7"}`); rec.Code != http.StatusOK { // shortens the wait
		t.Fatal(rec.Code)
	}
	asks(t, w.sim, methodDownloadHistory)
	if g := <-done; g.err != nil || len(g.rows) != 1 {
		t.Errorf("%+v", g)
	}
	want := `{"date_start":"2018-04-23 00:00:00","date_end":"2018-04-24 00:00:00","direction":0,"state":0,"phone_number":"+79771234567"}`
	if body := w.sim.bodies(methodHistory)[0]; body != want {
		t.Errorf("sent %s", body)
	}
}

func TestAHistoryThatIsNotThereIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "history: {tries: 1}")
	w.sim.say(methodHistory, jsonSays(`{"result":"0","order_id":7}`))
	w.sim.say(methodDownloadHistory, jsonSays(`{"result":"1","resultMessage":"not ready"}`))
	if _, err := w.p.History(context.Background(), HistoryFilter{}); !errors.Is(err, errNotReady) {
		t.Errorf("%v", err)
	}
}

func FuzzHistory(f *testing.F) {
	f.Add([]byte(historyHead + "\n" + historyLine))
	f.Add(zipped(f, historyLine))
	f.Add(gzipped(f, historyLine))
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, err := ParseHistory(file)
		for _, r := range rows {
			if err == nil && r.SessionID == "" {
				t.Fatalf("%+v", r)
			}
		}
	})
}
