package beeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func golden(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheMinimalEventIsRead(t *testing.T) {
	t.Parallel()
	e, err := ParseEvent(golden(t, "released.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if e.Type != eventReleased || e.ID != "e-1" || e.Sequence != 1 || e.User != "9333221100@mpbx.sip.beeline.ru" || e.Subscription != "s-1" || len(e.Calls) != 1 {
		t.Fatalf("%+v", e)
	}
	c := e.Calls[0]
	if c.ID != "callhalf-1:0" || c.Tracking != "11:1" || c.Personality != personTerminator || c.State != "Released" ||
		c.Remote.Number() != "79220001122" || c.Remote.CallType != "Network" ||
		c.Release.Sub(c.Answer) != 30*time.Second || c.Answer.Sub(c.Start) != 5*time.Second {
		t.Fatalf("%+v", c)
	}
}

func TestPrefixesDoNotMatter(t *testing.T) {
	t.Parallel()
	body := string(golden(t, "released.xml"))
	for _, prefix := range []string{"bw", "a", ""} {
		b := strings.ReplaceAll(body, "xmlns:xsi=", "xmlns:"+prefix+"=")
		b = strings.ReplaceAll(strings.ReplaceAll(b, "<xsi:", "<"+prefix+":"), "</xsi:", "</"+prefix+":")
		b = strings.ReplaceAll(b, `"xsi:`, `"`+prefix+":")
		if prefix == "" {
			b = strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(b, "<:", "<"), "</:", "</"), "xmlns:=", "xmlns=")
		}
		if e, err := ParseEvent([]byte(b)); err != nil || e.Type != eventReleased || len(e.Calls) != 1 || e.Calls[0].Tracking != "11:1" {
			t.Errorf("prefix %q: %+v, %v", prefix, e, err)
		}
	}
}

func TestTheEndOfASubscriptionIsRead(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`<xsi:Event xmlns:xsi="http://schema.broadsoft.com/xsi" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="xsi:SubscriptionTerminatedEvent"><xsi:subscriptionId>s-1</xsi:subscriptionId></xsi:Event>`,
		`<xsi:Event xmlns:xsi="http://schema.broadsoft.com/xsi" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="xsi:SubscriptionEvent"><xsi:subscriptionId>s-1</xsi:subscriptionId><xsi:eventData i:type="xsi:SubscriptionTerminatedEvent"/></xsi:Event>`,
	} {
		if e, err := ParseEvent([]byte(body)); err != nil || e.Type != eventTerminated || e.Subscription != "s-1" {
			t.Errorf("%+v, %v", e, err)
		}
	}
}

func TestASnapshotHasSeveralCalls(t *testing.T) {
	t.Parallel()
	e, err := ParseEvent([]byte(`<Event type="x"><subscriptionId>s</subscriptionId><eventData type="xsi:CallSubscriptionEvent"><calls><call><callId>a</callId></call><call><callId>b</callId></call><call/></calls></eventData></Event>`))
	if err != nil || len(e.Calls) != 2 || e.Calls[1].ID != "b" {
		t.Fatalf("%+v, %v", e, err)
	}
}

func TestBombsAndStrangersAreRefused(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"entities":     `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><Event><subscriptionId>&b;</subscriptionId></Event>`,
		"external":     `<!DOCTYPE x SYSTEM "file:///etc/passwd"><Event><subscriptionId>s</subscriptionId></Event>`,
		"no doctype":   `<Event><subscriptionId>&a;</subscriptionId></Event>`,
		"depth":        strings.Repeat("<a>", 10000),
		"closed depth": strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100),
		"elements":     "<Event>" + strings.Repeat("<a/>", maxNodes+1) + "</Event>",
		"size":         "<Event>" + strings.Repeat(" ", maxEvent) + "</Event>",
		"instruction":  `<?php x?><Event/>`,
		"two roots":    `<Event/><Event/>`,
		"nothing":      ``,
		"text":         `hello`,
		"html":         `<html><body><p>502</body></html>`,
		"other root":   `<Events><subscriptionId>s</subscriptionId></Events>`,
		"no id":        `<Event type="x"><eventData type="CallReleasedEvent"/></Event>`,
		"no type":      `<Event><subscriptionId>s</subscriptionId></Event>`,
		"encoding":     `<?xml version="1.0" encoding="UTF-16"?><Event/>`,
		"broken off":   `<Event><subscriptionId>s`,
	} {
		if e, err := ParseEvent([]byte(body)); err == nil {
			t.Errorf("%s was taken: %+v", name, e)
		}
	}
}

func TestNumbersInEverySpelling(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"tel:+79220001122": "79220001122", "tel:+79220001122;ext=201": "79220001122", "9220001122": "79220001122", "+79220001122": "79220001122",
		"89220001122": "79220001122", "9333221100@mpbx.sip.beeline.ru": "79333221100", "sip:201@x": "201", "tel:201": "201", "": "", "anonymous": "",
		"tel:+375291234567": "375291234567", "7 (922) 000-11-22": "79220001122", "tel:+8613800138000": "8613800138000", "SIP123": "", "1234567890123456": "",
	} {
		if got := numberOf(in); got != want {
			t.Errorf("numberOf(%q) = %q, want %q", in, got, want)
		}
	}
	if !sameNumber("89220001122", "tel:+79220001122") || sameNumber("", "") || sameNumber("201", "79220000201") || !sameNumber("201", "201") {
		t.Error("numbers are compared wrongly")
	}
	if d, ok := ten("79220001122"); d != "9220001122" || !ok {
		t.Error(d)
	}
	if d, ok := ten("375291234567"); d != "375291234567" || ok {
		t.Error(d)
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add(golden(f, "released.xml"))
	f.Add([]byte(`<Event type="x"><subscriptionId>s</subscriptionId><eventData type="xsi:CallSubscriptionEvent"><calls><call><callId>a</callId><redirections><redirection><party><name>n</name></party></redirection></redirections></call></calls></eventData></Event>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEvent(b)
		if err != nil {
			return
		}
		if e.Subscription == "" || len(e.Calls) > maxNodes {
			t.Fatalf("%+v", e)
		}
		tk := &talk{key: "k"}
		for _, c := range e.Calls {
			tk.learn(e.Type, e.User, c, nil)
		}
		tk.news(time.Unix(0, 0))
		if tk.quiet() {
			tk.ended(time.Unix(0, 0))
		}
	})
}
