package calls

import (
	"net/netip"
	"strings"
	"time"
)

// SIPMessage is one SIP message of a call as it went over the wire, but for what
// must not be kept: credentials and keys are covered by asterisks.
type SIPMessage struct {
	At        time.Time      `json:"at"`
	Sent      bool           `json:"sent"`    // by us
	Network   string         `json:"network"` // udp, tcp, tls
	Local     netip.AddrPort `json:"local"`
	Remote    netip.AddrPort `json:"remote"`
	SIPCallID string         `json:"sip_call_id"`
	Role      Role           `json:"role"` // of the leg
	Text      string         `json:"text"`
}

// FirstLine is the request or status line.
func (m *SIPMessage) FirstLine() string {
	line, _, _ := strings.Cut(m.Text, "\r\n")
	return line
}

// Header is the value of the first header with a name, "" without one.
func (m *SIPMessage) Header(name string) string {
	for line := range strings.SplitSeq(m.Text, "\r\n") {
		if line == "" {
			return ""
		}
		if n, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// HasSDP reports whether the message describes media.
func (m *SIPMessage) HasSDP() bool {
	_, body, _ := strings.Cut(m.Text, "\r\n\r\n")
	return strings.HasPrefix(body, "v=0")
}

// WatchedNumber is a number whose calls are told to the log in full, for a while.
type WatchedNumber struct {
	Number string    `json:"number"`
	Until  time.Time `json:"until"`
}
