package providers

import (
	"net/url"
	"testing"

	"zvonar/internal/calls"
)

func reports(t testing.TB) *TextReports {
	t.Helper()
	r, err := NewTextReports(TextReports{ID: "message.id", Status: "status", Error: "why", Delivered: []string{"2", "DELIVRD"}, Failed: []string{"3"}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAReportIsReadInEachOfItsForms(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded; charset=utf-8"
	for _, c := range []struct {
		name, contentType, body, query string
		want                           TextReport
	}{
		{"JSON", "application/json", `{"message":{"id":7},"status":2}`, "", TextReport{ID: "7", Final: true, Delivered: true}},
		{"JSON that does not say so", "", `{"message":{"id":"7"},"status":"3","why":"absent"}`, "", TextReport{ID: "7", Final: true, Error: "absent"}},
		{"a form", form, "message.id=7&status=3", "", TextReport{ID: "7", Final: true, Error: "3"}},
		{"a query", "", "", "message.id=7&status=DELIVRD", TextReport{ID: "7", Final: true, Delivered: true}},
		{"on its way", form, "message.id=7&status=1", "", TextReport{ID: "7"}},
		{"no id", form, "status=2", "", TextReport{}},
		{"no JSON", "application/json", "status=2", "", TextReport{}},
	} {
		query, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := reports(t).Read(c.contentType, []byte(c.body), query)
		if got != c.want || (err != nil) != (c.want == TextReport{}) {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, c.want)
		}
	}
	for _, bad := range []TextReports{{Status: "s"}, {ID: "a..b", Status: "s"}, {ID: "a", Status: ""}} {
		if _, err := NewTextReports(bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

func FuzzTextReport(f *testing.F) {
	f.Add("application/json", []byte(`{"message":{"id":7},"status":2}`))
	f.Add("application/x-www-form-urlencoded", []byte("message.id=%0a&status=3"))
	r := reports(f)
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		got, err := r.Read(contentType, body, nil)
		if err == nil && (got.ID == "" || !calls.Printable(got.ID) || !calls.Printable(got.Error)) {
			t.Fatalf("%+v", got)
		}
	})
}
