package api

import (
	"errors"

	"zvonar/internal/calls"
)

// foreignCampaigns are the rows of foreignRequests for campaigns.
var foreignCampaigns = map[string]foreignRequest{
	"POST /v1/campaigns":                        {body: `{"name":"mine","record_id":"own-recording"}`, want: 201, why: "a campaign of ours; what it names is looked up in the account when it starts"},
	"GET /v1/campaigns/{id}":                    {path: "/v1/campaigns/foreign-campaign"},
	"PATCH /v1/campaigns/{id}":                  {path: "/v1/campaigns/foreign-campaign", body: `{"name":"mine now"}`},
	"DELETE /v1/campaigns/{id}":                 {path: "/v1/campaigns/foreign-campaign"},
	"POST /v1/campaigns/{id}/start":             {path: "/v1/campaigns/foreign-campaign/start"},
	"POST /v1/campaigns/{id}/pause":             {path: "/v1/campaigns/foreign-campaign/pause"},
	"POST /v1/campaigns/{id}/resume":            {path: "/v1/campaigns/foreign-campaign/resume"},
	"POST /v1/campaigns/{id}/stop":              {path: "/v1/campaigns/foreign-campaign/stop"},
	"GET /v1/campaigns/{id}/preflight":          {path: "/v1/campaigns/foreign-campaign/preflight"},
	"GET /v1/campaigns/{id}/contacts":           {path: "/v1/campaigns/foreign-campaign/contacts"},
	"GET /v1/campaigns/{id}/contacts/{contact}": {path: "/v1/campaigns/foreign-campaign/contacts/1"},
	"POST /v1/campaigns/{id}/contacts":          {path: "/v1/campaigns/foreign-campaign/contacts", body: `{"number":"79004443322"}`},
	"GET /v1/campaigns/{id}/export":             {path: "/v1/campaigns/foreign-campaign/export"},
	"POST /v1/campaigns/{id}/contacts/{n}/skip": {path: "/v1/campaigns/foreign-campaign/contacts/1/skip"},
	"POST /v1/campaigns/{id}/contacts/{n}/move": {path: "/v1/campaigns/foreign-campaign/contacts/1/move", body: `{"to":"front"}`},
}

// campaignQueries are parameters that mean something else with campaigns.
var campaignQueries = map[string]string{
	"GET /v1/campaigns state": "draft", "GET /v1/campaigns/{id}/contacts state": "waiting", "GET /v1/campaigns/{id}/contacts cursor": "0", "GET /v1/campaigns/{id}/contacts why": "true",
	"GET /v1/campaigns/{id}/export state": "waiting", "GET /v1/campaigns/{id}/export format": "csv",
	"POST /v1/campaigns/{id}/contacts format": "csv", "POST /v1/campaigns/{id}/contacts delimiter": "tab", "POST /v1/campaigns/{id}/contacts charset": "utf-8",
	"POST /v1/campaigns/{id}/contacts columns": "number=x", "POST /v1/campaigns/{id}/contacts dry_run": "true",
}

func seedForeignCampaign(tx calls.Tx) error {
	_, _, err := tx.AddContacts(foreign, "foreign-campaign", []*calls.Contact{{Number: foreignNumber, Ref: foreign, Zones: "Europe/Moscow"}})
	return errors.Join(err, tx.InsertCampaign(&calls.Campaign{ID: "foreign-campaign", Account: foreign, Name: foreign, State: calls.CampaignDraft, Flow: calls.DefaultFlow(), CreatedAt: noon}))
}

// aCampaign makes camp_1 with one contact, in a state.
func aCampaign(state calls.CampaignState) func(*house) {
	return func(h *house) {
		flow := calls.DefaultFlow()
		flow.Record = "1460168"
		h.put(func(tx calls.Tx) error {
			_, _, err := tx.AddContacts(calls.MainAccount, "camp_1", []*calls.Contact{{Number: "79004443322", Zones: "Europe/Moscow"}})
			return errors.Join(err, tx.InsertCampaign(&calls.Campaign{ID: "camp_1", Account: calls.MainAccount, State: state, Flow: flow, CreatedAt: noon}))
		})
	}
}

// campaignChanges are the rows of changes for campaigns.
var campaignChanges = map[string]sample{
	"create-campaign": {path: "/v1/campaigns", body: `{"name":"new","record_id":1460168}`},
	"change-campaign": {path: "/v1/campaigns/camp_1", body: `{"pace":{"cps":2}}`, object: "camp_1", prep: aCampaign(calls.CampaignDraft)},
	"delete-campaign": {path: "/v1/campaigns/camp_1", object: "camp_1", prep: aCampaign(calls.CampaignDraft)},
	"start-campaign":  {path: "/v1/campaigns/camp_1/start", object: "camp_1", prep: aCampaign(calls.CampaignDraft)},
	"pause-campaign":  {path: "/v1/campaigns/camp_1/pause", body: `{"reason":"lunch"}`, object: "camp_1", prep: aCampaign(calls.CampaignIsRunning)},
	"resume-campaign": {path: "/v1/campaigns/camp_1/resume", object: "camp_1", prep: aCampaign(calls.CampaignIsPaused)},
	"stop-campaign":   {path: "/v1/campaigns/camp_1/stop", object: "camp_1", prep: aCampaign(calls.CampaignIsPaused)},
	"import-contacts": {path: "/v1/campaigns/camp_1/contacts", body: `{"number":"79004443323"}`, object: "camp_1", prep: aCampaign(calls.CampaignDraft)},
	"skip-contact":    {path: "/v1/campaigns/camp_1/contacts/1/skip", object: "camp_1/1", prep: aCampaign(calls.CampaignDraft)},
	"move-contact":    {path: "/v1/campaigns/camp_1/contacts/1/move", body: `{"to":"front"}`, object: "camp_1/1", prep: aCampaign(calls.CampaignDraft)},
}
