package sip

import (
	"slices"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/sip/trunk"
)

// The option tags that we speak; a trunk may have some of them switched off.
const (
	tagTimer  = "timer"  // RFC 4028
	tag100rel = "100rel" // RFC 3262
)

// statusExtensionRequired is RFC 3261 21.4.16.
const statusExtensionRequired = 421

// optionTags are the option tags in the headers of these names, in lower case.
func optionTags(m headers, names ...string) (tags []string) {
	for _, n := range names {
		for _, h := range m.GetHeaders(n) {
			for tag := range strings.SplitSeq(h.Value(), ",") {
				if tag = strings.ToLower(strings.TrimSpace(tag)); tag != "" && len(tags) < maxTags {
					tags = append(tags, tag)
				}
			}
		}
	}
	return tags
}

// maxTags bounds the option tags that are read of one message.
const maxTags = 32

// supports reports whether a far end says that it speaks an extension.
func supports(m headers, tag string) bool {
	return slices.Contains(optionTags(m, "supported", "k", "require"), tag)
}

// requires reports whether a message insists on an extension.
func requires(m headers, tag string) bool { return slices.Contains(optionTags(m, "require"), tag) }

// speaks lists the option tags that we speak with a trunk.
func speaks(t *trunk.Trunk) (tags []string) {
	if t.Timer.Mode != trunk.TimerOff {
		tags = append(tags, tagTimer)
	}
	if t.PRACK != trunk.PRACKOff {
		tags = append(tags, tag100rel)
	}
	if t.AcceptTransfer {
		tags = append(tags, tagReplaces)
	}
	return tags
}

// offerExtensions tells in a request which extensions we speak and want.
func (l *Leg) offerExtensions(req *sipmsg.Request) {
	if tags := speaks(l.trunk); len(tags) > 0 {
		req.AppendHeader(sipmsg.NewHeader("Supported", strings.Join(tags, ", ")))
	}
	if req.Method == sipmsg.INVITE && l.d.remote.tag == "" && l.trunk.PRACK == trunk.PRACKRequired {
		req.AppendHeader(sipmsg.NewHeader("Require", tag100rel))
	}
	l.timer.propose(req)
}

// refuseExtensions says with which code and headers a request is to be refused
// over what it requires, or does not speak; 0: it is not.
func (l *Leg) refuseExtensions(req *sipmsg.Request) (int, []sipmsg.Header) {
	spoken := speaks(l.trunk)
	var unknown []string
	for _, tag := range optionTags(req, "require") {
		if !slices.Contains(spoken, tag) {
			unknown = append(unknown, tag)
		}
	}
	switch {
	case len(unknown) > 0:
		return sipmsg.StatusBadExtension, []sipmsg.Header{sipmsg.NewHeader("Unsupported", strings.Join(unknown, ", "))}
	case req.Method == sipmsg.INVITE && tagOf(req.To()) == "" && l.trunk.PRACK == trunk.PRACKRequired && !supports(req, tag100rel):
		return statusExtensionRequired, []sipmsg.Header{sipmsg.NewHeader("Require", tag100rel)}
	}
	return l.timer.tooShort(req)
}
