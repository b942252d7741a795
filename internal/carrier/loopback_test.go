package carrier

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/media"
	"zvonar/media/codec"
	"zvonar/sip"
	"zvonar/sip/trunk"
)

// bench is a carrier and a user agent that stands for zvonar, on loopback.
type bench struct {
	carrier *Carrier
	ua      *sip.UA
	ids     *clock.IDs
	inbound chan inboundLeg
}

type inboundLeg struct {
	leg *sip.Leg
	inv calls.Invite
}

// dropsMedia is who answers and falls silent.
const dropsMedia = "2003"

// patience bounds every wait; it is never reached where all is well.
const patience = 30 * time.Second

func newBench(t *testing.T) *bench {
	t.Helper()
	sock, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	own := sock.LocalAddr().String()
	_ = sock.Close()

	b := &bench{inbound: make(chan inboundLeg, 4)}
	b.ids = clock.NewIDs(clock.System(), nil)
	b.carrier, err = New(Config{PeerAddr: "sip:" + own, Pace: 0.1, PortMin: 26000, PortMax: 26998, Token: "s3cret", OutDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	start(t, b.carrier)

	engine, err := media.NewEngine(media.Config{IP: netip.MustParseAddr("127.0.0.1"), PortMin: 27000, PortMax: 27998})
	if err != nil {
		t.Fatal(err)
	}
	start(t, engine)
	trunks, err := trunk.NewSet([]trunk.Config{{
		Name: "main", URI: "sip:" + b.carrier.Addr().String(), MaxCalls: 50, Codecs: []codec.ID{codec.PCMA},
	}})
	if err != nil {
		t.Fatal(err)
	}
	b.ua, err = sip.New(sip.Config{
		Listen: []string{"udp://" + own}, Trunks: trunks, Media: engine, Clock: clock.System(), IDs: b.ids, MediaTimeout: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.ua.OnInvite(func(leg *sip.Leg, inv calls.Invite) { b.inbound <- inboundLeg{leg, inv} })
	start(t, b.ua)
	return b
}

func start(t *testing.T, p interface {
	Start(context.Context) error
	Stop(context.Context) error
}) {
	t.Helper()
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := p.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
}

// placed is a call under way.
type placed struct {
	sipCallID string
	events    chan calls.LegEvent
}

// dial calls a magic number; on, if not nil, is told each event as it happens.
func (b *bench) dial(t *testing.T, suffix string, on func(*sip.Leg, calls.LegEvent)) placed {
	t.Helper()
	p := placed{b.ids.New(""), make(chan calls.LegEvent, 1024)}
	silence := patience // a busy machine is silent for a while, too
	if suffix == dropsMedia {
		silence = time.Second
	}
	made := make(chan *sip.Leg, 1)
	var leg *sip.Leg
	dialled, err := b.ua.Dial(calls.DialRequest{
		AttemptID: p.sipCallID, SIPCallID: p.sipCallID, Trunk: "main", To: Prefix + suffix, From: "78005553535",
		Role: calls.RoleCustomer, RingTimeout: patience, MediaTimeout: silence,
	}, func(e calls.LegEvent) {
		if leg == nil {
			leg = <-made
		}
		if on != nil {
			on(leg, e)
		}
		p.events <- e
	})
	if err != nil {
		t.Fatal(err)
	}
	made <- dialled
	return p
}

// trail reads the events of a leg to their end.
func trail(t *testing.T, events <-chan calls.LegEvent) (trail []calls.LegEvent) {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case e := <-events:
			trail = append(trail, e)
			if e.Kind == calls.LegEnded {
				return trail
			}
		case <-limit:
			t.Fatalf("the leg did not end; so far %s", words(trail))
		}
	}
}

// words writes a trail down, without what depends on time.
func words(events []calls.LegEvent) string {
	var out []string
	last := ""
	for _, e := range events {
		w := ""
		switch e.Kind {
		case calls.LegRinging:
			w = fmt.Sprintf("ringing %d", e.Code)
		case calls.LegEarlyMedia:
			w = "early media"
		case calls.LegAnswered:
			w = "answered " + e.Codec
		case calls.LegFirstAudio:
			w = "audio"
		case calls.LegDigit:
			w = fmt.Sprintf("digit %c %s", e.Digit, e.Via)
		case calls.LegMediaTimeout:
			w = "media time-out"
		case calls.LegEnded:
			w = fmt.Sprintf("ended %d", e.Ending.Code)
			if e.Ending.Q850 > 0 {
				w += fmt.Sprintf(" cause %d", e.Ending.Q850)
			}
			if e.Ending.Canceled {
				w += " canceled"
			}
			if e.Ending.Answered {
				w += fmt.Sprintf(" after an answer, by %s", e.Ending.By)
			}
		}
		if w != "" && w != last {
			out = append(out, w)
		}
		last = w
	}
	return strings.Join(out, "; ")
}

// hangUpOn ends the leg at the first event of a kind.
func hangUpOn(kind calls.LegEventKind) func(*sip.Leg, calls.LegEvent) {
	return func(leg *sip.Leg, e calls.LegEvent) {
		if e.Kind == kind {
			leg.Hangup(0)
		}
	}
}

// playsAndTakesDigits plays a clip of 1.5 s and hangs up after n digits.
func playsAndTakesDigits(n int) func(*sip.Leg, calls.LegEvent) {
	clip := media.NewClip(join(tone(440, 500), tone(660, 1000)))
	return func(leg *sip.Leg, e calls.LegEvent) {
		switch e.Kind {
		case calls.LegAnswered:
			leg.Play(1, clip, false)
		case calls.LegDigit:
			if n--; n == 0 {
				leg.Hangup(0)
			} else {
				leg.Play(2, clip, false)
			}
		}
	}
}

func TestMagicNumbersOnTheWire(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	tests := []struct {
		suffix string
		on     func(*sip.Leg, calls.LegEvent)
		want   []string // in this order, others between them are allowed
	}{
		{"1000", hangUpOn(calls.LegAnswered), []string{"ringing 180", "answered PCMA", "ended 200 after an answer, by zvonar"}},
		{"1107", playsAndTakesDigits(1), []string{"answered PCMA", "digit 7 rfc4733", "ended 200"}},
		{"1305", playsAndTakesDigits(1), []string{"answered PCMA", "digit 5 info", "ended 200"}},
		{"1421", playsAndTakesDigits(2), []string{"digit 2 rfc4733", "digit 1 rfc4733", "ended 200"}},
		{"1610", playsAndTakesDigits(4), []string{"digit 7 rfc4733", "digit 8 rfc4733", "digit * rfc4733", "digit # rfc4733"}},
		{"2002", nil, []string{"answered PCMA", "ended 200 cause 16 after an answer, by customer"}},
		{dropsMedia, hangUpOn(calls.LegMediaTimeout), []string{"answered PCMA", "media time-out", "ended"}},
		{"3000", hangUpOn(calls.LegRinging), []string{"ringing 180", "ended 487 canceled"}},
		{"3001", hangUpOn(calls.LegRinging), []string{"ringing 180", "ended 200 canceled"}},
		{"3002", hangUpOn(calls.LegAnswered), []string{"ringing 183", "early media", "answered PCMA", "ended 200"}},
		{"8020", nil, []string{"early media", "audio", "ended 480 cause 20"}},
		{"8000", nil, []string{"early media", "ended 480"}},
		{"9003", nil, []string{"early media", "audio", "answered PCMA", "ended 200 cause 16 after an answer, by customer"}},
		{"9005", nil, []string{"answered PCMA", "digit 1 rfc4733", "ended 200"}},
		{"0486", nil, []string{"ringing 180", "ended 486 cause 17"}},
		{"0480", nil, []string{"ringing 180", "ended 480"}},
		{"0603", nil, []string{"ringing 180", "ended 603 cause 21"}},
		{"0404", nil, []string{"ended 404"}},
		{"0503", nil, []string{"ended 503"}},
		{"5000", nil, []string{"ended 404 cause 1"}},
	}
	// All at once: the table takes as long as its longest row.
	under := make([]placed, len(tests))
	for i, tt := range tests {
		under[i] = b.dial(t, tt.suffix, tt.on)
	}
	for i, tt := range tests {
		t.Run(tt.suffix, func(t *testing.T) {
			sipCallID := under[i].sipCallID
			got := words(trail(t, under[i].events))
			rest := got
			for _, want := range tt.want {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Fatalf("got  %s\nwant %s", got, strings.Join(tt.want, " … "))
				}
				rest = after
			}
			if seen := b.ended(t, sipCallID); seen.SIPCallID != sipCallID || seen.Number != Prefix+tt.suffix {
				t.Errorf("the carrier's record: %+v", seen)
			}
		})
	}
}

// ended waits until the carrier's call with this Call-ID (or id) is over.
func (b *bench) ended(t *testing.T, id string) Call {
	t.Helper()
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(5 * time.Millisecond) {
		for _, c := range b.carrier.Calls() {
			if (c.SIPCallID == id || c.ID == id) && !c.EndedAt.IsZero() {
				return c
			}
		}
	}
	t.Fatalf("call %s did not end at the carrier: %+v", id, b.carrier.Calls())
	return Call{}
}

func TestTheCalleeHearsTheClip(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	call := b.ended(t, b.dial(t, "1107", playsAndTakesDigits(1)).sipCallID)
	pcm, ok := b.carrier.Heard(call.ID)
	var s scanner
	s.look(pcm, time.Time{})
	if !ok || s.loud < 1400*time.Millisecond || s.loud > 1600*time.Millisecond {
		t.Errorf("heard %v of sound in %d ms, want 1.5 s", s.loud, call.HeardMS)
	}
	res := b.get(t, "/calls/"+call.ID+"/audio", "s3cret")
	if want := 44 + 2*len(pcm); res.code != http.StatusOK || len(res.body) != want {
		t.Errorf("audio over HTTP: %d, %d bytes, want %d", res.code, len(res.body), want)
	}
}

func TestStopTwiceAndWithoutStart(t *testing.T) {
	t.Parallel()
	c, err := New(Config{PortMin: 28000})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"any interface":  {Listen: "udp://0.0.0.0:5070"},
		"tcp":            {Listen: "tcp://127.0.0.1:5070"},
		"negative pace":  {Pace: -1},
		"unmagic alias":  {Aliases: map[string]string{"79161234567": "0399"}},
		"alias of alias": {Aliases: map[string]string{"1": "79161234567"}},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
