package sip

import (
	"strings"
	"testing"

	"zvonar/internal/calls"
)

func TestHopsAreReadFromAnInviteAndWrittenIntoTheNext(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	a.onArrival(func(l *Leg) { l.Reject(486, 0, "") })
	for name, tc := range map[string]struct {
		header string
		used   int
	}{
		"fresh":           {"Max-Forwards: 70\r\n", 0},
		"on its way":      {"Max-Forwards: 12\r\n", 58},
		"at its end":      {"Max-Forwards: 0\r\n", 70},
		"claims too much": {"Max-Forwards: 255\r\n", 0},
		"says nothing":    {"", 0},
	} {
		tag := strings.ReplaceAll(name, " ", "")
		p.send(strings.Replace(p.request("INVITE", tag, tag, "", rawSDP, 1), "Max-Forwards: 70\r\n", tc.header, 1))
		res := p.read("486 INVITE")
		p.send(p.request("ACK", tag, tag, tagOf(res.To()), "", 1))
		if k := a.arrived(t); k.inv.Hops != tc.used {
			t.Errorf("%s: %d hops used up, want %d", name, k.inv.Hops, tc.used)
		}
	}
	for used, left := range map[int]string{0: "70", 1: "69", calls.MaxForwards: "0"} {
		k := a.dial(t, func(r *calls.DialRequest) { r.Hops = used })
		invite := p.read("INVITE")
		if all := invite.GetHeaders("Max-Forwards"); len(all) != 1 || all[0].Value() != left {
			t.Errorf("with %d hops used up the INVITE says %v, want %s", used, all, left)
		}
		p.respond(invite, 486, "x", "")
		k.end()
	}
}
