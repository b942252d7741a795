package httpcall

import (
	"fmt"
	"net/http"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// maxText bounds what we keep of a provider's words and ids, in bytes.
const maxText = 200

// read decides what an answer means for the callee's telephone.
func (p *Provider) read(a *providers.Answer) (calls.PlaceResult, error) {
	if a.Status < 200 || a.Status > 299 {
		return calls.PlaceResult{}, p.refusal(a)
	}
	if p.cfg.SuccessPath == "" && p.cfg.CallIDPath == "" {
		return calls.PlaceResult{}, nil
	}
	v, err := providers.ParseJSON(a.Body)
	if err != nil && p.cfg.SuccessPath == "" {
		return calls.PlaceResult{}, nil // a yes without an id
	}
	if err != nil {
		return calls.PlaceResult{}, &calls.PlaceUnknown{Reason: fmt.Sprintf("its answer (status %d) is not JSON", a.Status), Err: err}
	}
	if p.cfg.SuccessPath != "" {
		said, ok := providers.Lookup(v, p.cfg.SuccessPath)
		switch {
		case !ok:
			return calls.PlaceResult{}, &calls.PlaceUnknown{Reason: fmt.Sprintf("its answer has no %s", p.cfg.SuccessPath) + p.words(v)}
		case said != p.cfg.SuccessEquals:
			return calls.PlaceResult{}, &calls.PlaceRefused{Reason: fmt.Sprintf("%s is %q", p.cfg.SuccessPath, clean(said)) + p.words(v)}
		}
	}
	id := ""
	if p.cfg.CallIDPath != "" {
		id, _ = providers.Lookup(v, p.cfg.CallIDPath)
	}
	return calls.PlaceResult{ProviderCallID: clean(id)}, nil
}

// refusal reads an answer that is not 2xx. A 4xx was refused before anything
// happened, and so were 501, 503 and 505 and a redirect, which we do not follow.
// 408 and the other 5xx, gateways above all, say only that something went wrong
// on the way, perhaps after the telephone began to ring.
func (p *Provider) refusal(a *providers.Answer) error {
	reason := fmt.Sprintf("it answered with status %d", a.Status)
	switch {
	case a.Status == http.StatusTooManyRequests:
		reason += " (too many requests)"
	case a.Status >= 300 && a.Status < 400:
		reason += " (a redirect, which is not followed: configure the final address)"
	}
	if v, err := providers.ParseJSON(a.Body); err == nil {
		reason += p.words(v)
	}
	if !certain(a.Status) {
		return &calls.PlaceUnknown{Reason: reason}
	}
	return &calls.PlaceRefused{Reason: reason}
}

func certain(status int) bool {
	switch status {
	case http.StatusRequestTimeout:
		return false
	case http.StatusNotImplemented, http.StatusServiceUnavailable, http.StatusHTTPVersionNotSupported:
		return true
	}
	return status >= 300 && status < 500
}

// words quotes the provider's own message.
func (p *Provider) words(v any) string {
	if p.cfg.ErrorPath == "" {
		return ""
	}
	text, ok := providers.Lookup(v, p.cfg.ErrorPath)
	if text = clean(text); !ok || text == "" || text == "null" {
		return ""
	}
	return ": " + text
}

// clean makes text from outside fit for a log and for an id.
func clean(s string) string { return calls.Clean(s, maxText) }
