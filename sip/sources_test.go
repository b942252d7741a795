package sip

import (
	"net/netip"
	"testing"

	"zvonar/media"
	"zvonar/sip/edge"
	"zvonar/sip/trunk"
)

// idleUA makes a user agent that is never started.
func idleUA(t testing.TB) *UA {
	t.Helper()
	trunks, err := trunk.NewSet([]trunk.Config{{Name: "t", URI: "sip:192.0.2.1"}, {Name: "u", URI: "sip:192.0.2.5",
		AcceptFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.6/31")}}})
	if err != nil {
		t.Fatal(err)
	}
	ua, err := New(Config{Listen: []string{"udp://127.0.0.1:0"}, Trunks: trunks, Media: &media.Engine{}})
	if err != nil {
		t.Fatal(err)
	}
	return ua
}

func TestDialogPeersAreHeardWhileTheyLast(t *testing.T) {
	t.Parallel()
	ua := idleUA(t)
	a := netip.MustParseAddr("198.51.100.7")
	heard := func() bool {
		kind, _ := host{ua}.Source(netip.AddrPortFrom(a, 5060))
		return kind != edge.Stranger
	}
	if heard() {
		t.Error("a stranger is heard")
	}
	ua.peers.add(a, 1)
	ua.peers.add(a, 1)
	ua.peers.add(a, -1)
	if !heard() {
		t.Error("the far end of a dialog is not heard")
	}
	ua.peers.add(a, -1)
	if heard() {
		t.Error("the far end of an ended dialog is heard")
	}
}

func TestACancelCountsFromTheInvitesAddressOrOverAConnectionOfItsTrunk(t *testing.T) {
	t.Parallel()
	ua := idleUA(t)
	ua.ringing.add("b", netip.MustParseAddr("192.0.2.6"), "u")
	for _, tc := range []struct {
		from   string
		stream bool
		want   bool
	}{
		{"192.0.2.6", false, true}, {"192.0.2.6", true, true}, {"192.0.2.7", false, false}, {"192.0.2.7", true, true},
		{"192.0.2.5", true, true}, {"192.0.2.1", true, false}, {"198.51.100.7", true, false}, {"198.51.100.7", false, false},
	} {
		known, may := host{ua}.Cancel("b", netip.AddrPortFrom(netip.MustParseAddr(tc.from), 1), tc.stream)
		if !known || may != tc.want {
			t.Errorf("from %s, stream %v: known %v, may %v", tc.from, tc.stream, known, may)
		}
	}
	if n, all := ua.ringing.count("u"); n != 1 || all != 1 {
		t.Errorf("%d pending calls of the trunk, %d in all", n, all)
	}
	ua.ringing.remove("b")
	ua.ringing.remove("b")
	if n, all := ua.ringing.count("u"); n != 0 || all != 0 {
		t.Errorf("%d pending calls of the trunk are left, %d in all", n, all)
	}
	if known, _ := (host{ua}).Cancel("b", netip.MustParseAddrPort("192.0.2.6:1"), false); known {
		t.Error("an INVITE that is over can be cancelled")
	}
}

func TestConfigurationThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	trunks, err := trunk.NewSet(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, listen := range []string{"", "127.0.0.1:5060", "ws://127.0.0.1:5060", "wss://127.0.0.1:5060", "tls://127.0.0.1:5061", "udp://localhost:5060", "udp://127.0.0.1", "udp://0.0.0.0:5060", "udp://127.0.0.1:5060/x"} {
		if _, err := New(Config{Listen: []string{listen}, Trunks: trunks, Media: &media.Engine{}}); err == nil {
			t.Errorf("%q is accepted", listen)
		}
	}
	if _, err := New(Config{Listen: []string{"udp://0.0.0.0:5060"}, Advertise: netip.MustParseAddr("192.0.2.9"), Trunks: trunks, Media: &media.Engine{}}); err != nil {
		t.Errorf("every address with an advertised one: %v", err)
	}
}
