package zvonobot

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zvonar/internal/calls"
	"zvonar/providers/providerstest"
	"zvonar/recordings"
)

func TestFacadeCreatesACallAsItsClientsWriteIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.facade("")
	code, body := ask(t, f, "/apiCalls/create", read(t, "create_request.json"))
	if code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
	golden(t, "create_answer.json", body)
	c := h.call(1)
	if c.To != "79004443322" || c.From != "78005553535" || c.Flow.Record != "rec_ok" || string(c.Metadata) != `{"label":"amoCRM"}` || c.TokenID != "tok_bot" {
		t.Errorf("%+v", c)
	}
	want := calls.DigitMap{nil, {{Kind: calls.ActionRecord, Value: "rec_next", Digits: calls.DigitMap{nil, nil, {{Kind: calls.ActionSMS, Value: "Спасибо!"}}}}},
		{{Kind: calls.ActionManager, Value: "74242490764"}}, {{Kind: calls.ActionSMS, Value: "Ваш код 17"}}, nil, nil, nil, nil, nil, {{Kind: calls.ActionBlock, Value: "1"}}}
	if got := fmt.Sprint(c.Flow.Digits); got != fmt.Sprint(want) {
		t.Errorf("the digits are %s, want %v", got, want)
	}
	if code, body = ask(t, f, "/apiCalls/get", `{"apiKey":"caller-key","apiCallIdList":["1",99]}`); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	golden(t, "get_answer.json", body)
	r := httptest.NewRequest(http.MethodGet, "/apiCalls/get?apiKey=caller-key&apiCallIdList[]=1&apiCallIdList[]=99", nil)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	golden(t, "get_answer.json", w.Body.String())
	if _, body := ask(t, f, "/apiCalls/get", `{"apiKey":"key-of-another-account","apiCallIdList":[1]}`); body != `{"status":"success","data":[]}` {
		t.Errorf("another account sees %s", body)
	}
	if text := h.journal.text(); strings.Contains(text, key) || !strings.Contains(text, `"Method":"create"`) {
		t.Errorf("the journal has %s", text)
	}
}

func TestFacadeTakesEverySpellingOfACreate(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.facade("")
	for name, c := range map[string]struct{ contentType, body string }{
		"numbers":       {"application/json", `{"apiKey":"caller-key","phone":79004443322,"record":{"id":"1460168"}}`},
		"recordId":      {"application/json; charset=utf-8", `{"apiKey":"caller-key","phone":"8 900 444-33-22","recordId":1460168,"dutyPhone":1}`},
		"record_id":     {"", `{"apiKey":"caller-key","phone":"79004443322","record_id":"1460168","webhookParameters":{"a":1}}`},
		"a form":        {"application/x-www-form-urlencoded", "apiKey=caller-key&phones[]=79004443322&record[id]=1460168&ivrs[0][digit]=1&ivrs[0][smsText]=Да"},
		"JSON as form":  {"application/x-www-form-urlencoded", `{"apiKey":"caller-key","phone":"79004443322","recordId":1460168}`},
		"needless null": {"application/json", `{"apiKey":"caller-key","phones":["79004443322"],"phone":null,"record":{"id":1460168,"text":null,"gender":null},"ivrs":null,"plannedAt":null,"webhookUrl":null}`},
		"a multipart form": {"multipart/form-data; boundary=xx", "--xx\r\nContent-Disposition: form-data; name=\"apiKey\"\r\n\r\ncaller-key\r\n--xx\r\n" +
			"Content-Disposition: form-data; name=\"phone\"\r\n\r\n79004443322\r\n--xx\r\nContent-Disposition: form-data; name=\"recordId\"\r\n\r\n1460168\r\n--xx--\r\n"},
	} {
		r := httptest.NewRequest(http.MethodPost, "//apiCalls/create/", strings.NewReader(c.body))
		if r.Header.Set("Content-Type", c.contentType); c.contentType == "" {
			r.Header.Del("Content-Type")
		}
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if w.Code != 200 || !strings.Contains(w.Body.String(), `"status":"created"`) || !strings.Contains(w.Body.String(), `"phone":"79004443322"`) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestFacadeRefusesInTheShapesOfTheDialect(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.facade("max_phones: 3\nmax_body: 2048")
	const start = `{"apiKey":"caller-key","phone":"79004443322",`
	for name, c := range map[string]struct {
		method, path, contentType, body string
		code                            int
		answer                          string
	}{
		"no key":            {"POST", "/apiCalls/create", "application/json", `{"phone":"79004443322"}`, 401, `{"status":"error","message":"apiKey is missing"}`},
		"a wrong key":       {"POST", "/apiCalls/userInfo", "application/json", `{"apiKey":"x"}`, 401, `{"status":"error","message":"apiKey is not known"}`},
		"no role":           {"POST", "/apiCalls/create", "application/json", `{"apiKey":"viewer-key"}`, 403, `{"status":"error","message":"this apiKey may not do this: its token needs the role caller"}`},
		"guesses":           {"POST", "/apiCalls/userInfo", "application/json", `{"apiKey":"guessed too often"}`, 429, `{"status":"error","message":"too many wrong keys came from there; wait a minute"}`},
		"another method":    {"POST", "/apiCalls/steal", "application/json", `{}`, 404, `{"status":"error","message":"there is no such method here"}`},
		"switched off":      {"POST", "/apiCalls/remove", "application/json", `{}`, 404, `{"status":"error","message":"there is no such method here"}`},
		"GET of create":     {"GET", "/apiCalls/create", "", ``, 405, `{"status":"error","message":"this method is asked for by POST"}`},
		"XML":               {"POST", "/apiCalls/create", "application/xml", `<a/>`, 415, `{"status":"error","message":"send application/json"}`},
		"no JSON":           {"POST", "/apiCalls/create", "application/json", `{"apiKey":`, 400, `{"status":"error","message":"the body must be a JSON object"}`},
		"a long body":       {"POST", "/apiCalls/create", "application/json", `{"a":"` + strings.Repeat("x", 3000) + `"}`, 413, `{"status":"error","message":"the body is larger than 2048 bytes"}`},
		"no phone":          {"POST", "/apiCalls/create", "application/json", `{"apiKey":"caller-key"}`, 422, `{"status":"error","errors":{"phone":["say whom to call: phone or phones"]}}`},
		"too many phones":   {"POST", "/apiCalls/create", "application/json", `{"apiKey":"caller-key","phones":[1,2,3,4]}`, 422, `{"status":"error","errors":{"phones":["at most 3 phones are taken at once"]}}`},
		"no record":         {"POST", "/apiCalls/create", "application/json", start + `"a":1}`, 422, `{"status":"error","errors":{"record":["say what to play: record.id, recordId or record.text"]}}`},
		"an unknown record": {"POST", "/apiCalls/create", "application/json", start + `"recordId":7}`, 422, `{"status":"error","errors":{"record":["there is no record 7"]}}`},
		"a strange from":    {"POST", "/apiCalls/create", "application/json", start + `"recordId":1460168,"outgoingPhone":"74951234567"}`, 422, "outgoingPhone"},
		"an inner address":  {"POST", "/apiCalls/create", "application/json", start + `"recordId":1460168,"webhookUrl":"http://169.254.1.1/"}`, 422, `{"status":"error","errors":{"webhookUrl":["this address is inside"]}}`},
		"digit 10":          {"POST", "/apiCalls/create", "application/json", start + `"recordId":1460168,"ivrs":[{"digit":10,"needBlock":1}]}`, 422, `{"status":"error","errors":{"ivrs":["ivrs[0].digit must be 0 to 9, each once"]}}`},
		"a form as digit":   {"POST", "/apiCalls/create", "application/json", start + `"recordId":1460168,"ivrs":[{"digit":{}}]}`, 422, "ivrs"},
		"speech":            {"POST", "/apiCalls/create", "application/json", start + `"recordId":1460168,"ivrs":[{"digit":1,"recognize":1}]}`, 422, "speech is not recognised"},
		"a deep menu":       {"POST", "/apiCalls/create", "application/json", start + `"recordId":1460168,"ivrs":` + strings.Repeat(`[{"digit":1,"record":{"id":1460168},"ivrs":`, 5) + `[{"digit":1,"needBlock":1}]` + strings.Repeat("}]", 5) + `}`, 422, "nested to a depth of 5"},
		"one bad phone":     {"POST", "/apiCalls/create", "application/json", `{"apiKey":"caller-key","phone":"12","recordId":1460168}`, 200, `"status":"error","data":[{"status":"error","phone":"12","message":`},
		"no ids":            {"POST", "/apiCalls/get", "application/json", `{"apiKey":"caller-key"}`, 422, "name at least one id"},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.contentType)
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if got := w.Body.String(); w.Code != c.code || !strings.Contains(got, c.answer) {
			t.Errorf("%s: %d %s, want %d %s", name, w.Code, got, c.code, c.answer)
		}
	}
	if list := h.all(); len(list) != 0 {
		t.Errorf("%d calls were made", len(list))
	}
}

func TestEveryMethodAsksForTheRoleOfWhatItDoes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tokens := h.Keys.(keys)
	for _, role := range []calls.Permission{calls.PermViewer, calls.PermCaller, calls.PermModerator, calls.PermOperator, calls.PermAdmin} {
		tokens[string(role)] = token(string(role), role)
	}
	f := h.facade("remove: true\ntemplates: [{id: 1, record: 1460168}]")
	providerstest.KeepsToNeeds(t, System().Needs, nil, func(method string, role calls.Permission) bool {
		path := "/apiCalls/" + method
		if method == "addPhonesFromApi" {
			path = "/apiBlacklist/" + method
		}
		code, body := ask(t, f, path, `{"apiKey":"`+string(role)+`"}`)
		return code == 403 && strings.Contains(body, "its token needs the role")
	})
}

func (h *house) all() (list []*calls.Call) {
	h.t.Helper()
	err := h.store.View(context.Background(), func(tx calls.ReadTx) (err error) {
		list, err = tx.Calls(calls.CallFilter{Limit: 500})
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func TestFacadeAnswersForEveryPhoneOfABulk(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	phones := make([]string, 60)
	for i := range phones {
		phones[i] = fmt.Sprintf(`"790044433%02d"`, i)
	}
	phones[7] = `"110"`
	code, body := ask(t, h.facade(""), "/apiCalls/create", `{"apiKey":"caller-key","recordId":1460168,"plannedAt":1795266000,"phones":[`+strings.Join(phones, ",")+`]}`)
	if code != 200 || !strings.HasPrefix(body, `{"status":"success","data":[{"id":1,"phone":"79004443300"`) || strings.Count(body, `"status":"created"`) != 59 ||
		strings.Count(body, `{"status":"error","phone":"110","message":"`) != 1 || strings.Count(body, `"plannedAt":1795266000`) != 59 {
		t.Errorf("%d %s", code, body)
	}
	if c := h.call(1); c.DueAt.Unix() != 1795266000 || len(h.all()) != 59 {
		t.Errorf("%d calls, the first is due at %v", len(h.all()), c.DueAt)
	}
}

func TestACallOfATextWaitsForTheModerator(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.facade("")
	const text = `Здравствуйте! Это проверка записи из текста.`
	code, body := ask(t, f, "/apiCalls/createRecord", `{"apiKey":"caller-key","source":"text","name":"Проба","text":"`+text+`","gender":1}`)
	if code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	golden(t, "create_record_answer.json", strings.ReplaceAll(body, h.rec(text).ID, "REC"))
	if _, body := ask(t, f, "/apiCalls/createRecord", `{"apiKey":"caller-key","text":"`+text+`","gender":1}`); !strings.Contains(body, `"id":1000001,`) {
		t.Errorf("the same text again is %s", body)
	}
	if _, body := ask(t, f, "/apiCalls/getRecords", `{"apiKey":"caller-key","forAmoGet":1}`); body != `{"status":"success","data":[{"id":1460169,"name":"Clip rec_next"},{"id":1460168,"name":"Clip rec_ok"}]}` &&
		body != `{"status":"success","data":[{"id":1460168,"name":"Clip rec_ok"},{"id":1460169,"name":"Clip rec_next"}]}` {
		t.Errorf("the records are %s", body)
	}
	code, body = ask(t, f, "/apiCalls/create", `{"apiKey":"caller-key","phone":"79004443322","record":{"id":1000001}}`)
	if code != 200 || !strings.Contains(body, `"status":"created"`) {
		t.Fatalf("%d %s", code, body)
	}
	if code, body = ask(t, f, "/apiCalls/create", `{"apiKey":"caller-key","phone":"79004443323","record":{"text":"`+text+`","gender":1}}`); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	if code, body = ask(t, f, "/apiCalls/create", `{"apiKey":"caller-key","phone":"79004443324","recordId":1460168,"ivrs":[{"digit":1,"record":{"id":1000001}}]}`); code != 422 || !strings.Contains(body, "waits for a moderator") {
		t.Errorf("%d %s", code, body)
	}
	rec := h.rec(text)
	if c := h.call(1); c.Recording.RecordingID != rec.ID || h.call(2).Recording.RecordingID != rec.ID || rec.Voice != "male" {
		t.Errorf("the calls say %+v and the record is %+v", c.Recording, rec)
	}
	if _, err := h.lib.Approve(t.Context(), recordings.Decision{Account: rec.Account, ID: rec.ID, Actor: "anna"}); err != nil {
		t.Fatal(err)
	}
	if rec = h.rec(text); rec.RecordID == nil || *rec.RecordID != 1000001 {
		t.Errorf("its number is %v", rec.RecordID)
	}
	if _, body = ask(t, f, "/apiCalls/createRecord", `{"apiKey":"caller-key","text":"`+text+`","gender":1}`); !strings.Contains(body, `"id":1000001,`) || !strings.Contains(body, `"needModeration":0`) {
		t.Errorf("the approved one is %s", body)
	}
}

func (h *house) rec(text string) (rec *calls.Recording) {
	h.t.Helper()
	err := h.store.View(context.Background(), func(tx calls.ReadTx) error {
		list, err := tx.Recordings(calls.RecordingFilter{Account: calls.MainAccount, Limit: 10})
		for _, r := range list {
			if r.Text == text {
				rec = r
			}
		}
		return err
	})
	if err != nil || rec == nil {
		h.t.Fatal("there is no such recording", err)
	}
	return rec
}

func TestTextsAreRefusedWhereTheyMustBe(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if code, body := ask(t, h.facade(""), "/apiCalls/createRecord", `{"apiKey":"caller-key","source":"text","text":"Коротко."}`); code != 422 || !strings.Contains(body, `"errors":{"text":["`) {
		t.Errorf("less than seven seconds: %d %s", code, body)
	}
	if code, body := ask(t, h.facade(""), "/apiCalls/createRecord", `{"apiKey":"caller-key","source":"phone"}`); code != 422 || !strings.Contains(body, `"errors":{"source":["`) {
		t.Errorf("a dictation: %d %s", code, body)
	}
	strict := h.facade("unmoderated: refuse")
	if code, body := ask(t, strict, "/apiCalls/create", `{"apiKey":"caller-key","phone":"79004443322","record":{"text":"Новый текст, который никто не видел."}}`); code != 422 || !strings.Contains(body, `"errors":{"record":["`) {
		t.Errorf("a text that nobody has passed: %d %s", code, body)
	}
}

func TestFacadeTellsOfTheAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.put(func(tx calls.Tx) error {
		return tx.PutNumber(&calls.Number{Account: calls.MainAccount, Number: "74951234567", Kind: calls.NumberOwn, State: calls.NumberPending})
	})
	f := h.facade("balance: \"12.50\"\nlanguages: [{code: ru-RU, name: Русский}]")
	for path, want := range map[string]string{
		"/apiCalls/getPhones":             `{"status":"success","data":[{"phone":"78005553535","enable":true},{"phone":"74951234567","enable":false}]}`,
		"/apiCalls/userInfo":              fmt.Sprintf(`{"status":"success","data":{"balance":"12.50","lastPayAt":null,"loggedAt":%d}}`, noon.Unix()),
		"/apiCalls/getAvailableLanguages": `{"status":"success","data":[{"code":"ru-RU","name":"\u0420\u0443\u0441\u0441\u043a\u0438\u0439"}]}`,
	} {
		if code, body := ask(t, f, path, `{"apiKey":"caller-key","all":true}`); code != 200 || body != want {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
}
