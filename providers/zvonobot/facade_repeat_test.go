package zvonobot

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// idsOf are the ids of the calls that a create was answered with.
func idsOf(t *testing.T, body string) (ids []int64) {
	t.Helper()
	var a struct{ Data []struct{ ID int64 } }
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	for _, d := range a.Data {
		ids = append(ids, d.ID)
	}
	return ids
}

func TestACreateThatIsRepeatedRingsNobodyASecondTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.facade("")
	create := func(body string) string {
		t.Helper()
		code, answer := ask(t, f, "/apiCalls/create", body)
		if code != 200 || strings.Contains(answer, "error") {
			t.Fatalf("%d %s", code, answer)
		}
		return answer
	}
	const body = `{"apiKey":"caller-key","phone":"79004443322","recordId":1460168,"webhookUrl":"https://bot.example/hook"}`
	first := create(body)
	for name, again := range map[string]string{
		"byte for byte":             body,
		"in another order":          `{"recordId":1460168,"webhookUrl":"https://bot.example/hook","phone":"79004443322","apiKey":"caller-key"}`,
		"the number as a number":    strings.Replace(body, `"79004443322"`, `89004443322`, 1),
		"the number in a list of 1": strings.Replace(body, `"phone":"79004443322"`, `"phones":["79004443322"]`, 1),
	} {
		if answer := create(again); answer != first {
			t.Errorf("%s: %s, want %s", name, answer, first)
		}
	}
	if n := len(h.all()); n != 1 {
		t.Fatalf("%d calls were made", n)
	}
	others := 1
	for _, other := range []string{
		strings.Replace(body, "79004443322", "79004443323", 1), strings.Replace(body, "1460168", "1460169", 1), strings.Replace(body, "/hook", "/hook2", 1),
	} {
		create(other)
		if others++; len(h.all()) != others {
			t.Errorf("%s was taken for a repetition", other)
		}
	}
	h.clock.Advance(providers.RepeatWindow)
	if create(body); len(h.all()) != others+1 {
		t.Error("after the window the order is still taken for a repetition")
	}
}

func TestABulkIsGoneOnWithWhereItBrokeOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.facade("")
	bulk := func(phones string) []int64 {
		t.Helper()
		code, answer := ask(t, f, "/apiCalls/create", `{"apiKey":"caller-key","recordId":1460168,"phones":[`+phones+`]}`)
		if code != 200 {
			t.Fatalf("%d %s", code, answer)
		}
		return idsOf(t, answer)
	}
	first := bulk(`"79004443301","79004443302","79004443301"`)
	if first[0] == first[2] {
		t.Error("a number that is named twice in one request is called once")
	}
	again := bulk(`"79004443302","79004443303","79004443301"`)
	if again[0] != first[1] || again[2] != first[0] {
		t.Errorf("%v after %v", again, first)
	}
	if n := len(h.all()); n != 4 {
		t.Errorf("%d calls were made", n)
	}
}

func TestRepeatsAtOnceAndOrdersThatWereRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.facade("repeat_window: 1m")
	var wg sync.WaitGroup
	answers := make([]string, 8)
	for i := range answers {
		wg.Go(func() {
			_, answers[i] = ask(t, f, "/apiCalls/create", `{"apiKey":"caller-key","phone":"79004443322","recordId":1460168}`)
		})
	}
	wg.Wait()
	for _, a := range answers {
		if a != answers[0] {
			t.Errorf("%s and %s", a, answers[0])
		}
	}
	const later = `{"apiKey":"caller-key","phone":"79004443322","recordId":1460170}`
	if code, body := ask(t, f, "/apiCalls/create", later); code != 422 {
		t.Fatalf("%d %s", code, body)
	}
	h.put(func(tx calls.Tx) error { return tx.InsertRecording(clip("rec_late", 1460170)) })
	if code, body := ask(t, f, "/apiCalls/create", later); code != 200 {
		t.Errorf("what was refused stays refused: %d %s", code, body)
	}
	if n := len(h.all()); n != 2 {
		t.Errorf("%d calls were made", n)
	}
	off := h.facade("repeat_window: 0s")
	for range 2 {
		_, _ = ask(t, off, "/apiCalls/create", later)
	}
	if n := len(h.all()); n != 4 {
		t.Errorf("where it is switched off: %d calls", n)
	}
}

func TestOnlyWhoMayListenGetsTheLinkOfATalk(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.facade("")
	h.Keys.(keys)["operator-key"] = token("crm", calls.PermOperator)
	ids := func() int64 {
		_, body := ask(t, f, "/apiCalls/create", `{"apiKey":"caller-key","phone":"79004443322","recordId":1460168,"needRecording":1}`)
		return idsOf(t, body)[0]
	}()
	c := h.call(ids)
	at := h.clock.Now().Add(time.Second)
	c.Status, c.Outcome, c.AnsweredAt, c.EndedAt = calls.StatusCompleted, calls.OutcomeAnswered, &at, &at
	h.put(func(tx calls.Tx) error { return tx.UpdateCall(c) })
	for key, may := range map[string]bool{key: false, viewerKey: false, "operator-key": true} {
		_, body := ask(t, f, "/apiCalls/get", fmt.Sprintf(`{"apiKey":%q,"apiCallIdList":[%d]}`, key, ids))
		if has := strings.Contains(body, "/v1/calls/"+c.ID+"/recording?"); has != may || !strings.Contains(body, `"status":"finished"`) {
			t.Errorf("%s: %s", key, body)
		}
	}
}
