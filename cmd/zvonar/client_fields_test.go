package main

import (
	"reflect"
	"strings"
	"testing"

	"zvonar/internal/api"
	"zvonar/internal/client"
)

// What a command prints with --json is what the API said: the client leaves out
// no member of a resource.
func TestTheClientKnowsEveryMemberOfAResource(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]any{
		{api.RecordingResource{}, client.Recording{}},
		{api.TrunkStatus{}, client.Trunk{}},
		{api.TrunkTarget{}, client.TrunkTarget{}},
		{api.BlockResource{}, client.Blocked{}},
		{api.EmployeeResource{}, client.Employee{}},
		{api.GroupResource{}, client.Group{}},
		{api.ConfirmedResource{}, client.Number{}},
		{api.AttentionResource{}, client.Attention{}},
		{api.StatsResource{}, client.Stats{}},
		{api.BlockImportResource{}, client.BlockImport{}},
		{api.NewTokenResource{}, client.Token{}},
		{api.NewWebhookResource{}, client.Webhook{}},
		{api.DeliveryResource{}, client.Delivery{}},
		{api.TextResource{}, client.Text{}},
		{api.AuditResource{}, client.Audit{}},
		{api.ErasureResource{}, client.Erasure{}},
		{api.CampaignResource{}, client.Campaign{}},
		{api.CampaignCounters{}, client.CampaignCounters{}},
		{api.CampaignFunnel{}, client.CampaignFunnel{}},
		{api.ContactResource{}, client.Contact{}},
		{api.PreflightResource{}, client.Preflight{}},
		{api.PreflightHours{}, client.PreflightHours{}},
		{api.EvidenceResource{}, client.Evidence{}},
		{api.RescoredResource{}, client.Rescored{}},
		{api.ComparisonResource{}, client.Comparison{}},
	} {
		published, known := members(reflect.TypeOf(pair[0])), members(reflect.TypeOf(pair[1]))
		for name := range published {
			if !known[name] {
				t.Errorf("%T does not know %q of %T", pair[1], name, pair[0])
			}
		}
	}
}

// members are the names of a struct in JSON, with those of embedded structs.
func members(t reflect.Type) map[string]bool {
	names := map[string]bool{}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			for name := range members(f.Type) {
				names[name] = true
			}
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "-" {
			names[name] = true
		}
	}
	return names
}
