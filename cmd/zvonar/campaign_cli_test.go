package main

import (
	"bytes"
	"strings"
	"testing"

	"zvonar/internal/client"
)

const (
	contactJSON = `{"n":17,"line":18,"ref":"order 7","number":"79161234567","state":"waiting","hold":{"gate":"window","until":"2026-11-22T00:00:00.000Z","text":"outside the calling window 09:00–21:00 of the callee's local time (Asia/Vladivostok)"},"timezone":null,"not_before":null,"record_id":null,"manager":null,"call_id":null,"outcome":null,"reason":null,"attempts":0,"answered_at":null,"ended_at":null,"talk_ms":0,"billable_ms":0,"digits":"","verdict":null,"error":null,"variables":{"name":"Anna"},"consent":{"basis":"contract","at":null,"category":null}}`
	doneJSON    = `{"n":18,"line":19,"ref":null,"number":"79161234568","state":"done","hold":null,"timezone":null,"not_before":null,"record_id":null,"manager":null,"call_id":"01JCALL","outcome":"busy","reason":null,"attempts":2,"answered_at":null,"ended_at":"2026-11-21T09:31:00.000Z","talk_ms":0,"billable_ms":0,"digits":"","verdict":null,"error":null,"variables":{},"consent":null}`
)

// campaignScripts are those of campaigns.
var campaignScripts = []script{
	{name: "campaign contacts", args: "campaign contacts camp_1 --state waiting --limit 5", asked: "GET /v1/campaigns/camp_1/contacts?limit=5&state=waiting",
		daemon: answers{"GET /v1/campaigns/camp_1/contacts": page(contactJSON, doneJSON)},
		stdout: "N   NUMBER       REF      STATE    OUTCOME  ATTEMPTS  ENDED                CALL\n" +
			"17  79161234567  order 7  waiting  -        0         -                    -\n" +
			"18  79161234568  -        done     busy     2         2026-11-21 09:31:00  01JCALL\n"},
	{name: "campaign contacts --why", args: "campaign contacts camp_1 --why", asked: "GET /v1/campaigns/camp_1/contacts?limit=50&why=true",
		daemon: answers{"GET /v1/campaigns/camp_1/contacts": page(contactJSON)},
		stdout: "N   NUMBER       REF      STATE    OUTCOME  ATTEMPTS  ENDED  CALL  WHY\n" +
			"17  79161234567  order 7  waiting  -        0         -      -     window until 2026-11-22 00:00:00: outside the calling window 09:00–21:00 of the callee's local time (Asia/Vladivostok)\n"},
	{name: "campaign contacts of one", args: "campaign contacts camp_1 order/7", asked: "GET /v1/campaigns/camp_1/contacts/order%2F7",
		daemon: answers{"GET /v1/campaigns/camp_1/contacts/order/7": contactJSON},
		stdout: "contact 17 is waiting\n" +
			"number        79161234567\n" +
			"ref           order 7\n" +
			"why           window until 2026-11-22 00:00:00: outside the calling window 09:00–21:00 of the callee's local time (Asia/Vladivostok)\n" +
			"consent       contract\n" +
			"{name}        Anna\n"},
	{name: "campaign contacts of one that is called", args: "campaign contacts camp_1 18", asked: "GET /v1/campaigns/camp_1/contacts/18",
		daemon: answers{"GET /v1/campaigns/camp_1/contacts/18": doneJSON},
		stdout: "contact 18 is done\n" +
			"number        79161234568\n" +
			"call          01JCALL\n" +
			"outcome       busy\n" +
			"attempts      2\n" +
			"ended         2026-11-21 09:31:00\n"},
	{name: "campaign import of a list in the wrong shape", args: "campaign import camp_1 -", stdin: "a\n", asked: "POST /v1/campaigns/camp_1/contacts?",
		daemon: answers{"POST /v1/campaigns/camp_1/contacts": `{"lines":1500,"added":0,"duplicates":0,"invalid":1500,"errors":[` + strings.Repeat(`{"line":1,"field":"number","message":"too short"},`, 999) + `{"line":1000,"message":"empty"}],"errors_omitted":500}`},
		stdout: "1500 lines: 0 contacts added, 0 there already, 1500 invalid\n",
		stderr: strings.Repeat("line 1, number: too short\n", 20) + "and 1480 more lines are invalid (--json names up to a thousand)\n"},
	{name: "campaign status --follow into a file", args: "campaign status camp_1 --follow", asked: "GET /v1/campaigns/camp_1",
		daemon: answers{"GET /v1/campaigns/camp_1": strings.NewReplacer(`"draft"`, `"finished"`, `"total":0,"done":0`, `"total":2,"done":2,"by_outcome":{"busy":2}`, `"counters"`, `"progress":1,"counters"`).Replace(campaignJSON)},
		stdout: "camp_1 “Debts” is finished\n[██████████████████████████████] 100.0 %  2/2  0 active  0 held  0/min  finished\n" +
			"contacts: 0 waiting, 0 calling (0 held, 0 active), 2 done, 0 skipped, 0 failed\n" +
			"funnel:   0 dialed → 0 rang → 0 answered → 0 people → 0 pressed, 0 bridged; 0 attempts, 0s of talk\n  busy            2\n"},
	{name: "campaign create", asked: "POST /v1/campaigns", daemon: answers{"POST /v1/campaigns": "201 " + campaignJSON}, stdout: "camp_1 is a draft with 0 contacts (“Debts”)\n",
		args: `campaign create --name Debts --record 1000001 --consent contract --consent-category debt --amd async --ring-timeout 25s --metadata {"a":1}`,
		body: `{"amd":"async","consent":{"basis":"contract","category":"debt"},"metadata":{"a":1},"name":"Debts","record_id":"1000001","ring_timeout":"25s"}`},
	{name: "campaign set", asked: "PATCH /v1/campaigns/camp_1", daemon: answers{"PATCH /v1/campaigns/camp_1": campaignJSON}, stdout: "camp_1 is draft: 0 of 0 contacts are done\n",
		args: `campaign set camp_1 --consent-at 2026-11-01T00:00:00Z --amd {"mode":"off"}`, body: `{"amd":{"mode":"off"},"consent":{"at":"2026-11-01T00:00:00Z"}}`},
	{name: "call with a consent and more", asked: "POST /v1/calls", daemon: answers{"POST /v1/calls": callJSON}, stdout: "01JCALL queued\n",
		args: `call --to 79161234567 --record 1000001 --series parcel-7 --consent written --consent-at 2026-11-01T00:00:00Z --not-after 2026-11-22T00:00:00Z --priority=-5 --capture --metadata {"a":1}`,
		body: `{"to":"79161234567","record_id":"1000001","series":"parcel-7","consent":{"basis":"written","at":"2026-11-01T00:00:00Z"},"not_after":"2026-11-22T00:00:00Z","priority":-5,"capture":true,"metadata":{"a":1}}`},
	{name: "calls of a campaign", args: "calls list --campaign camp_1 --json", asked: "GET /v1/calls?campaign=camp_1&limit=50", daemon: answers{"GET /v1/calls": page()}},
	{name: "calls cancel of a series", args: "calls cancel --series parcel-7", asked: "DELETE /v1/calls?series=parcel-7", daemon: answers{"DELETE /v1/calls": page(callJSON)},
		stdout: "01JCALL is being ended\n1 calls were not over\n"},
	{name: "calls cancel of a ref", args: "calls cancel --ref parcel", asked: "DELETE /v1/calls?ref=parcel", daemon: answers{"DELETE /v1/calls": page()}, stdout: "0 calls were not over\n"},
	{name: "calls cancel of nothing", args: "calls cancel", code: exitUsage, stderr: "zvonar: missing flags: --series=SERIES or --ref=REF (zvonar --help tells more)\n"},
}

const campaignJSON = `{"id":"camp_1","name":"Debts","state":"draft","pause_reason":null,"counters":{"total":0,"done":0}}`

func TestAFollowedCampaignIsALineOfItsOwnInAFileWhereSomethingChanged(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	bar := &campaignBar{app: &app{stdout: &out}}
	m := client.Campaign{State: "running", Counters: client.CampaignCounters{Total: 4}, PerMinute: 9}
	for _, active := range []int64{1, 1, 2} {
		m.Counters.Active = active
		m.PerMinute-- // the rate alone is no news
		if err := bar.show(m); err != nil {
			t.Fatal(err)
		}
	}
	reason := "lunch\x1b[2J"
	m.State, m.PauseReason = "paused", &reason
	if err := bar.show(m); err != nil {
		t.Fatal(err)
	}
	bar.wipe()
	const empty = "[······························]   0.0 %  0/4  "
	want := empty + "1 active  0 held  8/min\n" + empty + "2 active  0 held  6/min\n" + empty + "2 active  0 held  6/min  paused: lunch [2J\n"
	if out.String() != want {
		t.Errorf("%q\nwant\n%q", out.String(), want)
	}
}
