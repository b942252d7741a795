package zvonobot

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zvonar/providers"
)

func FuzzWebhook(f *testing.F) {
	f.Add([]byte(`{"apiCalls":[{"id":101,"calls":[{"id":501,"status":"finished","ivrAnswers":"|1"}]}]}`))
	f.Add([]byte(`{"call":{"apicallId":101,"answer":"3","ivr_answers":"|1|3"},"webhookParameters":"{\"zvonar_call\":\"call_1\"}"}`))
	f.Add([]byte(`{"id":"5","status":7,"webhookParameters":[{}]}`))
	causes := newCauseReader(nil, "no_answer")
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := parseWebhook(body)
		if err == nil && len(list) == 0 {
			t.Error("neither a fact nor an error")
		}
		var p progress
		ended := 0
		for range 2 {
			for _, x := range list {
				for _, r := range p.apply(x, causes) {
					if r.State == "ended" {
						ended++
					}
				}
			}
		}
		if ended > 1 || len(p.digits) > maxDigits {
			t.Errorf("%d ends, %d digits", ended, len(p.digits))
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte(`{"status":"success","data":[{"id":101}]}`))
	f.Add(422, []byte(`{"status":"error","errors":{"phone":["x"]}}`))
	f.Add(500, []byte(`<html>`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		data, err := readAnswer(&providers.Answer{Status: status, Header: http.Header{}, Body: body})
		if err != nil {
			return
		}
		if list, err := readCreated(data); err == nil && len(list) == 0 {
			t.Error("neither a call nor an error")
		}
	})
}

func FuzzFields(f *testing.F) {
	f.Add("application/json", "a=1", `{"phones":["7",8],"record":{"id":"1"},"ivrs":[{"digit":1,"ivrs":[{"digit":2,"record":{"id":3}}]}]}`)
	f.Add("application/x-www-form-urlencoded", "", "phones[]=7&ivrs[0][digit]=1&ivrs[0][record][id]=5&ivrs[1]=x")
	f.Add("multipart/form-data; boundary=x", "", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--")
	fac := &facade{cfg: facadeSettings{MaxPhones: 100, RecordField: recordField}}
	f.Fuzz(func(t *testing.T, contentType, query, body string) {
		r := httptest.NewRequest(http.MethodPost, "/apiCalls/create", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", contentType)
		in, status, err := readFields(httptest.NewRecorder(), r, 1<<16)
		if (err == nil) != (status == 0) {
			t.Fatalf("%v with status %d", err, status)
		}
		if err != nil {
			return
		}
		c, err := fac.readCreate(in)
		if err != nil {
			return
		}
		digits, block, err := readMenu(c.ivrs, func(id text) (string, error) { return string(id), nil })
		if err == nil {
			_, _ = checkFlow("1", digits, block, false)
		}
		hooksOf(c.ivrs, "79004443322")
	})
}
