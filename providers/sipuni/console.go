package sipuni

import (
	"bytes"
	"context"
	"fmt"
	"maps"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// maxTable bounds what is read of a table or a record that somebody asked for.
const maxTable = 32 << 20

// samples are what the debug console offers. The hash is computed; the user is the
// configured one.
var samples = []providers.Sample{
	{Method: methodNumber, Outgoing: true, Title: "Ring an internal number, then a client", Body: `{"phone": "79161234567", "sipnumber": "201", "reverse": "0", "antiaon": "0"}`},
	{Method: methodTree, Outgoing: true, Title: "Ring a client by a scheme", Body: `{"phone": "79161234567", "sipnumber": "201", "reverse": "0", "tree": "000658610"}`},
	{Method: methodExternal, Outgoing: true, Title: "Join two outside numbers", Body: `{"phoneFrom": "74991234567", "phoneTo": "79161234567", "sipnumber": "201", "sipnumber2": "202"}`},
	{Method: methodVoice, Outgoing: true, Title: "Read a text to a client", Body: `{"phone": "79161234567", "sipnumber": "201", "message": "Ваш заказ готов", "voice": "Anna"}`},
	{Method: methodCancel, Outgoing: true, Title: "Take an order back", Body: `{"callbackId": "0123456789abcdef0123456789abcdef"}`},
	{Method: methodHangup, Outgoing: true, Title: "Hang up", Body: `{"callId": "1419783130.15593"}`},
	{Method: methodSchemes, Outgoing: true, Title: "List schemes", Body: `{"type": ""}`},
	{Method: methodOperators, Outgoing: true, Title: "List employees", Body: `{}`},
	{Method: methodStatistic, Outgoing: true, Title: "Export calls", Body: `{"from": "01.11.2026", "to": "30.11.2026", "type": "0", "state": "0", "tree": "", "fromNumber": "", "toNumber": "", "toAnswer": "", "anonymous": "0", "firstTime": "0"}`},
	{Method: methodRecord, Outgoing: true, Title: "Fetch the sound of a call", Body: `{"id": "1419783130.15593"}`},
	{Method: methodNumber, Title: "As a CRM: ring an internal number, then a client", Body: `{"phone": "79161234567", "sipnumber": "201", "reverse": "0", "antiaon": "0"}`},
	{Method: methodTree, Title: "As a CRM: ring a client by a scheme", Body: `{"phone": "79161234567", "sipnumber": "201", "reverse": "0", "tree": "000658610"}`},
	{Method: methodSchemes, Title: "As a CRM: list schemes", Body: `{"type": ""}`},
}

// Test implements providers.Tester: body is an object of the parameters without user
// and hash.
func (c *Client) Test(ctx context.Context, method string, body []byte) (*providers.Answer, error) {
	p, err := c.testBody(method, body)
	if err != nil {
		return nil, err
	}
	ctx = providers.Labelled(ctx, providers.Label{Method: method, Test: true})
	return c.send(ctx, method, p, maxTable)
}

// Sign implements providers.Signer.
func (c *Client) Sign(method string, body []byte) ([]providers.Signed, error) {
	p, err := c.testBody(method, body)
	if err != nil {
		return nil, err
	}
	p[paramUser] = c.set.User
	values, _ := byName(p, "")
	var joined bytes.Buffer
	for _, v := range values {
		joined.WriteString(v + "+")
	}
	return []providers.Signed{{Name: "joined", Value: joined.String() + "SECRET"}, {Name: paramHash, Value: sign(p, c.set.Secret)}}, nil
}

// testBody reads the parameters of a request that a person wrote.
func (c *Client) testBody(method string, body []byte) (params, error) {
	m, ok := methodOf(method)
	if !ok {
		return nil, calls.Errorf(calls.CodeInvalidField, "there is no method %q", method)
	}
	values, err := flatJSON(body)
	if err != nil {
		return nil, calls.Errorf(calls.CodeBadJSON, "write the parameters as a JSON object")
	}
	p := params{}
	for name := range maps.Keys(values) {
		p[name] = values.Get(name)
	}
	delete(p, paramUser)
	delete(p, paramHash)
	if name := m.missing(p); name != "" {
		return nil, calls.Errorf(calls.CodeInvalidField, "%s needs %s", method, name)
	}
	if name := shifted(p); name != "" {
		return nil, calls.Errorf(calls.CodeInvalidField, "%s", fmt.Sprintf("%s must not have a plus sign: numbers are digits only", name))
	}
	return p, nil
}
