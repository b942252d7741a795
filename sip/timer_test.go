package sip

import (
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/sip/trunk"
)

// expiring makes sessions of a user agent expire by a clock that the test moves.
func expiring(c *clock.Fake, mode trunk.TimerMode, expires time.Duration) func(*trunk.Config, *Config) {
	return func(t *trunk.Config, cfg *Config) {
		t.Timer = trunk.SessionTimer{Mode: mode, Expires: expires}
		cfg.Clock = c
	}
}

func asking(lines ...string) *sipmsg.Request {
	req := sipmsg.NewRequest(sipmsg.INVITE, sipmsg.Uri{Scheme: "sip", Host: "x"})
	req.AppendHeader(&sipmsg.ToHeader{})
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		req.AppendHeader(sipmsg.NewHeader(name, value))
	}
	return req
}

func TestWhatIsAgreedOfASessionTheyBegin(t *testing.T) {
	t.Parallel()
	const knows = "Supported: 100rel, timer"
	for name, tc := range map[string]struct {
		mode     trunk.TimerMode
		headers  []string
		interval time.Duration
		ours     bool
		tells    string
	}{
		"off":                        {trunk.TimerOff, []string{knows, "Session-Expires: 600"}, 0, false, ""},
		"nobody speaks of it":        {trunk.TimerAccept, nil, 0, false, ""},
		"nobody but we":              {trunk.TimerRequire, nil, 1800 * time.Second, true, "1800;refresher=uas"},
		"they know of it":            {trunk.TimerAccept, []string{knows}, 1800 * time.Second, true, "1800;refresher=uas"},
		"they ask for it":            {trunk.TimerAccept, []string{knows, "Session-Expires: 600"}, 600 * time.Second, true, "600;refresher=uas"},
		"they refresh":               {trunk.TimerAccept, []string{knows, "x: 600;refresher=uac"}, 600 * time.Second, false, "600;refresher=uac"},
		"we are to refresh":          {trunk.TimerAccept, []string{"k: timer", "Session-Expires: 600 ; refresher=UAS"}, 600 * time.Second, true, "600;refresher=uas"},
		"a proxy asks for it":        {trunk.TimerAccept, []string{"Session-Expires: 60;refresher=uac"}, 90 * time.Second, true, "90;refresher=uas"},
		"they want more than we":     {trunk.TimerAccept, []string{knows, "Min-SE: 3600"}, 3600 * time.Second, true, "3600;refresher=uas"},
		"more than a day":            {trunk.TimerAccept, []string{knows, "Session-Expires: 999999"}, 24 * time.Hour, true, "86400;refresher=uas"},
		"what cannot be read is not": {trunk.TimerAccept, []string{"Session-Expires: soon"}, 0, false, ""},
	} {
		s := sessionTimer{SessionTimer: trunk.SessionTimer{Mode: tc.mode, Expires: 30 * time.Minute, Min: 90 * time.Second}}
		list, told := s.accept(asking(tc.headers...)), ""
		if len(list) > 0 {
			told = list[0].Value()
		}
		if s.interval != tc.interval || s.ours != tc.ours || told != tc.tells {
			t.Errorf("%s: %s, ours %v, tells %q", name, s.interval, s.ours, told)
		}
		if requires := len(list) == 2 && list[1].Value() == tagTimer; requires != (told != "" && supports(asking(tc.headers...), tagTimer)) {
			t.Errorf("%s: Require: timer: %v", name, requires)
		}
	}
}

func TestWhatIsAgreedOfASessionWeBegin(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		mode     trunk.TimerMode
		headers  []string
		interval time.Duration
		ours     bool
	}{
		"off":                 {trunk.TimerOff, []string{"Session-Expires: 600;refresher=uac"}, 0, false},
		"they know nothing":   {trunk.TimerAccept, nil, 0, false},
		"and yet we refresh":  {trunk.TimerRequire, nil, 1800 * time.Second, true},
		"we refresh":          {trunk.TimerAccept, []string{"Session-Expires: 600;refresher=uac"}, 600 * time.Second, true},
		"they refresh":        {trunk.TimerAccept, []string{"Session-Expires: 600;refresher=uas"}, 600 * time.Second, false},
		"nobody says who":     {trunk.TimerAccept, []string{"Session-Expires: 600"}, 600 * time.Second, true},
		"shorter than can be": {trunk.TimerAccept, []string{"Session-Expires: 1;refresher=uac"}, 90 * time.Second, true},
	} {
		s := sessionTimer{SessionTimer: trunk.SessionTimer{Mode: tc.mode, Expires: 30 * time.Minute, Min: 90 * time.Second}}
		res := sipmsg.NewResponseFromRequest(asking(), 200, "OK", nil)
		for _, h := range tc.headers {
			n, v, _ := strings.Cut(h, ": ")
			res.AppendHeader(sipmsg.NewHeader(n, v))
		}
		if s.agreed(res); s.interval != tc.interval || s.ours != tc.ours {
			t.Errorf("%s: %s, ours %v", name, s.interval, s.ours)
		}
	}
}

func TestA422IsAnsweredByALongerSessionInTheSameCall(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(time.Unix(1e9, 0))
	a, p := withRaw(t, expiring(c, trunk.TimerAccept, 0))
	k := a.dial(t, nil)
	invite := p.read("INVITE").(*sipmsg.Request)
	if got := header(invite, "session-expires"); got != "1800" || !supports(invite, tagTimer) || header(invite, "min-se") != "90" {
		t.Errorf("Session-Expires %q, Min-SE %q", got, header(invite, "min-se"))
	}
	p.respond(invite, 422, "far", "", "Min-SE: 3600")
	p.read("ACK")
	second := p.next("INVITE", invite)
	if header(second, "session-expires") != "3600" || header(second, "min-se") != "3600" || second.CallID().Value() != invite.CallID().Value() {
		t.Errorf("sent again as\n%s", second)
	}
	p.respond(second, 422, "far", "", "Min-SE: 3600") // nothing new: no sense in a third one
	p.read("ACK")
	if end := k.end(); end.Code != 422 {
		t.Errorf("ended %+v", end)
	}
}

func TestWeRefreshASessionByHalfItsInterval(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ allow, method, refused string }{
		"by UPDATE":                       {withUpdate, "UPDATE", ""},
		"by re-INVITE":                    {"Allow: INVITE, ACK, BYE", "INVITE", ""},
		"by re-INVITE, UPDATE is refused": {withUpdate, "INVITE", "UPDATE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := clock.NewFake(time.Unix(1e9, 0))
			a, p := withRaw(t, expiring(c, trunk.TimerAccept, 0))
			k, invite := dialled(t, a, p, tc.allow, "Session-Expires: 600;refresher=uac", "Require: timer")
			former := invite
			for range 3 { // each refresh begins the interval anew
				k.knows(func(l *Leg) bool { return l.timers[timerRefresh] != nil })
				c.Advance(300 * time.Second)
				if tc.refused != "" && former == invite {
					former = p.next(tc.refused, former)
					p.respond(former, 405, "", "")
				}
				re := p.next(tc.method, former)
				if got := header(re, "session-expires"); got != "600;refresher=uac" {
					t.Errorf("Session-Expires %q", got)
				}
				body := ""
				if former = re; tc.method == "INVITE" {
					body = rawSDP
				}
				p.respond(re, 200, "", body, "Session-Expires: 600;refresher=uac")
				if body != "" {
					p.read("ACK")
				}
				k.knows(func(l *Leg) bool { return l.mod.tx == nil })
			}
			p.hangup(k)
		})
	}
}

func TestASessionThatNobodyRefreshesIsHungUp(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(time.Unix(1e9, 0))
	a, p := withRaw(t, expiring(c, trunk.TimerAccept, 0))
	a.onArrival(func(l *Leg) { l.Answer() })
	p.send(p.request("INVITE", "short", "f", "", rawSDP, 1, "Supported: timer", "Session-Expires: 60"))
	if res := p.read("422 INVITE"); header(res.(*sipmsg.Response), "min-se") != "90" {
		t.Errorf("refused as\n%s", res)
	}
	p.send(strings.ReplaceAll(p.request("INVITE", "inv", "f", "", rawSDP, 2, "Supported: timer", "Session-Expires: 90;refresher=uac"), "f@raw", "g@raw"))
	res := p.read("200 INVITE").(*sipmsg.Response)
	if header(res, "session-expires") != "90;refresher=uac" || !requires(res, tagTimer) {
		t.Errorf("answered as\n%s", res)
	}
	in := func(method, branch string, seq int, headers ...string) {
		p.send(strings.ReplaceAll(p.request(method, branch, "f", tagOf(res.To()), "", seq, headers...), "f@raw", "g@raw"))
	}
	in("ACK", "ack", 2)
	k := a.arrived(t)
	k.knows(func(l *Leg) bool { return l.state == stUp })
	c.Advance(59 * time.Second)
	in("UPDATE", "u", 3, "Supported: timer", "Session-Expires: 90;refresher=uac")
	if got := header(p.read("200 UPDATE").(*sipmsg.Response), "session-expires"); got != "90;refresher=uac" {
		t.Errorf("refreshed as %q", got)
	}
	c.Advance(59 * time.Second)
	k.knows(func(l *Leg) bool { return l.state == stUp })
	c.Advance(time.Second)
	bye := p.read("BYE").(*sipmsg.Request)
	if got := header(bye, "reason"); got != `Q.850;cause=102;text="session expired"` {
		t.Errorf("Reason %q", got)
	}
	p.respond(bye, 200, "", "")
	if end := k.end(); !end.Expired || end.By != calls.ByNetwork {
		t.Errorf("ended %+v", end)
	}
}

func TestATimerThatIsSwitchedOffIsNoExtension(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	p.send(p.request("INVITE", "inv", "f", "", rawSDP, 1, "Require: timer", "Session-Expires: 90"))
	if res := p.read("420 INVITE").(*sipmsg.Response); header(res, "unsupported") != tagTimer {
		t.Errorf("refused as\n%s", res)
	}
	_ = a
}

func FuzzDeltaSeconds(f *testing.F) {
	f.Add("1800;refresher=uas")
	f.Add(" 90 ; a=\";\" ;refresher = UAC")
	f.Fuzz(func(t *testing.T, s string) {
		d, who, ok := deltaSeconds(s)
		if !ok && (d != 0 || who != "") || d < 0 || d%time.Second != 0 || who != "" && who != "uac" && who != "uas" {
			t.Errorf("%q is %s by %q", s, d, who)
		}
	})
}
