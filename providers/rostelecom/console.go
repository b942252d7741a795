package rostelecom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"zvonar/providers"
)

// methodCallHistory is a request of the console that orders a history, waits for it
// and shows its lines.
const methodCallHistory = "call_history"

// samples are the requests of the debug console, by the guide's own list.
func samples() []providers.Sample {
	return []providers.Sample{
		{Method: methodCallBack, Outgoing: true, Title: "Запрос исходящего вызова", Body: `{"request_number":"+74951234567","from_pin":"201"}`},
		{Method: methodGetRecord, Outgoing: true, Title: "Запрос записи разговора", Body: `{"session_id":"5a56aff8-2352-4c94-8778-07cbfb60d242","ip_adress":"203.0.113.10"}`},
		{Method: methodUsersInfo, Outgoing: true, Title: "Адресная книга пользователей домена", Body: `{}`},
		{Method: methodCallInfo, Outgoing: true, Title: "Запрос информации о вызове", Body: `{"session_id":"5a56aff8-2352-4c94-8778-07cbfb60d242"}`},
		{Method: methodHistory, Outgoing: true, Title: "Заказ истории вызовов домена", Body: `{"date_start":"2018-04-23 00:00:00","date_end":"2018-04-24 00:00:00","direction":0,"state":0}`},
		{Method: methodDownloadHistory, Outgoing: true, Title: "Загрузка истории вызовов", Body: `{"order_id":"1"}`},
		{Method: methodCallHistory, Outgoing: true, Title: "История вызовов: заказ, ожидание, строки", Body: `{"date_start":"2018-04-23 00:00:00","date_end":"2018-04-24 00:00:00","direction":0,"state":0,"phone_number":""}`},
		{Method: methodCallEvents, Outgoing: true, Title: "Уведомление о вызове (в CRM)", Body: sampleEvent},
		{Method: methodNumberInfo, Outgoing: true, Title: "Информация о номере абонента (в CRM)", Body: sampleNumber},
		{Method: methodHistoryReady, Outgoing: true, Title: "История вызовов готова (в CRM)", Body: `{"order_id":"1"}`},
		{Method: methodCallBack, Title: "Запрос исходящего вызова (к нам)", Body: `{"request_number":"+74951234567","from_sipuri":"test_user@cloudpbx.rt.ru"}`},
		{Method: methodGetRecord, Title: "Запрос записи разговора (к нам)", Body: `{"session_id":"5a56aff8-2352-4c94-8778-07cbfb60d242"}`},
		{Method: methodUsersInfo, Title: "Адресная книга (к нам)", Body: `{}`},
		{Method: methodCallInfo, Title: "Запрос информации о вызове (к нам)", Body: `{"session_id":"5a56aff8-2352-4c94-8778-07cbfb60d242"}`},
	}
}

const (
	sampleEvent = `{"session_id":"5a56aff8-2352-4c94-8778-07cbfb60d242","timestamp":"2018-04-23 15:01:27.214","type":"incoming","state":"new",` +
		`"from_number":"sip:+79771234567@test.20.rt.ru","from_pin":"","request_number":"sip:+74951234567@test.20.rt.ru","request_pin":"","disconnect_reason":"","is_record":"false"}`
	sampleNumber = `{"domain":"test.20.rt.ru","timestamp":"2018-04-23 15:01:27.214","from_number":"sip:+79771234567@test.20.rt.ru","request_number":"sip:+74951234567@test.20.rt.ru"}`
)

// toCRM are the methods that a PBX sends to its CRM.
var toCRM = map[string]bool{methodCallEvents: true, methodNumberInfo: true, methodNumberInfoShort: true, methodHistoryReady: true}

// Test implements providers.Tester: the body goes out as it is, signed.
func (p *Provider) Test(ctx context.Context, method string, body []byte) (*providers.Answer, error) {
	ctx = providers.Labelled(ctx, providers.Label{Test: true})
	switch {
	case method == methodCallHistory:
		return p.testHistory(ctx, body)
	case toCRM[method] && p.crm == nil:
		return nil, errors.New("the provider has no crm in its settings")
	case toCRM[method]:
		return p.askCRM(ctx, method, "", body)
	}
	for _, s := range samples() {
		if s.Method == method && s.Outgoing {
			return p.postLimit(ctx, method, "", body, maxHistory)
		}
	}
	return nil, fmt.Errorf("there is no method %q", method)
}

// testHistory does the whole of a history and gives its lines as JSON.
func (p *Provider) testHistory(ctx context.Context, body []byte) (*providers.Answer, error) {
	var q struct {
		DateStart text `json:"date_start"`
		DateEnd   text `json:"date_end"`
		Direction text `json:"direction"`
		State     text `json:"state"`
		Phone     text `json:"phone_number"`
	}
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, errors.New("the body is not a JSON object")
	}
	from, err1 := parseTime(string(q.DateStart))
	to, err2 := parseTime(string(q.DateEnd))
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	begun := p.house.Clock.Now()
	rows, err := p.History(ctx, HistoryFilter{From: from, To: to, Direction: int(q.Direction.whole()), State: int(q.State.whole()), Phone: digits(string(q.Phone))})
	if err != nil {
		return nil, err
	}
	out, err := marshal(struct {
		Rows []HistoryRow `json:"rows"`
		Took string       `json:"took"`
	}{rows, p.house.Clock.Now().Sub(begun).Round(time.Millisecond).String()})
	return &providers.Answer{Status: 200, Body: out}, err
}

// Sign implements providers.Signer.
func (p *Provider) Sign(method string, body []byte) ([]providers.Signed, error) {
	id, key := p.set.ClientID, p.set.SignKey
	if toCRM[method] && p.crm != nil {
		id, key = p.set.CRM.ClientID, p.set.CRM.SignKey
	}
	if id == "" {
		return nil, errors.New("client_id and sign_key are not configured")
	}
	return []providers.Signed{{Name: "text", Value: "sha256(X-Client-ID + body + sign_key)"}, {Name: headerID, Value: id}, {Name: headerSign, Value: sign(id, body, key)}}, nil
}
