package main

const employeeJSON = `{"id":"emp_1","name":"Anna","extension":"201","trunk":"main","phone":null,"ring":"first","from":null,"record_id":null,"call_method":"off","crm_user":null,"provider":null,"subscriber":null,"sip_user":"anna","created_at":"2026-11-21T09:30:00.000Z","updated_at":null}`

// changeScripts are those of what is changed in place, and of the log of events.
var changeScripts = []script{
	{name: "employees set", args: "employees set emp_1 --phone 79161234567 --method api", asked: "GET /v1/employees/emp_1", stdout: "emp_1 is changed\n",
		daemon: answers{"GET /v1/employees/emp_1": employeeJSON, "PUT /v1/employees/emp_1": employeeJSON},
		then:   `PUT /v1/employees/emp_1 {"call_method":"api","extension":"201","name":"Anna","phone":"79161234567","ring":"first","sip_user":"anna","trunk":"main"}`},
	{name: "groups set", args: "groups set sales --members 201,202", stdout: "group:sales is changed\n",
		daemon: answers{"GET /v1/groups/sales": `{"name":"sales","strategy":"round_robin","members":["emp_1"],"ring_timeout":null}`, "PUT /v1/groups/sales": `{}`},
		then:   `PUT /v1/groups/sales {"members":["201","202"],"strategy":"round_robin"}`},
	{name: "numbers set", args: "numbers set 78005553535 --campaign= --title=", stdout: "78005553535 is changed\n",
		daemon: answers{"GET /v1/numbers/78005553535": `{"number":"78005553535","kind":"own","title":"Sales","trunk":null,"employee":"emp_1","campaigns":["camp_1"],"pool":null}`, "PUT /v1/numbers/78005553535": `{}`},
		then:   `PUT /v1/numbers/78005553535 {"campaigns":[],"employee":"emp_1","title":""}`},
	{name: "webhooks set", args: `webhooks set wh_1 --off --settings {"a":1}`, stdout: "wh_1 is changed\n",
		daemon: answers{"GET /v1/webhooks/wh_1": webhookJSON, "PUT /v1/webhooks/wh_1": webhookJSON},
		then:   `PUT /v1/webhooks/wh_1 {"disabled":true,"settings":{"a":1},"types":["call.completed"],"url":"https://bot.example.net/hook"}`},
	{name: "webhooks set in JSON", args: `webhooks set wh_1 --on --json`, stdout: `{"disabled":false,"id":"wh_1"}` + "\n",
		daemon: answers{"GET /v1/webhooks/wh_1": webhookJSON, "PUT /v1/webhooks/wh_1": `{"id":"wh_1","disabled":false}`},
		then:   `PUT /v1/webhooks/wh_1 {"disabled":false,"types":["call.completed"],"url":"https://bot.example.net/hook"}`},
	{name: "providers keys set", args: `providers keys set key_1 --allow-from=`, stdout: "key_1 is changed\n",
		daemon: answers{"GET /v1/keys/key_1": `{"id":"key_1","kind":"mango","name":"shop","roles":["caller"],"allow_from":["192.0.2.0/24"],"events_url":null,"events_settings":null}`, "PUT /v1/keys/key_1": `{}`},
		then:   `PUT /v1/keys/key_1 {"allow_from":[],"name":"shop","roles":["caller"]}`},
	{name: "employees set of nobody", args: "employees set x --phone 7", code: exitFailed, daemon: answers{}, stderr: "zvonar: there is nothing of this name in your account\n"},
	{name: "webhooks add of a kind", args: `webhooks add https://bot.example.net/hook --kind salebot --settings {"a":1}`, daemon: answers{"POST /v1/webhooks": "201 " + webhookJSON},
		stdout: "whsec_abc\n", stderr: "webhook wh_1; its secret is shown only now:\n", body: `{"kind":"salebot","url":"https://bot.example.net/hook","settings":{"a":1}}`},
	{name: "sms show", args: "sms show sms_1", asked: "GET /v1/sms/sms_1", daemon: answers{"GET /v1/sms/sms_1": textJSON},
		stdout: "ID     CREATED              TO           STATE   SENT  REPORTED  ERROR            TEXT\nsms_1  2026-11-21 09:30:00  79161234567  failed  -     -         outcome unknown  Your parcel\n"},
	{name: "events", args: "events --types call.queued,call.answered --subject call:01JCALL --after 0 --limit 2", daemon: answers{"GET /v1/events": page(queued, answered)},
		asked: "GET /v1/events?after=0&limit=2&subject=call%3A01JCALL&types=call.queued%2Ccall.answered",
		stdout: "2026-11-21 09:30:00.250  1  call:01JCALL  queued: call 79161234567 as 78005553535 with recording 1000001\n" +
			"2026-11-21 09:30:03.250  2  call:01JCALL  answered after 2.9 s (PCMA)\n",
		stderr: "zvonar: there may be more: --after 2\n"},
	{name: "events of a type that is none", args: "events --follow --types call.flown", code: exitFailed, asked: "GET /v1/events?types=call.flown",
		daemon: answers{"GET /v1/events": `422 {"type":"/problems/invalid-field","status":422,"detail":"query.types: there is no event of this type","errors":[{"location":"query.types","message":"there is no event of this type","value":"call.flown"}]}`},
		stderr: "zvonar: query.types: there is no event of this type (was \"call.flown\")\n"},
}
