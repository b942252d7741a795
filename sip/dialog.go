package sip

import (
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// dialog is the identity of a SIP dialog (RFC 3261 12). It belongs to its leg's
// mailbox.
type dialog struct {
	trunk     string
	callID    string
	local     party
	remote    party
	localSeq  uint32 // of our last request
	remoteSeq uint32 // of their last request; 0: none
	routes    []string
	target    sipmsg.Uri
	contact   string // value of our Contact
	transport string // "UDP", "TCP", "TLS"
	// nextHop is where requests go when neither routes nor target say it
	// better: the address the dialog was made through.
	nextHop string
	// symmetric: everything goes to nextHop, whatever its Contact says: whoever
	// registered may be behind a NAT that only the address he came from passes.
	symmetric bool
}

// transportParam is the URI parameter of a transport: none for UDP.
func transportParam(transport string) sipmsg.HeaderParams {
	if transport == "UDP" {
		return nil
	}
	return sipmsg.HeaderParams{{K: "transport", V: sipmsg.NetworkToLower(transport)}}
}

// party is one side of From and To.
type party struct {
	name string
	uri  sipmsg.Uri
	tag  string
}

func (p party) params() sipmsg.HeaderParams {
	if p.tag == "" {
		return nil
	}
	return sipmsg.HeaderParams{{K: "tag", V: p.tag}}
}

// key finds a dialog by what every request within it carries.
func (d *dialog) key() string { return d.callID + "\x00" + d.local.tag }

// request makes a request within the dialog. ACK and CANCEL of an INVITE take
// its sequence number; everything else takes the next one.
func (d *dialog) request(method sipmsg.RequestMethod, seq uint32) *sipmsg.Request {
	uri, routes := d.way()
	req := sipmsg.NewRequest(method, uri)
	req.AppendHeader(&sipmsg.FromHeader{DisplayName: d.local.name, Address: d.local.uri, Params: d.local.params()})
	req.AppendHeader(&sipmsg.ToHeader{Address: d.remote.uri, Params: d.remote.params()})
	id := sipmsg.CallIDHeader(d.callID)
	req.AppendHeader(&id)
	req.AppendHeader(&sipmsg.CSeqHeader{SeqNo: seq, MethodName: method})
	for _, r := range routes {
		req.AppendHeader(sipmsg.NewHeader("Route", r))
	}
	if method == sipmsg.INVITE || method == sipmsg.UPDATE {
		req.AppendHeader(sipmsg.NewHeader("Contact", d.contact))
	}
	req.SetTransport(d.transport)
	req.SetDestination(d.hop())
	return req
}

// way gives the Request-URI and the Route values of a request. A first route
// without lr is a strict router of RFC 2543: it wants its own URI there, and the
// remote target as the last route (RFC 3261 12.2.1.1).
func (d *dialog) way() (sipmsg.Uri, []string) {
	if len(d.routes) == 0 {
		return d.target, nil
	}
	first, ok := addressURI(d.routes[0])
	if !ok || first.UriParams.Has("lr") {
		return d.target, d.routes
	}
	first.Headers = nil
	routes := append(slices.Clone(d.routes[1:]), "<"+d.target.String()+">")
	return first, routes
}

// next is the sequence number of a new request of ours.
func (d *dialog) next() uint32 {
	d.localSeq++
	return d.localSeq
}

// hop is the host:port a request goes to: first route, else target.
func (d *dialog) hop() string {
	uri := d.target
	if d.symmetric && len(d.routes) == 0 {
		return d.nextHop
	}
	if len(d.routes) > 0 {
		if u, ok := addressURI(d.routes[0]); ok {
			uri = u
		}
	}
	if uri.Host == "" {
		return d.nextHop
	}
	port := uri.Port
	if port == 0 {
		port = sipmsg.DefaultPort(d.transport)
	}
	return net.JoinHostPort(strings.Trim(uri.Host, "[]"), strconv.Itoa(port))
}

// hopAddr is the address of hop, invalid for a host name.
func (d *dialog) hopAddr() netip.Addr {
	ap, err := netip.ParseAddrPort(d.hop())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// confirm takes tag, route set and remote target from a response to our INVITE
// (RFC 3261 12.1.2).
func (d *dialog) confirm(res *sipmsg.Response) {
	d.remote.tag = tagOf(res.To())
	d.routes = routeSet(res.GetHeaders("Record-Route"))
	slices.Reverse(d.routes)
	d.refresh(res.Contact())
}

// refresh takes the remote target from a Contact, if it is one that can be sent to.
func (d *dialog) refresh(c *sipmsg.ContactHeader) {
	if c == nil || c.Address.Host == "" || (c.Address.Scheme != "sip" && c.Address.Scheme != "sips" && c.Address.Scheme != "") {
		return
	}
	u := *c.Address.Clone()
	u.Headers = nil
	if !validHost(u.Host) {
		return
	}
	d.target = u
}

// maxRoutes bounds a route set.
const maxRoutes = 20

// routeSet reads Record-Route values, in order, as they will stand in Route.
func routeSet(hs []sipmsg.Header) []string {
	var routes []string
	for _, h := range hs {
		if len(routes) == maxRoutes {
			break
		}
		routes = append(routes, h.Value())
	}
	return routes
}

// addressURI reads the URI of "<sip:…>;params".
func addressURI(value string) (sipmsg.Uri, bool) {
	var u sipmsg.Uri
	var params sipmsg.HeaderParams
	if _, err := sipmsg.ParseAddressValue(value, &u, &params); err != nil || u.Host == "" {
		return sipmsg.Uri{}, false
	}
	return u, true
}

// validHost reports whether h may stand in a URI that we send to.
func validHost(h string) bool {
	bare := strings.Trim(h, "[]")
	if _, err := netip.ParseAddr(bare); err == nil {
		return true
	}
	if h == "" || len(h) > 253 {
		return false
	}
	for _, r := range h {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_' {
			return false
		}
	}
	return true
}

// tagger is a From or To header.
type tagger interface {
	*sipmsg.FromHeader | *sipmsg.ToHeader
}

// tagOf is the tag of a From or To header, "" where there is none.
func tagOf[H tagger](h H) string {
	var tag string
	switch h := any(h).(type) {
	case *sipmsg.FromHeader:
		if h != nil {
			tag, _ = h.Params.Get("tag")
		}
	case *sipmsg.ToHeader:
		if h != nil {
			tag, _ = h.Params.Get("tag")
		}
	}
	return tag
}

// stored is a dialog as it is kept with its attempt, for a BYE after a crash.
type stored struct {
	Trunk     string   `json:"trunk"`
	CallID    string   `json:"call_id"`
	Local     string   `json:"local"`
	LocalTag  string   `json:"local_tag"`
	Remote    string   `json:"remote"`
	RemoteTag string   `json:"remote_tag"`
	CSeq      uint32   `json:"cseq"`
	Routes    []string `json:"routes,omitempty"`
	Target    string   `json:"target"`
	Contact   string   `json:"contact"`
	Transport string   `json:"transport"`
	NextHop   string   `json:"next_hop"`
	Symmetric bool     `json:"symmetric,omitempty"`
}

// orphanGap is left between the sequence numbers that a former process may have
// used after the answer and those of a BYE in its name.
const orphanGap = 1000

func (d *dialog) store() []byte {
	b, err := json.Marshal(stored{
		Trunk: d.trunk, CallID: d.callID, Local: d.local.uri.String(), LocalTag: d.local.tag,
		Remote: d.remote.uri.String(), RemoteTag: d.remote.tag, CSeq: d.localSeq,
		Routes: d.routes, Target: d.target.String(), Contact: d.contact, Transport: d.transport, NextHop: d.nextHop, Symmetric: d.symmetric,
	})
	if err != nil {
		return nil // strings and numbers always marshal
	}
	return b
}

// restore reads what store wrote.
func restore(b []byte) (*dialog, error) {
	var s stored
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, err
	}
	d := &dialog{trunk: s.Trunk, callID: s.CallID, localSeq: s.CSeq + orphanGap, routes: s.Routes,
		contact: s.Contact, transport: s.Transport, nextHop: s.NextHop, symmetric: s.Symmetric}
	d.local.tag, d.remote.tag = s.LocalTag, s.RemoteTag
	for text, uri := range map[string]*sipmsg.Uri{s.Local: &d.local.uri, s.Remote: &d.remote.uri, s.Target: &d.target} {
		if err := sipmsg.ParseUri(text, uri); err != nil {
			return nil, err
		}
	}
	if s.CallID == "" || s.LocalTag == "" || !slices.Contains([]string{"UDP", "TCP", "TLS"}, s.Transport) {
		return nil, errors.New("the stored dialog is incomplete")
	}
	return d, nil
}
