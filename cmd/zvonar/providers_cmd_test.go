package main

import (
	"bytes"
	"strings"
	"testing"
)

const (
	keyJSON      = `{"id":"key_1","kind":"sipuni","name":"crm","public":"012345","roles":["caller"],"account":"main","allow_from":[],"created_at":"2026-11-21T09:30:00.000Z","revoked_at":null,"last_used_at":null,"old_secret_until":null,"events_url":null,"events_settings":{},"secret":"topsecret","shown":{"file":"pem"}}`
	exchangeJSON = `{"id":7,"account":"main","kind":"mango","provider":"office","direction":"out","method":"callback","at":"2026-11-21T09:30:00.000Z","took_ms":12,"request":"POST https://pbx.example/\n\nsign=***","answer":"HTTP/1.1 200 OK","status":200,"fault":"","test":true,"call_id":"call_1","remote":"pbx.example"}`
	sampleJSON   = `{"method":"callback","direction":"out","title":"Call","body":"{\"a\":1}"}`
)

var providersCommands = []struct {
	name, args, asked, stdout, sent string
	daemon                          answers
}{
	{name: "providers keys add", args: "providers keys add sipuni crm --events-url https://crm.example/hook", daemon: answers{"POST /v1/keys": "201 " + keyJSON},
		stdout: "topsecret\npem\n", sent: `{"kind":"sipuni","name":"crm","events_url":"https://crm.example/hook"}`},
	{name: "providers keys list", args: "providers keys list --kind sipuni", asked: "GET /v1/keys?kind=sipuni&limit=200", daemon: answers{"GET /v1/keys": page(keyJSON)}, stdout: "key_1"},
	{name: "providers keys revoke", args: "providers keys revoke key_1", daemon: answers{"DELETE /v1/keys/key_1": "204 "}, stdout: "key_1 is revoked\n"},
	{name: "providers log", args: "providers log --provider office --direction out", asked: "GET /v1/exchanges?direction=out&limit=20&provider=office", daemon: answers{"GET /v1/exchanges": page(exchangeJSON)},
		stdout: "-> office callback (test)  200  12 ms  call_1\n    > POST https://pbx.example/\n    > \n    > sign=***\n    < HTTP/1.1 200 OK\n"},
	{name: "providers log --clear", args: "providers log --clear --method callback", daemon: answers{"DELETE /v1/exchanges": `{"removed":3}`}, stdout: "3 removed\n"},
	{name: "providers list", args: "providers list", daemon: answers{"GET /v1/providers": page(`{"name":"office","kind":"mango","role":"client","account":null,"can":["cancel","test"],"trunk":"main","address":"/intake/office/***","summary":"nothing was said yet"}`)}, stdout: "cancel,test"},
	{name: "providers test with the body of the sample", args: "providers test office callback --timeout 3s", daemon: answers{"GET /v1/providers/office/samples": page(sampleJSON), "POST /v1/providers/office/test": `{"status":200,"header":{},"body":"{\"result\":1000}","took_ms":5}`},
		stdout: "{\"result\":1000}\n", sent: `{"method":"callback","body":"{\"a\":1}","timeout_s":3}`},
	{name: "providers sign", args: "providers sign office callback --body x", daemon: answers{"POST /v1/providers/office/sign": page(`{"name":"sign","value":"dd2e"}`)}, stdout: "dd2e"},
	{name: "providers tls", args: "providers tls office off", daemon: answers{"PUT /v1/providers/office/tls": `{"mode":"off","trust":[]}`}, stdout: "TLS towards office: off\n"},
	{name: "providers certificates own", args: "providers certificates own office", daemon: answers{"GET /v1/providers/office/certificate": `{"pem":"-----BEGIN"}`}, stdout: "-----BEGIN\n"},
}

func TestProvidersCommandsSpeakToTheDaemon(t *testing.T) {
	t.Parallel()
	for _, s := range providersCommands {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			base, got := fakeDaemon(t, s.daemon)
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), strings.Fields(s.args), strings.NewReader(""), &stdout, &stderr, []string{"ZVONAR_API=" + base, "ZVONAR_TOKEN=secret"})
			if code != exitOK || !strings.Contains(stdout.String(), s.stdout) {
				t.Errorf("code %d, stdout\n%s\nwant\n%s\nstderr %s", code, stdout.String(), s.stdout, stderr.String())
			}
			if s.asked != "" && got.requests[0] != s.asked {
				t.Errorf("asked %q, want %s", got.requests, s.asked)
			}
			if last := got.bodies[len(got.bodies)-1]; s.sent != "" && strings.TrimSpace(last) != s.sent {
				t.Errorf("sent %s, want %s", last, s.sent)
			}
		})
	}
}
