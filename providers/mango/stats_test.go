package mango

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func TestStatisticsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	rows, err := parseStats("[MToxMA==,MToxMQ==];1558422100;1558422160;1558422110;29;79001234567;;74955404444;1120;74951234567;abonent\r\n[];1558422100;1558422160;0;;;;;1111;;\n", defaultColumns)
	if err != nil || len(rows) != 2 {
		t.Fatal(rows, err)
	}
	if ids := rows[0].recordings(); len(ids) != 2 || ids[1] != "MToxMQ==" || rows[1].recordings() != nil {
		t.Error(ids, rows[1].recordings())
	}
	if !rows[0].unix(colAnswer).Equal(time.Unix(1558422110, 0)) || !rows[1].unix(colAnswer).IsZero() {
		t.Error(rows)
	}
	if _, err := parseStats("1;2;3\n", defaultColumns); err == nil {
		t.Error("a row that is too short was read")
	}
	if _, err := parseStats("<html>", defaultColumns); err == nil {
		t.Error("a page was read")
	}
}

// reconciled is what statistics say, page by page, and what is told of a call of
// which no notice came.
func TestACallThatNothingIsHeardOfIsLookedUp(t *testing.T) {
	t.Parallel()
	began := stamp(noon)
	line := func(to, reason, entry string, answer int64) string {
		return fmt.Sprintf("[];%d;%d;%d;201;%s;%s;%s\n", began, began+60, answer, to, reason, entry)
	}
	for name, x := range map[string]struct {
		pages []fault
		state calls.ReportState
		words string
	}{
		"answered": {[]fault{{status: 204}, {status: 200, body: line("74955404444", "1120", "e1", int64(began+20))}}, calls.ReportAnswered, ""},
		"busy":     {[]fault{{status: 200, body: line("74955404444", "1121", "e1", 0)}}, calls.ReportEnded, "busy"},
		"gone, and told the second time": {[]fault{{status: 404}, {status: 200, body: line("84955404444", "1121", "e1", 0)}},
			calls.ReportEnded, "busy"},
		"HTML, and told the second time": {[]fault{{status: 200, kind: "text/html", body: "<html>\n"}, {status: 200, body: line("74955404444", "1111", "e1", 0)}},
			calls.ReportEnded, "in time"},
		"two that cannot be told apart": {[]fault{{status: 200, body: line("74955404444", "1121", "e1", 0) + line("74955404444", "1111", "e2", 0)},
			{status: 200, body: line("74955404444", "1122", "e1", 0)}}, calls.ReportEnded, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.bodies["stats/request"] = `{"key":"k1"}`
			w.mu.Lock()
			w.pages["stats/result"] = x.pages
			w.mu.Unlock()
			f := w.follow(t, bridgeRequest("att1", "74955404444", "employee:201"))
			r := f.next(t)
			if r.State != x.state || !strings.Contains(r.Words, x.words) || r.ProviderCallID != "e1" {
				t.Errorf("%+v", r)
			}
			got := w.requests()
			if got[1].Path != "stats/request" || !strings.Contains(got[1].JSON, `"fields":"records,start,finish,answer,from_number,to_number,disconnect_reason,entry_id"`) ||
				!strings.Contains(got[1].JSON, `"call_party":{"number":"74955404444"}`) {
				t.Errorf("%+v", got[1])
			}
		})
	}
}

func FuzzStatistics(f *testing.F) {
	f.Add("[MToxMA==];1558422100;1558422160;1558422110;29;79001234567;;74955404444;1120;74951234567;abonent\n")
	f.Fuzz(func(t *testing.T, body string) {
		rows, err := parseStats(body, defaultColumns)
		if err != nil {
			return
		}
		for _, r := range rows {
			_, _, _ = r.unix(colStart), r.recordings(), sameNumber(r[colTo], r[colFrom])
		}
	})
}
