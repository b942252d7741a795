package sip

import (
	"encoding/json"
	"slices"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/sip/trunk"
)

// identify writes who calls, as the trunk wants it: From, and the headers that
// assert it. host is our own.
func (l *Leg) identify(host string) {
	t, id := l.trunk, l.trunk.CallerID
	number := l.d.local.uri.User
	if l.uac.req.Anonymous {
		number, _ = userPart("", trunk.Rewrite(t.Formats.FromOut, l.uac.req.From))
	}
	domain := host
	if t.Username != "" {
		domain = t.Target().HostForURI() // registrars know their own domain only
	}
	if id.Domain != "" {
		domain = id.Domain
	}
	asserted := party{name: l.d.local.name, uri: sipmsg.Uri{Scheme: "sip", User: number, Host: domain}}
	ways := id.Identity
	if l.uac.req.Anonymous {
		asserted.name = ""
		if ways == trunk.IdentityNone {
			ways = trunk.IdentityPAI // or the trunk would not know whose call it is
		}
		l.uac.identities = append(l.uac.identities, sipmsg.NewHeader("Privacy", "id"))
	} else {
		l.d.local.uri.Host = domain
		if id.FromUsername {
			l.d.local.uri.User = t.Username
		}
	}
	value := "<" + asserted.uri.String() + ">"
	if asserted.name != "" {
		value = `"` + asserted.name + `" ` + value
	}
	if ways == trunk.IdentityPAI || ways == trunk.IdentityBoth {
		l.uac.identities = append(l.uac.identities, sipmsg.NewHeader("P-Asserted-Identity", value))
	}
	if ways == trunk.IdentityRPID || ways == trunk.IdentityBoth {
		privacy := "off"
		if l.uac.req.Anonymous {
			privacy = "full"
		}
		l.uac.identities = append(l.uac.identities, sipmsg.NewHeader("Remote-Party-ID", value+";party=calling;screen=yes;privacy="+privacy))
	}
}

// further gives the headers that the trunk adds to its INVITEs: fixed ones, and
// those that a call's metadata fills. One that the metadata has nothing for, or
// nothing that may stand in a header, is left out.
func further(t *trunk.Trunk, metadata json.RawMessage) []sipmsg.Header {
	names := make([]string, 0, len(t.Headers))
	for name := range t.Headers {
		names = append(names, name)
	}
	slices.Sort(names)
	var known map[string]any
	_ = json.Unmarshal(metadata, &known) // what is no object fills nothing
	var list []sipmsg.Header
	for _, name := range names {
		if value, ok := filled(t.Headers[name], known); ok && furtherHeader(name, value) == nil {
			list = append(list, sipmsg.NewHeader(name, value))
		}
	}
	return list
}

// filled puts metadata in place of {metadata.KEY}.
func filled(template string, known map[string]any) (string, bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{metadata.")
		b.WriteString(before)
		if !found {
			return b.String(), b.Len() > 0
		}
		key, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", false
		}
		switch v := known[key].(type) {
		case string:
			b.WriteString(v)
		case float64, bool:
			text, _ := json.Marshal(v)
			b.Write(text)
		default:
			return "", false
		}
		template = after
	}
}

// called is the number that an INVITE is for, and caller who it is from, as the
// trunk's tables make them ours.
func (l *Leg) called(req *sipmsg.Request) string {
	user := req.Recipient.User
	if l.trunk.CallerID.CalledTo && req.To().Address.User != "" {
		user = req.To().Address.User
	}
	return trunk.Rewrite(l.trunk.Formats.ToIn, strings.ReplaceAll(user, "%23", "#"))
}

func (l *Leg) caller(req *sipmsg.Request) string {
	user := req.From().Address.User
	if l.trunk.CallerID.Trust {
		if asserted := assertedUser(req); asserted != "" {
			user = asserted
		}
	}
	user, _, _ = strings.Cut(user, ";")
	return number(trunk.Rewrite(l.trunk.Formats.FromIn, user))
}

// assertedUser is the user of P-Asserted-Identity or Remote-Party-ID, "" where
// there is none that is a number.
func assertedUser(req *sipmsg.Request) string {
	for _, name := range []string{"P-Asserted-Identity", "Remote-Party-ID"} {
		for _, header := range valuesOf(req, name) {
			for _, value := range splitOutsideQuotes(header, ',') {
				uri, _, ok := contact(strings.TrimSpace(value))
				if ok && number(uri.user) != "" {
					return uri.user
				}
			}
		}
	}
	return ""
}

// overridden is what the trunk's own table says that a refusal means; zero: the
// common one.
func (l *Leg) overridden(code int) calls.Result { return l.trunk.Outcomes[code] }
