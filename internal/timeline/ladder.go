package timeline

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"zvonar/internal/calls"
)

// Ladder draws the SIP messages of a call as arrows between zvonar and those it
// spoke with, and the events of the call between them, one line each. The far
// ends stand in the order in which they appeared; zvonar is the leftmost.
type Ladder struct {
	start time.Time
	peers []netip.AddrPort
	legs  bool // several, so that each message says whose it is
}

// rung is the width of one arrow.
const rung = 34

// clockWidth is the width of the time before each line.
const clockWidth = 10

// maxPeers bounds the far ends that get a column of their own.
const maxPeers = 6

// NewLadder begins a ladder of messages.
func NewLadder(start time.Time, list []calls.SIPMessage) *Ladder {
	l := &Ladder{start: start}
	for i := range list {
		if p := list[i].Remote; !slices.Contains(l.peers, p) && len(l.peers) < maxPeers {
			l.peers = append(l.peers, p)
		}
		l.legs = l.legs || list[i].SIPCallID != list[0].SIPCallID
	}
	return l
}

// Head names the columns.
func (l *Ladder) Head() string {
	b := strings.Repeat(" ", clockWidth) + "zvonar"
	for i, p := range l.peers {
		name := p.String()
		at := clockWidth + (i+1)*rung + 1
		b += strings.Repeat(" ", max(at-utf8.RuneCountInString(b)-utf8.RuneCountInString(name)/2, 1)) + name
	}
	return b + "\n" + l.lines()
}

// lines are the verticals under the heads.
func (l *Ladder) lines() string {
	return strings.Repeat(" ", clockWidth) + "│" + strings.Repeat(strings.Repeat(" ", rung)+"│", len(l.peers))
}

// Message draws a message.
func (l *Ladder) Message(m *calls.SIPMessage) string {
	column := slices.Index(l.peers, m.Remote)
	if column < 0 {
		return l.stamp(m.At) + "│ " + Clean(m.FirstLine()) + " " + m.Remote.String()
	}
	width := (column+1)*rung + column // over the verticals between
	words := words(m)
	words = cut(words, width-6)
	left := (width - utf8.RuneCountInString(words) - 2) / 2
	right := width - utf8.RuneCountInString(words) - 2 - left
	head, tail := "", "▶"
	if !m.Sent {
		head, tail = "◀", ""
	}
	arrow := head + strings.Repeat("─", left-utf8.RuneCountInString(head)) + " " + words + " " + strings.Repeat("─", right-utf8.RuneCountInString(tail)) + tail
	rest := strings.Repeat(strings.Repeat(" ", rung)+"│", len(l.peers)-column-1)
	line := l.stamp(m.At) + "│" + arrow + "│" + rest
	if l.legs {
		line += " " + string(m.Role)
	}
	return line
}

// Event puts what happened in the call between the messages.
func (l *Ladder) Event(e calls.Event) string { return l.stamp(e.Time) + "● " + Words(e) }

func (l *Ladder) stamp(at time.Time) string {
	// Cut, not rounded: events know milliseconds only.
	return fmt.Sprintf("%*.3f ", clockWidth-1, float64(at.UnixMilli()-l.start.UnixMilli())/1000)
}

// words are what stands on an arrow: the request's method or the response's code
// and phrase, whose it is, and whether it describes media.
func words(m *calls.SIPMessage) string {
	line := m.FirstLine()
	if answer, is := strings.CutPrefix(line, "SIP/2.0 "); is {
		line = answer
		if _, method, ok := strings.Cut(m.Header("CSeq"), " "); ok && !strings.HasPrefix(line, "1") && method != "INVITE" {
			line += " (" + strings.TrimSpace(method) + ")"
		}
	} else {
		line, _, _ = strings.Cut(line, " ")
	}
	if m.HasSDP() {
		line += " · SDP"
	}
	return Clean(line)
}

func cut(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}

// LegSound is what is known of the sound of a leg, as one line.
func LegSound(f calls.LegFacts) string {
	b := fmt.Sprintf("%s: %s", f.Role, value(f.Codec, "no sound"))
	if f.SRTP {
		b += " over SRTP"
	}
	b += fmt.Sprintf(", %d packets received, %d lost, jitter %.1f ms", f.RX, f.Lost, f.JitterMS)
	if f.TX > 0 {
		b += fmt.Sprintf("; %d sent", f.TX)
		if f.TXLost > 0 || f.TXJitterMS > 0 {
			b += fmt.Sprintf(", of which %d were lost, jitter %.1f ms there", f.TXLost, f.TXJitterMS)
		}
	}
	if f.RTTMS > 0 {
		b += fmt.Sprintf("; round trip %.1f ms", f.RTTMS)
	}
	if f.MOS > 0 {
		b += fmt.Sprintf("; MOS %.1f", f.MOS)
	}
	return b
}

func value(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
