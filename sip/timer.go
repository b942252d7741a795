package sip

import (
	"math"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/sip/trunk"
)

// statusTooSmall is RFC 4028 6.
const statusTooSmall = 422

// maxInterval bounds what a far end may make of a session's interval.
const maxInterval = 24 * time.Hour

// sessionTimer is when a session ends unless it is refreshed (RFC 4028). It
// belongs to the mailbox.
type sessionTimer struct {
	trunk.SessionTimer               // as configured
	interval           time.Duration // 0: the session does not expire
	ours               bool          // we refresh it, else the far end
	asked              time.Duration // the least that a 422 asked for; 0: nothing
	raises             int           // requests sent again after a 422
}

// least is the shortest interval that we ask for or take.
func (t *sessionTimer) least() time.Duration { return max(t.Min, t.asked) }

// propose adds to a request of ours how long the session is to live.
func (t *sessionTimer) propose(req *sipmsg.Request) {
	if t.Mode == trunk.TimerOff || req.Method != sipmsg.INVITE && req.Method != sipmsg.UPDATE {
		return
	}
	value := seconds(max(t.Expires, t.least()))
	switch {
	case t.interval == 0:
	case t.ours: // within this request we are the uac, whoever called
		value = seconds(max(t.interval, t.least())) + ";refresher=uac"
	default:
		value = seconds(max(t.interval, t.least())) + ";refresher=uas"
	}
	req.AppendHeader(sipmsg.NewHeader("Session-Expires", value))
	req.AppendHeader(sipmsg.NewHeader("Min-SE", seconds(t.least())))
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// raise takes a 422: the request may be sent again with a longer interval.
func (t *sessionTimer) raise(res *sipmsg.Response) bool {
	if res.StatusCode != statusTooSmall || t.Mode == trunk.TimerOff || t.raises >= maxAuth {
		return false
	}
	least, _, ok := deltaSeconds(header(res, "min-se"))
	if !ok || least <= t.least() || least > maxInterval {
		return false
	}
	t.raises++
	t.asked = least
	return true
}

// tooShort refuses a request whose interval is shorter than we take; who does not
// know of timers cannot be told, and the interval is raised instead.
func (t *sessionTimer) tooShort(req *sipmsg.Request) (int, []sipmsg.Header) {
	if t.Mode == trunk.TimerOff || !supports(req, tagTimer) {
		return 0, nil
	}
	if interval, _, ok := sessionExpires(req); ok && interval < t.Min {
		return statusTooSmall, []sipmsg.Header{sipmsg.NewHeader("Min-SE", seconds(t.Min))}
	}
	return 0, nil
}

// accept agrees on the interval of a request of theirs and gives what our 2xx
// tells of it.
func (t *sessionTimer) accept(req *sipmsg.Request) []sipmsg.Header {
	if t.Mode == trunk.TimerOff {
		return nil
	}
	knows := supports(req, tagTimer)
	interval, refresher, ok := sessionExpires(req)
	least, _, _ := deltaSeconds(header(req, "min-se"))
	switch {
	case ok:
		t.interval = min(max(interval, t.Min), maxInterval)
	case t.interval > 0: // it lives on as it was
	case knows || t.Mode == trunk.TimerRequire:
		t.interval = min(max(t.Expires, least), maxInterval)
	default:
		return nil
	}
	switch {
	case !knows || refresher == "uas":
		t.ours = true
	case refresher == "uac":
		t.ours = false
	case tagOf(req.To()) == "": // nobody chose: then we
		t.ours = true
	}
	who := "uac"
	if t.ours {
		who = "uas"
	}
	list := []sipmsg.Header{sipmsg.NewHeader("Session-Expires", seconds(t.interval)+";refresher="+who)}
	if knows {
		list = append(list, sipmsg.NewHeader("Require", tagTimer))
	}
	return list
}

// agreed takes what a 2xx to a request of ours says.
func (t *sessionTimer) agreed(res *sipmsg.Response) {
	t.raises = 0
	if t.Mode == trunk.TimerOff {
		return
	}
	interval, refresher, ok := sessionExpires(res)
	switch {
	case ok:
		t.interval, t.ours = min(max(interval, shortestTimer), maxInterval), refresher != "uas"
	case t.Mode == trunk.TimerRequire: // it knows of no timers, yet a refresh shows whether it lives
		if t.interval == 0 {
			t.interval = max(t.Expires, t.least())
		}
		t.ours = true
	default:
		t.interval = 0
	}
}

// shortestTimer is the least interval that RFC 4028 5 allows.
const shortestTimer = trunk.LeastTimer

// grace is how long before its end a session that nobody refreshed is hung up
// (RFC 4028 10).
func (t *sessionTimer) grace() time.Duration { return min(32*time.Second, t.interval/3) }

// live begins the interval anew: the session was made or refreshed just now.
func (l *Leg) live() {
	t := &l.timer
	if t.interval == 0 {
		l.stopTimer(timerRefresh)
		l.stopTimer(timerExpire)
		return
	}
	l.after(timerExpire, t.interval-t.grace(), func() { l.handle(&input{ev: evExpired}) })
	if !t.ours {
		l.stopTimer(timerRefresh)
		return
	}
	l.after(timerRefresh, t.interval/2, l.refresh)
}

// refresh asks for a refresh, and again a little later should that one fail.
func (l *Leg) refresh() {
	l.after(timerRefresh, l.timer.interval/8, l.refresh)
	l.want(changeRefresh)
}

// expired hangs up: nobody refreshed the session in time.
func (l *Leg) expired() {
	l.ending.Expired = true
	l.uac.reason = reason(102, "session expired")
	l.endedBy(calls.ByNetwork)
	l.bye()
}

// sessionExpires reads Session-Expires: the interval, and who refreshes as far as
// it says ("uac", "uas", "").
func sessionExpires(m headers) (time.Duration, string, bool) {
	return deltaSeconds(header(m, "session-expires", "x"))
}

// deltaSeconds reads "1800;refresher=uas". What is not understood of the
// parameters is left out.
func deltaSeconds(value string) (d time.Duration, refresher string, ok bool) {
	parts := splitOutsideQuotes(value, ';')
	n, err := strconv.ParseUint(strings.TrimSpace(parts[0]), 10, 32)
	if err != nil || n > math.MaxInt32 {
		return 0, "", false
	}
	for _, p := range parts[1:] {
		name, v, _ := strings.Cut(p, "=")
		if v = strings.ToLower(strings.TrimSpace(v)); strings.EqualFold(strings.TrimSpace(name), "refresher") && (v == "uac" || v == "uas") {
			refresher = v
		}
	}
	return time.Duration(n) * time.Second, refresher, true
}
