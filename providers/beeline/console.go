package beeline

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"zvonar/internal/calls"
	"zvonar/providers"
)

var _ providers.Tester = (*Client)(nil)

// samples are what the debug console offers. A body names the parts of the path and
// the fields of the method.
func samples() []providers.Sample {
	return []providers.Sample{
		{Method: "abonents", Outgoing: true, Title: "List the subscribers of the PBX", Body: `{}`},
		{Method: "abonent", Outgoing: true, Title: "Show a subscriber", Body: `{"pattern": "9333221100"}`},
		{Method: "call", Outgoing: true, Title: "Ring a subscriber, then a client", Body: `{"pattern": "9333221100", "phoneNumber": "9220001122"}`},
		{Method: "callTransfer", Outgoing: true, Title: "Hand a call to another number", Body: `{"pattern": "9333221100", "callId": "callhalf-1:0", "phoneNumber": "9220001122"}`},
		{Method: "records", Outgoing: true, Title: "List recordings", Body: `{"id": "", "dateFrom": "2026-11-21T00:00:00Z"}`},
		{Method: "reference", Outgoing: true, Title: "Get the address of a recording", Body: `{"id": "1"}`},
		{Method: "statistics", Outgoing: true, Title: "List calls", Body: `{"dateFrom": "2026-11-21T00:00:00Z", "dateTo": "2026-11-22T00:00:00Z", "page": "0", "pageSize": "100"}`},
		{Method: "subscription", Outgoing: true, Title: "Show a subscription", Body: `{"subscriptionId": ""}`},
	}
}

// testForms is how the bodies of the console become requests: the names in braces of
// the path come from the body, the others are its query, or its JSON.
var testForms = map[string]struct {
	method, path string
	json         bool
}{
	"abonents":     {http.MethodGet, "abonents", false},
	"abonent":      {http.MethodGet, "abonents/{pattern}", false},
	"call":         {http.MethodPost, "abonents/{pattern}/call", true},
	"callTransfer": {http.MethodPost, "abonents/{pattern}/callTransfer", true},
	"records":      {http.MethodGet, "records", false},
	"reference":    {http.MethodGet, "records/{id}/reference", false},
	"statistics":   {http.MethodGet, "v2/statistics", false},
	"subscription": {http.MethodGet, "subscription", false},
}

// Test implements providers.Tester.
func (c *Client) Test(ctx context.Context, method string, body []byte) (*providers.Answer, error) {
	form, ok := testForms[method]
	if !ok {
		return nil, calls.Errorf(calls.CodeInvalidField, "there is no method %q to be tried", calls.Clean(method, 40)).At("body.method", method)
	}
	fields := map[string]string{}
	if len(strings.TrimSpace(string(body))) > 0 {
		if err := json.Unmarshal(body, &fields); err != nil {
			return nil, calls.Errorf(calls.CodeBadJSON, "the body is an object of texts").At("body.body", nil)
		}
	}
	a := ask{method: form.method, path: form.path}
	for name, value := range fields {
		if at := "{" + name + "}"; strings.Contains(a.path, at) {
			a.path = strings.ReplaceAll(a.path, at, url.PathEscape(value))
			delete(fields, name)
		}
	}
	if i := strings.IndexByte(a.path, '{'); i >= 0 {
		return nil, calls.Errorf(calls.CodeInvalidField, "the body names no %s", strings.Trim(strings.Split(a.path[i:], "/")[0], "{}")).At("body.body", nil)
	}
	if form.json {
		a.body = fields
	} else {
		a.form = url.Values{}
		for name, value := range fields {
			if value != "" {
				a.form.Set(name, value)
			}
		}
	}
	req, err := c.portal.request(a)
	if err != nil {
		return nil, err
	}
	return c.portal.client.SendLimit(providers.Labelled(ctx, providers.Label{Method: method, Test: true}), req, maxList)
}
