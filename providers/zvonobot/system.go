package zvonobot

import (
	"net/http"

	"zvonar/internal/outbox"
	"zvonar/providers"
)

// Kind names this system in the configuration, under /compat/ and in metrics.
const Kind = "zvonobot"

// System is what this folder offers. Keys of the facade are zvonar's own tokens.
func System() providers.System {
	return providers.System{
		Kind: Kind,
		New: func(h *providers.House, name string, s providers.Settings) (providers.Provider, error) {
			c, err := newClient(h, name, s)
			if err != nil {
				return nil, err
			}
			if c.cfg.Remove {
				return removing{c}, nil
			}
			return c, nil
		},
		Facade:  func(h *providers.House, s providers.Settings) (http.Handler, error) { return newFacade(h, s) },
		Needs:   needs(),
		Sinks:   func(h *providers.House) []outbox.Sink { return []outbox.Sink{sink{h}} },
		Console: samples(),
	}
}

// samples are the requests of the debug console.
func samples() []providers.Sample {
	out := func(method, title, body string) providers.Sample {
		return providers.Sample{Method: method, Outgoing: true, Title: title, Body: body}
	}
	in := func(method, title, body string) providers.Sample {
		return providers.Sample{Method: method, Title: title, Body: body}
	}
	const call = `{"phone":"79004443322","outgoingPhone":"78005553535","record":{"id":1460168},"ivrs":[{"digit":1,"smsText":"Спасибо!"},{"digit":9,"needBlock":1}]}`
	return []providers.Sample{
		out("userInfo", "Show the balance", `{}`),
		out("getPhones", "List the caller numbers", `{"all":true}`),
		out("getRecords", "List the records, to fill settings.records", `{}`),
		out("createRecord", "Make a record of a text", `{"source":"text","name":"Пример","text":"Здравствуйте! Это пример записи, она длиннее семи секунд.","gender":0}`),
		out("create", "Call somebody", call),
		out("get", "Ask what became of calls", `{"apiCallIdList":[101]}`),
		in("apiCalls/create", "Call somebody, as software written for Zvonobot does", `{"apiKey":"TOKEN",`+call[1:]),
		in("apiCalls/get", "Ask what became of calls", `{"apiKey":"TOKEN","apiCallIdList":[1]}`),
		in("apiCalls/createRecord", "Make a record of a text", `{"apiKey":"TOKEN","source":"text","name":"Пример","text":"Здравствуйте! Это пример записи, она длиннее семи секунд."}`),
		in("apiCalls/getRecords", "List the records", `{"apiKey":"TOKEN"}`),
		in("apiCalls/getPhones", "List the caller numbers", `{"apiKey":"TOKEN"}`),
		in("apiCalls/userInfo", "Show the account", `{"apiKey":"TOKEN"}`),
	}
}
