package sip

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/sip/trunk"
)

// maxContacts bounds the targets that are taken from one 3xx.
const maxContacts = 8

// redirects reads where a 3xx sends a call, best first (RFC 3261 8.1.3.4): the
// numbers among its Contacts that the trunk itself stands for. Another host than
// the trunk's is none of ours to call.
func redirects(t *trunk.Trunk, end calls.Ending, res *sipmsg.Response) []calls.Redirect {
	if !t.Redirect || !calls.MayFollow(end) {
		return nil
	}
	type choice struct {
		calls.Redirect
		q float64
	}
	var found []choice
	for _, value := range contactValues(res) {
		r, q, ok := redirect(t, value)
		if ok && !slices.ContainsFunc(found, func(c choice) bool { return c.Redirect == r }) {
			found = append(found, choice{r, q})
		}
	}
	slices.SortStableFunc(found, func(a, b choice) int { return cmp.Compare(b.q, a.q) })
	list := make([]calls.Redirect, 0, len(found))
	for _, c := range found {
		list = append(list, c.Redirect)
	}
	return list
}

// contactValues are the single values of all Contact headers, at most maxContacts.
func contactValues(m interface{ GetHeaders(string) []sipmsg.Header }) (list []string) {
	for _, value := range valuesOf(m, "Contact") {
		quoted, bracket, from := false, false, 0
		for i := 0; i <= len(value) && len(list) < maxContacts; i++ {
			switch {
			case i == len(value) || value[i] == ',' && !quoted && !bracket:
				list = append(list, strings.TrimSpace(value[from:i]))
				from = i + 1
			case value[i] == '"' && !bracket:
				quoted = !quoted
			case value[i] == '<' && !quoted:
				bracket = true
			case value[i] == '>' && !quoted:
				bracket = false
			}
		}
	}
	return list
}

// redirect reads one Contact.
func redirect(t *trunk.Trunk, value string) (r calls.Redirect, q float64, ok bool) {
	uri, params, ok := contact(value)
	if !ok {
		return r, 0, false
	}
	q = 1
	if s, has := params.Get("q"); has {
		if f, err := strconv.ParseFloat(s, 64); err == nil && f >= 0 && f <= 1 {
			q = f
		}
	}
	if uri.scheme == "tel" {
		r.To = number(strings.Map(visual, uri.user))
		return r, q, r.To != ""
	}
	target := t.Target()
	if r.To = number(uri.user); r.To == "" || uri.scheme == "sips" && !strings.EqualFold(target.Transport, "tls") {
		return r, 0, false
	}
	if strings.EqualFold(uri.host, target.Host) && (uri.port == 0 || uri.port == int(target.PortOrDefault())) {
		return r, q, true
	}
	addr, err := netip.ParseAddr(uri.host)
	if err != nil || !t.Accepts(addr) {
		return r, 0, false
	}
	port := uri.port
	if port == 0 {
		port = sipmsg.DefaultPort(strings.ToUpper(target.Transport))
	}
	if target.Addr == addr.Unmap() && port == int(target.PortOrDefault()) {
		return r, q, true
	}
	r.Via = netip.AddrPortFrom(addr.Unmap(), uint16(port))
	return r, q, true
}

// visual takes the separators of a tel URI out (RFC 3966 5.1.1).
func visual(c rune) rune {
	if strings.ContainsRune("-.()", c) {
		return -1
	}
	return c
}

// contactURI is what a redirection needs of a URI.
type contactURI struct {
	scheme, user, host string
	port               int
}

// contact reads `"name" <sip:…>;q=0.5` of the schemes sip, sips and tel.
func contact(value string) (contactURI, sipmsg.HeaderParams, bool) {
	var u sipmsg.Uri
	var params sipmsg.HeaderParams
	text, rest := value, ""
	if i := strings.LastIndexByte(value, '<'); i >= 0 {
		j := strings.IndexByte(value[i:], '>')
		if j < 0 {
			return contactURI{}, nil, false
		}
		text, rest = value[i+1:i+j], value[i+j+1:]
	} else if i := strings.IndexByte(value, ';'); i >= 0 {
		text, rest = value[:i], value[i:] // without brackets they are the header's
	}
	for p := range strings.SplitSeq(rest, ";") {
		if k, v, ok := strings.Cut(strings.TrimSpace(p), "="); ok {
			params = append(params, sipmsg.HeaderKV{K: strings.ToLower(k), V: v})
		}
	}
	scheme, after, ok := strings.Cut(text, ":")
	switch scheme = strings.ToLower(scheme); {
	case !ok:
		return contactURI{}, nil, false
	case scheme == "tel":
		user, _, _ := strings.Cut(after, ";")
		return contactURI{scheme: "tel", user: user}, params, true
	case scheme != "sip" && scheme != "sips":
		return contactURI{}, nil, false
	}
	if err := sipmsg.ParseUri(text, &u); err != nil {
		return contactURI{}, nil, false
	}
	return contactURI{scheme: scheme, user: u.User, host: strings.Trim(u.Host, "[]"), port: u.Port}, params, true
}
