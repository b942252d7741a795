package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// answers maps "METHOD PATH" to what the daemon says; a number before it is the
// status.
type answers map[string]string

// asked is what a command sent.
type asked struct{ requests, bodies []string }

// fakeDaemon speaks the published shapes.
func fakeDaemon(t *testing.T, a answers) (base string, got *asked) {
	t.Helper()
	got = &asked{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got.requests = append(got.requests, r.Method+" "+r.URL.RequestURI())
		got.bodies = append(got.bodies, string(b))
		if r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		text, ok := a[r.Method+" "+r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"type":"/problems/not-found","title":"Not found","status":404,"detail":"there is nothing of this name in your account","errors":[]}`)
			return
		}
		var status int
		if n, err := fmt.Sscanf(text, "%d ", &status); err == nil && n == 1 {
			text = text[4:]
			w.WriteHeader(status)
		}
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

const (
	callJSON      = `{"id":"01JCALL","ref":"parcel","direction":"out","status":"queued","outcome":null,"reason":null,"to":"79161234567","from":"78005553535","created_at":"2026-11-21T09:30:00.000Z","hold":null,"talk_ms":0,"digits":[],"actions":[],"attempts":[],"legs":[],"metadata":{}}`
	recordingJSON = `{"recording_id":"rec_1","id":"rec_1","record_id":1000001,"title":"Parcel","state":"approved","version":1,"duration_ms":8000,"checks":[{"name":"duration_ms","value":10104,"limit":7000,"level":"ok"}],"reason":null,"decided_at":null,"created_at":"2026-11-21T09:30:00.000Z"}`
	pendingJSON   = `{"recording_id":"rec_2","record_id":null,"title":"Second","state":"pending","duration_ms":9500,"reason":null,"decided_at":null,"created_at":"2026-11-21T09:31:00.000Z"}`
	rejectedJSON  = `{"recording_id":"rec_2","record_id":null,"title":"Second","state":"rejected","duration_ms":9500,"reason":"noise","decided_at":null,"created_at":"2026-11-21T09:31:00.000Z"}`
	tokenJSON     = `{"id":"tok_1","name":"bot","roles":["caller"],"prefix":"zv_1234","created_at":"2026-11-21T09:30:00.000Z","revoked_at":null,"expires_at":"2026-11-22T09:30:00.000Z","from_config":false,"account":"shop","allow_from":["192.0.2.0/24"],"last_used_at":"2026-11-21T09:35:00.000Z","token":"zv_1234secret"}`
	blockedJSON   = `{"number":"79161234567","scope":"account","reason":"asked","source":"api","call_id":null,"created_at":"2026-11-21T09:30:00.000Z"}`
	trunkJSON     = `{"name":"main","uri":"sip:127.0.0.1:5070","numbers":["78005553535"],"codecs":["PCMA"],"max_calls":200,"max_cps":0,"calls":3,"state":"down","reason":"carrier.example answers 403 Forbidden","register":true,"contact":"","registered_until":null,"next_register":null,"targets":[]}`
	unknownJSON   = `422 {"type":"/problems/bad-action","title":"Bad action","status":422,"detail":"the digits cannot be used","errors":[{"location":"body.digits[3]","message":"give exactly one action\u001b[2J","value":"x"},{"location":"body.to","message":"too short: give it in full, with the country code (79004443322); short and emergency numbers are never called, whoever asks and whenever"}],"request_id":"req_1"}`
	failureJSON   = `500 {"type":"/problems/internal","title":"Internal error","status":500,"detail":"something failed on our side","errors":[],"request_id":"req_9"}`
)

// event is one event of the call, sec seconds after its first.
func event(pos, sec int, typ, data string) string {
	return fmt.Sprintf(`{"id":"evt_%d","pos":%d,"subject":"call:01JCALL","seq":%d,"type":%q,"time":"2026-11-21T09:30:%02d.250Z","call_id":"01JCALL","account":"main","direction":"out","data":%s}`, pos, pos, pos, typ, sec, data)
}

func page(items ...string) string {
	return `{"items":[` + strings.Join(items, ",") + `],"next":null}`
}

func stream(items ...string) string {
	var b strings.Builder
	for i, item := range items {
		fmt.Fprintf(&b, "id: %d\ndata: %s\n\n", i+2, item)
	}
	return b.String()
}

var (
	queued    = event(1, 0, "call.queued", `{"to":"79161234567","from":"78005553535","recording":{"recording_id":"rec_1","record_id":1000001}}`)
	answered  = event(2, 3, "call.answered", `{"leg":"customer","codec":"PCMA","ring_ms":2900}`)
	completed = event(3, 9, "call.completed", `{"outcome":"answered","reason":"flow_end","sip_code":200,"talk_ms":6000,"digits":"1","hangup_by":"zvonar"}`)
	busy      = event(3, 9, "call.completed", `{"outcome":"busy","reason":null,"sip_code":486,"talk_ms":0,"digits":"","hangup_by":"customer"}`)
)

// script is a command line, what the daemon says, and what must come of it.
type script struct {
	name           string
	args           string // split at blanks
	stdin          string
	daemon         answers
	code           int
	stdout, stderr string
	asked, body    string // the first request
	then           string // the second request with its body
}

var scripts = []script{
	{name: "call", args: "call --to 79161234567 --record 1000001 --from 78005553535 --ref parcel --digits - --trunk main", stdin: `[{},{"needBlock":"1"}]`,
		daemon: answers{"POST /v1/calls": "202 " + callJSON}, stdout: "01JCALL queued\n", asked: "POST /v1/calls",
		body: `{"to":"79161234567","from":"78005553535","record_id":"1000001","digits":[{},{"needBlock":"1"}],"ref":"parcel","trunk":"main"}`},
	{name: "call by recording_id", args: `call --to 79161234567 --record rec_1 --digits [{}] --provider cloud`,
		daemon: answers{"POST /v1/calls": callJSON}, stdout: "01JCALL queued\n", asked: "POST /v1/calls",
		body: `{"to":"79161234567","recording_id":"rec_1","digits":[{}],"provider":"cloud"}`},
	{name: "call with a text", args: `call --to 79161234567 --text Hello --voice male`,
		daemon: answers{"POST /v1/calls": callJSON}, stdout: "01JCALL queued\n", asked: "POST /v1/calls",
		body: `{"to":"79161234567","text":"Hello","voice":"male"}`},
	{name: "call with one fault", args: "call --to 7 --record 1", code: exitFailed,
		daemon: answers{"POST /v1/calls": `422 {"type":"/problems/bad-action","status":422,"detail":"body.digits[0]: has two actions","errors":[{"location":"body.digits[0]","message":"has two actions","value":"x"}]}`},
		stderr: "zvonar: body.digits[0]: has two actions (was \"x\")\n"},
	{name: "call that is answered", args: "call --to 79161234567 --record 1000001 --follow",
		daemon: answers{"POST /v1/calls": callJSON, "GET /v1/calls/01JCALL/events": page(queued), "GET /v1/events": stream(answered, completed)},
		stdout: "01JCALL queued\n" +
			"    0.000  queued: call 79161234567 as 78005553535 with recording 1000001\n" +
			"    3.000  answered after 2.9 s (PCMA)\n" +
			"    9.000  over: answered (flow end) (SIP 200), talked 6.0 s, digits 1, ended by zvonar\n"},
	{name: "call that is busy", args: "call --to 79161234567 --record 1000001 --follow", code: exitOtherwise,
		daemon: answers{"POST /v1/calls": callJSON, "GET /v1/calls/01JCALL/events": page(queued, busy)},
		stdout: "01JCALL queued\n" +
			"    0.000  queued: call 79161234567 as 78005553535 with recording 1000001\n" +
			"    9.000  over: busy (SIP 486), ended by customer\n"},
	{name: "call in JSON", args: "call --to 79161234567 --record 1000001 --follow --json", code: exitOtherwise,
		daemon: answers{"POST /v1/calls": callJSON, "GET /v1/calls/01JCALL/events": page(busy)}, stdout: busyLine},
	{name: "call that is refused", args: "call --to 7 --record 1", code: exitFailed, daemon: answers{"POST /v1/calls": unknownJSON},
		stderr: "zvonar: the digits cannot be used\n  body.digits[3]: give exactly one action [2J (was \"x\")\n  body.to: too short: give it in full, with the country code (79004443322); short and emergency numbers are never called, whoever asks and whenever\n"},
	{name: "digits that are no JSON", args: "call --to 7 --record 1 --digits [{", code: exitFailed,
		stderr: "zvonar: --digits is not JSON; write it like '[{},{\"record\":\"1460168\"},{\"managerPhone\":\"74242490764\"}]'\n"},
	{name: "digits that are no file", args: "call --to 7 --record 1 --digits /no/such", code: exitFailed,
		stderr: "zvonar: --digits is neither JSON that begins with [ nor a file: open /no/such: no such file or directory\n"},
	{name: "a daemon that failed", args: "trunks", code: exitFailed, daemon: answers{"GET /v1/trunks": failureJSON},
		stderr: "zvonar: something failed on our side\n  the daemon's log tells more under request_id req_9\n"},

	{name: "calls list", args: "calls list --status queued --to 79161234567 --limit 5", daemon: answers{"GET /v1/calls": page(callJSON)},
		asked: "GET /v1/calls?limit=5&status=queued&to=79161234567",
		stdout: "ID       CREATED              DIR  TO           FROM         STATUS  OUTCOME  REASON  TALK  REF\n" +
			"01JCALL  2026-11-21 09:30:00  out  79161234567  78005553535  queued  -        -       -     parcel\n"},
	{name: "calls show", args: "calls show 01JCALL", daemon: answers{"GET /v1/calls/01JCALL": callJSON, "GET /v1/calls/01JCALL/events": page(queued)},
		stdout: "01JCALL  out  78005553535 → 79161234567  queued\n    0.250  queued: call 79161234567 as 78005553535 with recording 1000001\n"},
	{name: "calls show of nothing", args: "calls show x", code: exitFailed, daemon: answers{}, stderr: "zvonar: there is nothing of this name in your account\n"},
	{name: "calls hangup", args: "calls hangup 01JCALL", daemon: answers{"POST /v1/calls/01JCALL/hangup": "202 " + callJSON}, stdout: "01JCALL is being ended\n"},

	{name: "recordings add", args: "recordings add - --title Parcel", stdin: "RIFF", daemon: answers{"POST /v1/recordings": "201 " + pendingJSON},
		stdout: "rec_2 is pending (9.5s, “Second”)\n"},
	{name: "recordings add of nothing", args: "recordings add /no/such.wav", code: exitFailed, stderr: "zvonar: the clip cannot be read: open /no/such.wav: no such file or directory\n"},
	{name: "recordings list", args: "recordings list", daemon: answers{"GET /v1/recordings": page(pendingJSON, recordingJSON)}, asked: "GET /v1/recordings?limit=50",
		stdout: "RECORDING_ID  RECORD_ID  STATE     LENGTH  UPLOADED             TITLE\n" +
			"rec_2         -          pending   9.5s    2026-11-21 09:31:00  Second\n" +
			"rec_1         1000001    approved  8.0s    2026-11-21 09:30:00  Parcel\n"},
	{name: "recordings show", args: "recordings show 1000001", daemon: answers{"GET /v1/recordings/1000001": recordingJSON},
		stdout: "rec_1 is approved as record_id 1000001 (8.0s, “Parcel”)\nCHECK        VALUE  LIMIT  LEVEL\nduration_ms  10104  7000   ok\n"},
	{name: "recordings approve", args: "recordings approve rec_1", daemon: answers{"POST /v1/recordings/rec_1/approve": recordingJSON},
		stdout: "rec_1 is approved as record_id 1000001 (8.0s, “Parcel”)\n"},
	{name: "recordings reject", args: "recordings reject rec_2 --reason noise", daemon: answers{"POST /v1/recordings/rec_2/reject": rejectedJSON},
		stdout: "rec_2 is rejected: noise\n", body: `{"reason":"noise"}`},
	{name: "recordings queue", args: "recordings queue --limit 3", daemon: answers{"GET /v1/recordings": page(pendingJSON)}, asked: "GET /v1/recordings?limit=3&order=oldest&state=pending",
		stdout: "RECORDING_ID  VERSION  LENGTH  WARNINGS  UPLOADED  BY  CLAIMED_BY  TITLE\nrec_2         0        9.5s    0         -         -   -           Second\n"},
	{name: "recordings queue --next", args: "recordings queue --next", daemon: answers{"POST /v1/recordings/claim": pendingJSON}, stdout: "rec_2 is pending (9.5s, “Second”)\n"},
	{name: "recordings revoke", args: "recordings revoke 1000001 --reason law --cancel-calls", daemon: answers{"POST /v1/recordings/1000001/revoke": recordingJSON},
		stdout: "rec_1 is approved as record_id 1000001 (8.0s, “Parcel”)\n", body: `{"reason":"law","calls":"cancel"}`},
	{name: "recordings approve what was heard", args: "recordings approve rec_1 --heard 2", daemon: answers{"POST /v1/recordings/rec_1/approve": recordingJSON},
		stdout: "rec_1 is approved as record_id 1000001 (8.0s, “Parcel”)\n", body: `{"version":2}`},
	{name: "recordings versions", args: "recordings versions rec_1", asked: "GET /v1/recordings/rec_1/versions?limit=500",
		daemon: answers{"GET /v1/recordings/rec_1/versions": page(`{"version":1,"state":"approved","live":true,"duration_ms":8000,"uploaded_at":"2026-11-21T09:30:00.000Z","uploaded_by":"bot","decided_by":"anna","reason":null}`)},
		stdout: "VERSION  STATE     PLAYED  LENGTH  UPLOADED             BY   DECIDED_BY  REASON\n1        approved  yes     8.0s    2026-11-21 09:30:00  bot  anna        -\n"},
	{name: "recordings history", args: "recordings history rec_1", asked: "GET /v1/recordings/rec_1/history?limit=50",
		daemon: answers{"GET /v1/recordings/rec_1/history": page(`{"id":7,"at":"2026-11-21T09:30:00.000Z","actor":"anna","action":"recording.approve","object":"rec_1","detail":"version 1"}`)},
		stdout: "AT                   WHO   WHAT               DETAIL\n2026-11-21 09:30:00  anna  recording.approve  version 1\n"},
	{name: "recordings import of nothing", args: "recordings import /no/such", code: exitFailed, stderr: "zvonar: there is nothing to import: stat /no/such: no such file or directory\n"},

	{name: "blacklist add", args: "blacklist add 79161234567 --reason asked", daemon: answers{"PUT /v1/blacklist/79161234567": "201 " + blockedJSON}, stdout: "79161234567 is blocked\n"},
	{name: "blacklist remove", args: "blacklist remove 79161234567", daemon: answers{"DELETE /v1/blacklist/79161234567": "204 "}, stdout: "79161234567 is not blocked any more\n"},
	{name: "blacklist list", args: "blacklist list", daemon: answers{"GET /v1/blacklist": page(blockedJSON)},
		stdout: "NUMBER       SCOPE    SINCE                UNTIL  BY   CALL  DIGIT  REASON\n79161234567  account  2026-11-21 09:30:00  -      api  -     -      asked\n"},
	{name: "blacklist check of a blocked number", args: "blacklist check 79161234567", daemon: answers{"GET /v1/blacklist/79161234567": blockedJSON},
		stdout: "79161234567 is blocked since 2026-11-21 09:30:00\n"},
	{name: "blacklist check of a free number", args: "blacklist check 79161234567", daemon: answers{}, code: exitOtherwise, stdout: "79161234567 is not blocked\n"},
	{name: "erase", args: "erase 79161234567", asked: "POST /v1/erasures", body: `{"blocked":"keep","number":"79161234567"}`, daemon: answers{"POST /v1/erasures": `{"id":"era_1","erased":{"calls":2,"attempts":3,"events":9,"texts":1,"deliveries":4,"audit":1,"blocked":true},"note":"the number itself is kept"}`},
		stdout: "erased from 2 calls, 3 attempts, 9 events, 1 texts, 4 deliveries, 1 audit entries\nthe number itself is kept\n"},
	{name: "erase with a wrong choice", args: "erase 79161234567 --blocked maybe", daemon: answers{}, code: exitUsage, stderr: "zvonar: --blocked must be one of \"keep\",\"erase\" but got \"maybe\" (zvonar --help tells more)\n"},
	{name: "audit", args: "audit --actor ann --limit 5", daemon: answers{"GET /v1/audit": page(`{"id":7,"at":"2026-11-21T12:00:00.000Z","actor":"ann","action":"token.create","object":"tok_1","detail":null}`)},
		asked: "GET /v1/audit?actor=ann&limit=5",
		stdout: "ID  AT                   BY   ACTION        OBJECT  DETAIL\n" +
			"7   2026-11-21 12:00:00  ann  token.create  tok_1   -\n"},

	{name: "trunks", args: "trunks", daemon: answers{"GET /v1/trunks": page(trunkJSON)},
		stdout: "NAME  STATE  URI                 REGISTERED  CALLS     CPS  CODECS  NUMBERS\nmain  down   sip:127.0.0.1:5070  no          3 of 200  any  PCMA    78005553535\nmain: carrier.example answers 403 Forbidden\n"},
	{name: "trunks in JSON", args: "trunks --json", daemon: answers{"GET /v1/trunks": page(trunkJSON)}, stdout: trunkJSON + "\n"},

	{name: "tokens add", args: "tokens add bot --role caller --role viewer", daemon: answers{"POST /v1/tokens": "201 " + tokenJSON},
		stdout: "zv_1234secret\n", stderr: "token tok_1 (bot); its secret is shown only now:\n", body: `{"name":"bot","roles":["caller","viewer"]}`},
	{name: "tokens rotate", args: "tokens rotate tok_1 --overlap 1h", daemon: answers{"POST /v1/tokens/tok_1/rotate": "201 " + tokenJSON},
		stdout: "zv_1234secret\n", stderr: "token tok_1 (bot); its secret is shown only now:\n", body: `{"overlap":"1h"}`},
	{name: "tokens revoke", args: "tokens revoke tok_1", daemon: answers{"DELETE /v1/tokens/tok_1": "204 "}, stdout: "tok_1 is revoked\n"},
	{name: "tokens list", args: "tokens list --account shop", asked: "GET /v1/tokens?account=shop&limit=200", daemon: answers{"GET /v1/tokens": page(tokenJSON)},
		stdout: "ID     NAME  ROLES   BEGINS   ACCOUNT  FROM          CREATED              USED                 ENDS\ntok_1  bot   caller  zv_1234  shop     192.0.2.0/24  2026-11-21 09:30:00  2026-11-21 09:35:00  2026-11-22 09:30:00\n"},
	{name: "tokens add for somebody else", args: "tokens add bot --roles caller,viewer --account shop --expires 2030-01-02T03:04:05Z --allow-from 192.0.2.0/24,198.51.100.7", daemon: answers{"POST /v1/tokens": "201 " + tokenJSON},
		stdout: "zv_1234secret\n", stderr: "token tok_1 (bot); its secret is shown only now:\n", body: `{"name":"bot","roles":["caller","viewer"],"account":"shop","expires_at":"2030-01-02T03:04:05Z","allow_from":["192.0.2.0/24","198.51.100.7"]}`},
	{name: "an end that is none", args: "tokens add bot --roles caller --expires soon", daemon: answers{}, code: exitFailed,
		stderr: "zvonar: --expires soon is neither a time like 2026-12-31T23:59:59Z nor a duration like 90d\n"},

	{name: "webhooks add", args: "webhooks add https://bot.example.net/hook --types call.completed", daemon: answers{"POST /v1/webhooks": "201 " + webhookJSON},
		stdout: "whsec_abc\n", stderr: "webhook wh_1; its secret is shown only now:\n", body: `{"url":"https://bot.example.net/hook","types":["call.completed"]}`},
	{name: "webhooks rotate", args: "webhooks rotate wh_1 --overlap 1h", daemon: answers{"POST /v1/webhooks/wh_1/rotate": webhookJSON},
		stdout: "whsec_abc\n", stderr: "webhook wh_1; its secret is shown only now:\n", body: `{"overlap":"1h"}`},
	{name: "webhooks remove", args: "webhooks remove wh_1", daemon: answers{"DELETE /v1/webhooks/wh_1": "204 "}, stdout: "wh_1 is removed\n"},
	{name: "webhooks list", args: "webhooks list", daemon: answers{"GET /v1/webhooks": page(webhookJSON)},
		stdout: "ID    URL                           TYPES           CREATED              STATE\nwh_1  https://bot.example.net/hook  call.completed  2026-11-21 09:30:00  failing since 2026-11-21 09:31:00: HTTP 503\n"},
	{name: "webhooks deliveries", args: "webhooks deliveries wh_1 --state dead", asked: "GET /v1/webhooks/wh_1/deliveries?limit=50&state=dead",
		daemon: answers{"GET /v1/webhooks/wh_1/deliveries": page(deliveryJSON)},
		stdout: "POS  EVENT  SUBJECT  STATE  ATTEMPTS  SENT                 STATUS  ERROR     NEXT\n7    evt_1  call:c1  dead   16        2026-11-21 09:30:00  400     HTTP 400  -\n"},
	{name: "webhooks replay", args: "webhooks replay wh_1 --from 5 --to 9", daemon: answers{"POST /v1/webhooks/wh_1/replay": `{"replayed":4,"next":null}`},
		stdout: "4 events are due again\n", body: `{"from":"5","to":"9"}`},
	{name: "webhooks replay of the unknown", args: "webhooks replay wh_1 --ids evt_1,x", daemon: answers{"POST /v1/webhooks/wh_1/replay": `{"replayed":1,"unknown":["x"],"next":null}`},
		stdout: "1 events are due again\n", body: `{"ids":["evt_1","x"]}`, code: exitFailed, stderr: "zvonar: no event in the log has the id x\n"},
	{name: "webhooks test", args: "webhooks test wh_1 --type call.digit --data {} --timeout 3s", daemon: answers{"POST /v1/webhooks/wh_1/test": `{"wanted":true,"took_ms":4,"body":"{}","status":200,"answer":"ok"}`},
		body: `{"type":"call.digit","data":{},"timeout_s":3}`, stdout: "sent: {}\nanswered with 200 after 4 ms: ok\n"},
	{name: "webhooks replay of nothing", args: "webhooks replay wh_1", code: exitFailed, stderr: "zvonar: give either --from (and --to), or --ids\n"},

	{name: "sms list", args: "sms list --state failed --call 01JCALL", asked: "GET /v1/sms?call=01JCALL&limit=50&state=failed",
		daemon: answers{"GET /v1/sms": page(textJSON)},
		stdout: "ID     CREATED              TO           STATE   SENT  REPORTED  ERROR            TEXT\nsms_1  2026-11-21 09:30:00  79161234567  failed  -     -         outcome unknown  Your parcel\n"},

	{name: "an unknown command", args: "fly", code: exitUsage, stderr: "zvonar: unexpected argument fly (zvonar --help tells more)\n"},
	{name: "a missing option", args: "call --to 7", code: exitUsage, stderr: "zvonar: call: say what the callee hears: --record=ID, --text=TEXT or --flow=FILE; or --employee=EMPLOYEE, who has a recording of his own (zvonar --help tells more)\n"},
	{name: "an unknown role", args: "tokens add bot --role king", code: exitUsage,
		stderr: "zvonar: --roles must be one of \"viewer\",\"caller\",\"moderator\",\"operator\",\"admin\" but got \"king\" (zvonar --help tells more)\n"},
}

const webhookJSON = `{"id":"wh_1","kind":"webhook","url":"https://bot.example.net/hook","types":["call.completed"],"from_config":false,"disabled":false,"disabled_reason":null,` +
	`"created_at":"2026-11-21T09:30:00.000Z","failing_since":"2026-11-21T09:31:00.000Z","auth_failed_at":null,"last_error":"HTTP 503","secret":"whsec_abc"}`

const textJSON = `{"id":"sms_1","call_id":"01JCALL","to":"79161234567","from":null,"text":"Your parcel","state":"failed","error":"outcome unknown","provider_id":null,"tries":1,` +
	`"created_at":"2026-11-21T09:30:00.000Z","sent_at":null,"reported_at":null}`

const deliveryJSON = `{"id":1,"event_id":"evt_1","event_pos":7,"subject":"call:c1","state":"dead","attempts":16,"replays":0,"next_at":null,"last_status":400,` +
	`"last_error":"HTTP 400","response":null,"sent_at":"2026-11-21T09:30:00.000Z","took_ms":4}`

// busyLine is the event as the client writes it again.
const busyLine = `{"id":"evt_3","pos":3,"subject":"call:01JCALL","seq":3,"type":"call.completed","timestamp":0,"call_id":"01JCALL","account":"main","direction":"out","data":{"outcome":"busy","reason":null,"sip_code":486,"talk_ms":0,"digits":"","hangup_by":"customer"},"time":"2026-11-21T09:30:09.250Z"}` + "\n"

func TestCommandsSayAndAskWhatTheyShould(t *testing.T) {
	t.Parallel()
	for _, s := range slices.Concat(scripts, campaignScripts, talkScripts, changeScripts) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			base, got := fakeDaemon(t, s.daemon)
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), strings.Fields(s.args), strings.NewReader(s.stdin), &stdout, &stderr, []string{"ZVONAR_API=" + base, "ZVONAR_TOKEN=secret"})
			if code != s.code {
				t.Errorf("exit code %d, want %d", code, s.code)
			}
			if stdout.String() != s.stdout {
				t.Errorf("stdout\n%s\nwant\n%s", stdout.String(), s.stdout)
			}
			if stderr.String() != s.stderr {
				t.Errorf("stderr\n%s\nwant\n%s", stderr.String(), s.stderr)
			}
			if s.asked != "" && (len(got.requests) == 0 || got.requests[0] != s.asked) {
				t.Errorf("asked %q, want %s", got.requests, s.asked)
			}
			if s.then != "" && (len(got.bodies) < 2 || got.requests[1]+" "+got.bodies[1] != s.then) {
				t.Errorf("then asked %q with %q, want %s", got.requests, got.bodies, s.then)
			}
			if s.body != "" && (len(got.bodies) == 0 || got.bodies[0] != s.body) {
				t.Errorf("sent %q, want %s", got.bodies, s.body)
			}
		})
	}
}

// quick runs a command and gives everything it said.
func quick(t *testing.T, env []string, args ...string) (code int, said string) {
	t.Helper()
	var out bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &out, env)
	return code, out.String()
}

func TestTheTokenIsFoundWhereTheHelpSays(t *testing.T) {
	t.Parallel()
	base, _ := fakeDaemon(t, answers{"GET /v1/trunks": page()})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "admin.token"), []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		env  []string
		args []string
		code int
		said string
	}{
		{"by option", []string{"ZVONAR_TOKEN=wrong"}, []string{"--api", base, "--token", "secret"}, exitOK, ""},
		{"by variable", []string{"ZVONAR_TOKEN=secret"}, []string{"--api", base, "--data-dir", "/no/such"}, exitOK, ""},
		{"by file", nil, []string{"--api", base, "--data-dir", dir}, exitOK, ""},
		{"nowhere", nil, []string{"--api", base, "--data-dir", "/no/such"}, exitFailed, "there is no /no/such/admin.token"},
		{"not by file for another machine", nil, []string{"--api", "http://192.0.2.1:8080", "--data-dir", dir}, exitFailed, "a token is needed for http://192.0.2.1:8080"},
		{"wrong", []string{"ZVONAR_TOKEN=wrong"}, []string{"--api", base}, exitFailed, "401"},
	} {
		code, said := quick(t, c.env, append([]string{"trunks"}, c.args...)...)
		if code != c.code || !strings.Contains(said, c.said) {
			t.Errorf("%s: exit code %d, said %s", c.name, code, said)
		}
	}
}

func TestADaemonThatDoesNotRunIsSaidSo(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(nil)
	s.Close()
	code, said := quick(t, nil, "trunks", "--api", s.URL, "--token", "x")
	if code != exitFailed || !strings.Contains(said, "is `zvonar serve` running there?") {
		t.Errorf("exit code %d, said %s", code, said)
	}
}

func TestHelpAndVersion(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"call", "--help"}, {"recordings", "add", "--help"}, {"check-config", "--help"}, {"serve", "--help"}} {
		if code, said := quick(t, nil, args...); code != exitOK || !strings.HasPrefix(said, "Usage: zvonar") {
			t.Errorf("%q: exit code %d, said %s", args, code, said)
		}
	}
	if code, said := quick(t, nil, "version"); code != exitOK || !strings.HasPrefix(said, "zvonar ") {
		t.Errorf("version: exit code %d, said %s", code, said)
	}
	if code, said := quick(t, nil, "version", "--json"); code != exitOK || !strings.HasPrefix(said, `{"version":`) {
		t.Errorf("version: exit code %d, said %s", code, said)
	}
}

func TestCheckConfigNamesFaultsWithTheirPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("data_dir: "+dir+"\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.yaml", "")
	if code, said := quick(t, nil, "check-config", "--config", good); code != exitOK || said != good+": no faults\n" {
		t.Errorf("exit code %d, said %s", code, said)
	}
	bad := write("bad.yaml", "nod: a\nlog: {level: loud}\n")
	code, said := quick(t, nil, "check-config", "--config", bad)
	if code != exitFailed || !strings.Contains(said, bad+":2:1: nod: there is no such key (did you mean node?)") ||
		!strings.Contains(said, bad+":3:14: log.level: ") || !strings.HasSuffix(said, "zvonar: 2 fault(s) in "+bad+"\n") {
		t.Errorf("exit code %d, said %s", code, said)
	}
	// What only another room can judge has its place too.
	room := write("room.yaml", "trunks: [{name: m, uri: \"sip:h\"}]\nproviders:\n  - {name: p, url: \"http://h/{{.Nothing}}\", trunk: m, extension: \"201\"}\n")
	code, said = quick(t, nil, "check-config", "--config", room)
	if code != exitFailed || !strings.Contains(said, room+":4:5: providers[0]: ") || !strings.Contains(said, "url: ") {
		t.Errorf("exit code %d, said %s", code, said)
	}
	headers := write("headers.yaml", "trunks: [{name: m, uri: \"sip:h\", headers: {X-Fine: a, Contact: b}}]\n")
	code, said = quick(t, nil, "check-config", "--config", headers)
	if code != exitFailed || !strings.Contains(said, "trunks[0].headers.Contact: ") || strings.Contains(said, "X-Fine") {
		t.Errorf("exit code %d, said %s", code, said)
	}
	code, said = quick(t, []string{"ZVONAR_NOPE=1"}, "check-config", "--config", good)
	if code != exitFailed || !strings.Contains(said, "environment: ZVONAR_NOPE: there is no such setting") {
		t.Errorf("exit code %d, said %s", code, said)
	}
}
