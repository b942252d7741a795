package trunk

import (
	"net/netip"
	"slices"
	"testing"

	"zvonar/internal/calls"
	"zvonar/media/codec"
)

func TestParseURI(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   string
		want URI
		ok   bool
	}{
		{"sip:127.0.0.1:5070", URI{Host: "127.0.0.1", Addr: netip.MustParseAddr("127.0.0.1"), Port: 5070, Transport: "udp", AnyTransport: true}, true},
		{"sip:pbx.example.com", URI{Host: "pbx.example.com", Transport: "udp", AnyTransport: true}, true},
		{"SIP:pbx:5061;transport=TCP", URI{Host: "pbx", Port: 5061, Transport: "tcp"}, true},
		{"sip:[2001:db8::1]:5060", URI{Host: "2001:db8::1", Addr: netip.MustParseAddr("2001:db8::1"), Port: 5060, Transport: "udp", AnyTransport: true}, true},
		{"sip:[::1]", URI{Host: "::1", Addr: netip.MustParseAddr("::1"), Transport: "udp", AnyTransport: true}, true},
		{"sip:user@pbx", URI{}, false},
		{"tel:+7999", URI{}, false},
		{"sip:pbx:0", URI{}, false},
		{"sip:pbx:70000", URI{}, false},
		{"sip:pbx;transport=ws", URI{}, false},
		{"sip:", URI{}, false},
		{"sip:[::1", URI{}, false},
		{"sip:a b", URI{}, false},
		{"sip:a\r\nX: y", URI{}, false},
		{"sip:a?X=y", URI{}, false},
	} {
		got, err := ParseURI(tc.in)
		if (err == nil) != tc.ok {
			t.Errorf("ParseURI(%q): error %v, want success %v", tc.in, err, tc.ok)
			continue
		}
		if tc.ok && got != tc.want {
			t.Errorf("ParseURI(%q) = %+v, want %+v", tc.in, got, tc.want)
		}
	}
}

func set(t *testing.T, configs ...Config) *Set {
	t.Helper()
	s, err := NewSet(configs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMatchPrefersTheNearestTrunk(t *testing.T) {
	t.Parallel()
	s := set(t,
		Config{Name: "wide", URI: "sip:192.0.2.1", AcceptFrom: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		Config{Name: "narrow", URI: "sip:192.0.2.2", AcceptFrom: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}},
		Config{Name: "host", URI: "sip:10.1.2.3:5080"},
		Config{Name: "same-host", URI: "sip:10.1.2.3:5090"},
	)
	for from, want := range map[string]string{
		"192.0.2.1:5060":         "wide",
		"10.9.9.9:5060":          "wide",
		"10.1.9.9:5060":          "narrow",
		"10.1.2.3:5080":          "host",
		"10.1.2.3:5090":          "same-host",
		"10.1.2.3:1":             "host",
		"[::ffff:192.0.2.2]:777": "narrow",
		"203.0.113.9:5060":       "",
		"[2001:db8::1]:5060":     "",
	} {
		got := ""
		if tr, ok := s.MatchFrom(netip.MustParseAddrPort(from)); ok {
			got = tr.Name
		}
		if got != want {
			t.Errorf("MatchFrom(%s) = %q, want %q", from, got, want)
		}
	}
	if _, ok := s.Match(netip.Addr{}); ok {
		t.Error("the invalid address matches a trunk")
	}
}

func TestAHostNameIsAcceptedFromOnceItIsResolved(t *testing.T) {
	t.Parallel()
	s := set(t, Config{Name: "n", URI: "sip:pbx.example.com"})
	tr, _ := s.Get("n")
	addr := netip.MustParseAddr("192.0.2.7")
	if _, ok := s.Match(addr); ok {
		t.Fatal("an address nobody named is accepted")
	}
	tr.Learn([]netip.Addr{addr})
	if _, ok := s.Match(addr); !ok {
		t.Error("answers from the resolved address would be dropped")
	}
}

func TestNewSetRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][]Config{
		"no name":         {{URI: "sip:a"}},
		"control in name": {{Name: "a\r\n", URI: "sip:a"}},
		"no uri":          {{Name: "a"}},
		"same name":       {{Name: "a", URI: "sip:a"}, {Name: "a", URI: "sip:b"}},
		"unknown codec":   {{Name: "a", URI: "sip:a", Codecs: []codec.ID{"OPUS"}}},
		"bad media":       {{Name: "a", URI: "sip:a", MediaFrom: []netip.Prefix{{}}}},
		"bad network":     {{Name: "a", URI: "sip:a", AcceptFrom: []netip.Prefix{{}}}},
		"bad credentials": {{Name: "a", URI: "sip:a", Username: "x\ny"}},
	} {
		if _, err := NewSet(c); calls.CodeOf(err) != calls.CodeInvalidField || err == nil {
			t.Errorf("%s: error %v, want %s", name, err, calls.CodeInvalidField)
		}
	}
}

func FuzzParseURI(f *testing.F) {
	for _, s := range []string{"sip:127.0.0.1:5070", "sip:[::1]:5060;transport=tcp", "sip:a.b", "sip:", "sips:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseURI(s)
		if err != nil {
			return
		}
		again, err := ParseURI("sip:" + u.HostForURI() + ";transport=" + u.Transport)
		if err != nil || again.Host != u.Host {
			t.Errorf("%q reads as %+v, which does not read again: %v", s, u, err)
		}
	})
}

func TestAReplacedSetKeepsWhatStaysAsItIs(t *testing.T) {
	t.Parallel()
	one := func(name, uri string) Config { return Config{Name: name, URI: uri, Numbers: []string{"78005553535"}} }
	s, err := NewSet([]Config{one("a", "sip:192.0.2.1"), one("b", "sip:192.0.2.2"), one("c", "sip:192.0.2.3")})
	if err != nil {
		t.Fatal(err)
	}
	before := s.All()
	c, err := s.Replace([]Config{one("d", "sip:192.0.2.4"), one("b", "sip:192.0.2.2"), one("a", "sip:192.0.2.9")})
	if err != nil {
		t.Fatal(err)
	}
	names := func(list []*Trunk) (out []string) {
		for _, t := range list {
			out = append(out, t.Name+" "+t.URI)
		}
		return out
	}
	if got := names(c.Gone); !slices.Equal(got, []string{"a sip:192.0.2.1", "c sip:192.0.2.3"}) {
		t.Errorf("gone %v", got)
	}
	if got := names(c.New); !slices.Equal(got, []string{"d sip:192.0.2.4", "a sip:192.0.2.9"}) {
		t.Errorf("new %v", got)
	}
	if b, _ := s.Get("b"); b != before[1] {
		t.Error("what did not change is another trunk now")
	}
	if _, known := s.Get("c"); known {
		t.Error("what was removed is still there")
	}
	if _, err := s.Replace([]Config{one("a", "sip:192.0.2.9"), one("a", "sip:192.0.2.8")}); err == nil {
		t.Error("two trunks of one name were taken")
	}
	if got := names(s.All()); len(got) != 3 {
		t.Errorf("after a refused change there are %v", got)
	}
}
