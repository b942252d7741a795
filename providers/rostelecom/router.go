package rostelecom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// Route implements providers.Router: we are the PBX and ask the CRM whose caller it
// is, by get_number_info. The engine bounds how long that may take.
func (p *Provider) Route(ctx context.Context, q providers.RouteQuery) (providers.RouteAnswer, error) {
	if p.crm == nil {
		return providers.RouteAnswer{}, errors.New("the provider has no crm in its settings")
	}
	set := p.set.CRM
	number := func(n string) text {
		if set.Numbers == formE164 {
			return text(e164(n))
		}
		return text(sipURI(n, set.Domain))
	}
	body, err := marshal(numberQuery{Domain: text(set.Domain), Timestamp: text(p.house.Clock.Now().In(moscow).Format(milliForm)),
		FromNumber: number(q.From), RequestNumber: number(q.To)})
	if err != nil {
		return providers.RouteAnswer{}, err
	}
	a, err := p.askCRM(ctx, methodNumberInfo, q.CallID, body)
	if err != nil {
		return providers.RouteAnswer{}, err
	}
	return p.routeOf(a)
}

// askCRM sends one signed request to the CRM.
func (p *Provider) askCRM(ctx context.Context, method, correlation string, body []byte) (*providers.Answer, error) {
	req, err := request(p.set.CRM.URL+"/"+method, p.set.CRM.ClientID, p.set.CRM.SignKey, body)
	if err != nil {
		return nil, err
	}
	ctx = providers.Labelled(ctx, providers.Label{Method: method, Correlation: correlation})
	return p.crm.Send(ctx, req)
}

// routeOf reads what the CRM answered.
func (p *Provider) routeOf(a *providers.Answer) (providers.RouteAnswer, error) {
	if a.Status != 200 {
		return providers.RouteAnswer{}, fmt.Errorf("the CRM answered with status %d", a.Status)
	}
	if err := p.checkSigned(a); err != nil {
		return providers.RouteAnswer{}, err
	}
	var r struct {
		result
		DisplayName text `json:"displayName"`
		PIN         text `json:"PIN"` // pin is read as well: names are matched in any case
	}
	if err := json.Unmarshal(a.Body, &r); err != nil {
		return providers.RouteAnswer{}, errors.New("the CRM's answer is no JSON of get_number_info")
	}
	switch {
	case r.Result == "":
		return providers.RouteAnswer{}, errors.New("the CRM's answer has no result")
	case r.Result != "0":
		return providers.RouteAnswer{}, nil // it knows nobody, and says so
	}
	pin := strings.TrimSpace(string(r.PIN))
	if pin != "" && (len(pin) > 20 || strings.Trim(pin, "+0123456789") != "") {
		return providers.RouteAnswer{}, errors.New("the CRM's PIN is no internal number")
	}
	return providers.RouteAnswer{Found: true, Target: strings.TrimPrefix(pin, "+"), Name: calls.Clean(string(r.DisplayName), 64)}, nil
}

// checkSigned checks the signature of an answer as far as the settings ask for one.
func (p *Provider) checkSigned(a *providers.Answer) error {
	set := p.set.CRM
	id, s := a.Header.Get(headerID), strings.ToLower(a.Header.Get(headerSign))
	switch {
	case set.Signed == signedNever, set.Signed == signedIfPresent && s == "":
		return nil
	case !strings.EqualFold(id, set.ClientID) || !signed(id, a.Body, []string{set.SignKey}, s):
		return errors.New("the CRM's answer is not signed with crm.sign_key")
	}
	return nil
}
