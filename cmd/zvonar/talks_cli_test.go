package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const wrongStateJSON = `409 {"type":"/problems/wrong-state","title":"Wrong state","status":409,"detail":"nobody talks in this call now; ask while it is answered or bridged","errors":[]}`

// talkScripts are those of calls that run.
var talkScripts = []script{
	{name: "bridge", args: `bridge 201@office 79161234567 --anonymous --record 1000001 --metadata {"a":1}`, asked: "POST /v1/bridges",
		daemon: answers{"POST /v1/bridges": "202 " + callJSON}, stdout: "01JCALL queued\n",
		body: `{"first":"201@office","second":"79161234567","order":"manager_first","anonymous":true,"record_id":"1000001","metadata":{"a":1}}`},
	{name: "bridge that is followed", args: `bridge 201 79161234567 --follow`, code: exitOtherwise,
		daemon: answers{"POST /v1/bridges": "202 " + callJSON, "GET /v1/calls/01JCALL/events": page(queued, busy)},
		stdout: "01JCALL queued\n" +
			"    0.000  queued: call 79161234567 as 78005553535 with recording 1000001\n" +
			"    9.000  over: busy (SIP 486), ended by customer\n"},
	{name: "calls transfer", args: "calls transfer 01JCALL 201@office", asked: "POST /v1/calls/01JCALL/transfer", body: `{"target":"201@office"}`,
		daemon: answers{"POST /v1/calls/01JCALL/transfer": "202 " + callJSON}, stdout: "01JCALL is being handed to 201@office\n"},
	{name: "calls transfer of one that nobody talks in", args: "calls transfer 01JCALL 201", code: exitFailed,
		daemon: answers{"POST /v1/calls/01JCALL/transfer": wrongStateJSON}, stderr: "zvonar: nobody talks in this call now; ask while it is answered or bridged\n"},
	{name: "calls play", args: "calls play 01JCALL 1000002", asked: "POST /v1/calls/01JCALL/play", body: `{"record_id":"1000002"}`,
		daemon: answers{"POST /v1/calls/01JCALL/play": "202 " + callJSON}, stdout: "01JCALL plays 1000002 to the customer\n"},
	{name: "calls dtmf", args: "calls dtmf 01JCALL 12#a --leg manager", asked: "POST /v1/calls/01JCALL/dtmf", body: `{"digits":"12#A","leg":"manager"}`,
		daemon: answers{"POST /v1/calls/01JCALL/dtmf": "202 " + callJSON}, stdout: "01JCALL sends 12#A to the manager\n"},
	{name: "calls hold", args: "calls hold 01JCALL", asked: "POST /v1/calls/01JCALL/hold", body: `{"leg":"customer","on":true}`,
		daemon: answers{"POST /v1/calls/01JCALL/hold": "202 " + callJSON}, stdout: "01JCALL has put the customer on hold\n"},
	{name: "calls unhold", args: "calls unhold 01JCALL --leg manager", asked: "POST /v1/calls/01JCALL/hold", body: `{"leg":"manager","on":false}`,
		daemon: answers{"POST /v1/calls/01JCALL/hold": "202 " + callJSON}, stdout: "01JCALL lets the manager go on\n"},
	{name: "calls record", args: "calls record 01JCALL", asked: "POST /v1/calls/01JCALL/record", body: `{"on":true}`,
		daemon: answers{"POST /v1/calls/01JCALL/record": "202 " + callJSON}, stdout: "01JCALL is being written down\n"},
	{name: "calls record --stop", args: "calls record 01JCALL --stop", asked: "POST /v1/calls/01JCALL/record", body: `{"on":false}`,
		daemon: answers{"POST /v1/calls/01JCALL/record": "202 " + callJSON}, stdout: "01JCALL is no longer written down\n"},
	{name: "calls follow", args: "calls follow 01JCALL", asked: "GET /v1/calls/01JCALL",
		daemon: answers{"GET /v1/calls/01JCALL": callJSON, "GET /v1/calls/01JCALL/events": page(queued), "GET /v1/events": stream(answered, completed)},
		stdout: "    0.000  queued: call 79161234567 as 78005553535 with recording 1000001\n" +
			"    3.000  answered after 2.9 s (PCMA)\n" +
			"    9.000  over: answered (flow end) (SIP 200), talked 6.0 s, digits 1, ended by zvonar\n"},
	{name: "calls follow of nothing", args: "calls follow x", code: exitFailed, daemon: answers{}, stderr: "zvonar: there is nothing of this name in your account\n"},
	{name: "calls list of those that run", args: "calls list --live --limit 7", asked: "GET /v1/calls?limit=7&status=dialing", daemon: answers{"GET /v1/calls": page(ringingJSON)},
		stdout: "ID       CREATED              DIR  TO           FROM         STATUS   OUTCOME  REASON  TALK  REF\n" +
			"01JCALL  2026-11-21 09:30:00  out  79161234567  78005553535  ringing  -        -       -     parcel\n"},
	{name: "calls list of those that run and more", args: "calls list --live --status held", code: exitUsage,
		stderr: "zvonar: --live and --status can't be used together (zvonar --help tells more)\n"},
	{name: "calls audio to stdout", args: "calls audio 01JCALL -", asked: "GET /v1/calls/01JCALL/recording", daemon: answers{"GET /v1/calls/01JCALL/recording": "RIFF…"}, stdout: "RIFF…"},
}

var ringingJSON = strings.Replace(callJSON, `"queued"`, `"ringing"`, 1)

func TestTheSoundOfATalkIsWrittenOnceAndWhole(t *testing.T) {
	t.Parallel()
	base, _ := fakeDaemon(t, answers{"GET /v1/calls/01JCALL/recording": "RIFF…"})
	file := filepath.Join(t.TempDir(), "talk.wav")
	env := []string{"ZVONAR_API=" + base, "ZVONAR_TOKEN=secret"}
	if code, said := quick(t, env, "calls", "audio", "01JCALL", file); code != exitOK || said != "" {
		t.Errorf("exit code %d, said %s", code, said)
	}
	if got, err := os.ReadFile(file); string(got) != "RIFF…" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	if code, said := quick(t, env, "calls", "audio", "01JCALL", file); code != exitFailed || said != "zvonar: there is a "+file+" already\n" {
		t.Errorf("a second time: exit code %d, said %s", code, said)
	}
}
