package beeline

import (
	"encoding/xml"
	"strconv"
	"strings"
	"time"
)

// writeEvent writes an event as the PBX does: the prefix xsi, which is BroadSoft's
// own namespace and not that of XML Schema, and what is not known left out.
func writeEvent(e Event) []byte {
	w := &xmlWriter{}
	root := "SubscriptionEvent"
	if e.Type == eventTerminated {
		root = eventTerminated
	}
	w.b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	w.b.WriteString(`<xsi:Event xmlns:xsi="http://schema.broadsoft.com/xsi" xmlns:xsi1="http://www.w3.org/2001/XMLSchema-instance" xsi1:type="xsi:` + root + `">`)
	w.leaf("eventID", e.ID)
	w.leaf("sequenceNumber", strconv.FormatInt(e.Sequence, 10))
	w.leaf("userId", e.User)
	w.leaf("externalApplicationId", "")
	w.leaf("subscriptionId", e.Subscription)
	w.leaf("targetId", e.Target)
	if e.Type != eventTerminated {
		w.b.WriteString(`<xsi:eventData xsi1:type="xsi:` + e.Type + `">`)
		for _, c := range e.Calls {
			w.call(c)
		}
		w.b.WriteString(`</xsi:eventData>`)
	}
	w.b.WriteString("</xsi:Event>")
	return []byte(w.b.String())
}

// xmlWriter writes elements of BroadSoft's namespace.
type xmlWriter struct{ b strings.Builder }

// leaf writes an element with text; none where there is no text.
func (w *xmlWriter) leaf(name, text string) {
	if text == "" {
		return
	}
	w.b.WriteString("<xsi:" + name + ">")
	_ = xml.EscapeText(&w.b, []byte(text)) // a Builder takes everything
	w.b.WriteString("</xsi:" + name + ">")
}

func (w *xmlWriter) instant(name string, t time.Time) {
	if !t.IsZero() {
		w.leaf(name, strconv.FormatInt(t.UnixMilli(), 10))
	}
}

func (w *xmlWriter) call(c Call) {
	w.b.WriteString("<xsi:call>")
	w.leaf("callId", c.ID)
	w.leaf("extTrackingId", c.Tracking)
	w.leaf("networkCallId", c.Network)
	w.leaf("personality", c.Personality)
	w.leaf("state", c.State)
	if c.ReleasedBy != "" {
		w.leaf("releasingParty", c.ReleasedBy)
	}
	w.b.WriteString("<xsi:remoteParty>")
	w.leaf("name", c.Remote.Name)
	w.leaf("address", c.Remote.Address)
	w.leaf("userId", c.Remote.User)
	w.leaf("userDN", c.Remote.DN)
	w.leaf("privacy", c.Remote.Privacy)
	w.leaf("callType", c.Remote.CallType)
	w.b.WriteString("</xsi:remoteParty>")
	w.instant("startTime", c.Start)
	w.instant("answerTime", c.Answer)
	w.instant("releaseTime", c.Release)
	if c.Cause != "" {
		w.b.WriteString("<xsi:releaseCause>")
		w.leaf("internalReleaseCause", c.Cause)
		w.b.WriteString("</xsi:releaseCause>")
	}
	if c.Recorded {
		w.leaf("recorded", "true")
	}
	w.b.WriteString("</xsi:call>")
}
