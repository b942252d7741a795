package sip

import (
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/sip/trunk"
)

// peerTrunk is the trunk of a far end written by hand.
func peerTrunk(p *rawPeer, name string, change func(*trunk.Config)) trunk.Config {
	c := trunk.Config{Name: name, URI: "sip:" + addrPort(p.conn.LocalAddr()).String(), Numbers: []string{"78005553535"}}
	if change != nil {
		change(&c)
	}
	return c
}

func TestATalkGoesOnWhereItsTrunkIsTakenAwayAndComesBack(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	if _, err := a.ua.Reload(nil); err != nil {
		t.Fatal(err)
	}
	p.send(p.request("OPTIONS", "within", "f", tag, "", 2))
	p.read("200 OPTIONS")
	refused := p.request("INVITE", "more", "more", "", rawSDP, 1)
	p.send(refused)
	p.read("403 INVITE") // the far end of a call, but no trunk
	p.send(p.request("ACK", "more", "more", "", "", 1))
	if _, err := a.ua.Dial(calls.DialRequest{SIPCallID: "x@y", Trunk: "peer", To: "79004443322"}, func(calls.LegEvent) {}); err == nil {
		t.Error("a trunk that is gone was dialled")
	}
	if _, err := a.ua.Reload([]trunk.Config{peerTrunk(p, "peer", nil)}); err != nil {
		t.Fatal(err)
	}
	p.send(p.request("OPTIONS", "ping", "g", "", "", 1))
	p.read("200 OPTIONS")
	p.send(p.request("BYE", "bye", "f", tag, "", 3))
	p.read("200 BYE")
	if ev := k.end(); ev.By != calls.ByCustomer {
		t.Errorf("the talk ended by %s", ev.By)
	}
}

func TestABadSetOfTrunksChangesNothing(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	if _, err := a.ua.Reload([]trunk.Config{peerTrunk(p, "peer", nil), {Name: "bad", URI: "mailto:x"}}); err == nil {
		t.Fatal("it was taken")
	}
	if _, ok := a.ua.TrunkStatus("peer"); !ok {
		t.Error("the trunk is gone")
	}
	p.send(p.request("OPTIONS", "ping", "g", "", "", 1))
	p.read("200 OPTIONS")
}

func TestATrunkThatIsTakenAwayTakesItsContactBackAndAChangedOneRegistersAnew(t *testing.T) {
	t.Parallel()
	s, p := registering(t, nil)
	first := p.read("REGISTER").(*sipmsg.Request)
	p.accept(first, "60")
	s.stands(t, "registered", up)
	changed := peerTrunk(p, "peer", func(c *trunk.Config) {
		c.Register, c.Username, c.Password, c.Expires = true, "bob", "other", time.Minute
	})
	if _, err := s.ua.Reload([]trunk.Config{changed}); err != nil {
		t.Fatal(err)
	}
	leave := p.readAfter(first)
	if header(leave, "Expires") != "0" || leave.From().Address.User != "alice" {
		t.Fatalf("not the end of the old registration:\n%s", leave)
	}
	p.accept(leave, "0")
	again := p.readAfter(leave)
	if again.From().Address.User != "bob" || header(again, "Expires") == "0" {
		t.Fatalf("not the new registration:\n%s", again)
	}
	p.accept(again, "60")
	s.stands(t, "registered anew", up)
	if _, err := s.ua.Reload(nil); err != nil {
		t.Fatal(err)
	}
	last := p.readAfter(again)
	if header(last, "Expires") != "0" || last.From().Address.User != "bob" {
		t.Errorf("not the end of the new registration:\n%s", last)
	}
	p.accept(last, "0")
	if _, ok := s.ua.TrunkStatus("peer"); ok {
		t.Error("the trunk is still there")
	}
}

func TestAHundredReloadsUnderTrafficLoseNoCall(t *testing.T) {
	t.Parallel()
	a, _, b := pair(t, nil, nil)
	was, _ := a.ua.cfg.Trunks.Get("peer")
	with := func(i int) []trunk.Config {
		c := was.Config
		if i%4 >= 2 { // it changed
			c.Numbers = []string{"78005553535", "78005553536"}
		}
		list := []trunk.Config{c}
		if i%2 == 1 { // another one comes and goes
			list = append(list, trunk.Config{Name: "extra", URI: "sip:192.0.2.9"})
		}
		return list
	}
	b.onArrival(func(l *Leg) { l.Answer() })
	var takers []*taker
	for i := range 100 {
		if i%10 == 0 {
			takers = append(takers, a.dial(t, nil))
		}
		if _, err := a.ua.Reload(with(i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range takers {
		k.until(calls.LegAnswered)
		k.leg.Hangup(16)
		if ev := k.end(); ev.By != calls.ByZvonar {
			t.Errorf("a call ended with %+v", ev)
		}
	}
}

func TestATrunkThatAReloadMendsIsToldUp(t *testing.T) {
	t.Parallel()
	changed := make(chan trunk.Status, 8)
	s, p := registering(t, func(_ *trunk.Config, cfg *Config) {
		cfg.TrunkChanged = func(_ string, now trunk.Status) { changed <- now }
	})
	p.respond(p.read("REGISTER"), 403, "r", "")
	if told := <-changed; told.State != trunk.Down {
		t.Fatalf("told %+v", told)
	}
	mended := peerTrunk(p, "peer", func(c *trunk.Config) {
		c.Register, c.Username, c.Password, c.Expires = true, "bob", "other", time.Minute
	})
	if _, err := s.ua.Reload([]trunk.Config{mended}); err != nil {
		t.Fatal(err)
	}
	p.accept(p.read("REGISTER"), "60") // the former one has no Contact to take back
	select {
	case told := <-changed:
		if told.State != trunk.Up {
			t.Errorf("told %s: %s", told.State, told.Reason)
		}
	case <-time.After(patience):
		t.Error("nobody was told that it is up")
	}
}
