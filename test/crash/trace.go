package crash

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
)

// message is one SIP message of a trace of SIPp, as far as the judge reads it.
type message struct {
	At       time.Time
	Sent     bool   // by SIPp
	Method   string // of a request; "" for a response
	URI      string // user part of the Request-URI
	From     string // user part of From
	CallID   string
	Branch   string
	InDialog bool // To has a tag
	Answer   bool // 200 to an INVITE
}

const traceTime = "2006-01-02 15:04:05.000000"

// readTrace reads what SIPp wrote with -trace_msg: every message it sent or
// got, in order, whether it fitted the scenario or not. A torn end is left out.
func readTrace(r io.Reader, each func(message)) error {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 64<<10), 1<<20)
	var m message
	part := 0      // 0 before the first message, 1 its direction, 2 its first line, 3 its headers, 4 its body
	var torn error // of a time that cannot be read: no fault in the last line
	for in.Scan() {
		if torn != nil {
			return torn
		}
		line := strings.TrimRight(in.Text(), "\r")
		switch {
		case strings.HasPrefix(line, "-------"):
			if part >= 3 {
				each(m)
			}
			stamp := strings.TrimSpace(strings.TrimLeft(line, "-"))
			if part = 0; stamp == "" { // "Unexpected message received:", which was noted when it came
				continue
			}
			at, err := time.ParseInLocation(traceTime, stamp, time.Local)
			if err != nil {
				torn = fmt.Errorf("a trace of SIPp has the time %q", stamp)
			}
			m, part = message{At: at}, 1
		case part == 1 && strings.Contains(line, "message"):
			m.Sent, part = strings.Contains(line, "message sent"), 2
		case part == 2 && line != "":
			part = 3
			m.readFirst(line)
		case part == 3 && line == "":
			part = 4
		case part == 3:
			m.readHeader(line)
		}
	}
	if part >= 4 {
		each(m)
	}
	return in.Err()
}

func (m *message) readFirst(line string) {
	m.Answer = strings.HasPrefix(line, "SIP/2.0 200")
	f := strings.Fields(line)
	if len(f) == 3 && f[2] == "SIP/2.0" {
		m.Method, m.URI = f[0], userOf(f[1])
	}
}

func (m *message) readHeader(line string) {
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return
	}
	value = strings.TrimSpace(value)
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "cseq":
		m.Answer = m.Answer && strings.HasSuffix(value, "INVITE")
	case "call-id", "i":
		m.CallID = value
	case "via", "v":
		if m.Branch == "" {
			m.Branch = param(value, "branch")
		}
	case "from", "f":
		m.From = userOf(value)
	case "to", "t":
		m.InDialog = param(value, "tag") != ""
	}
}

// userOf is what stands between "sip:" and "@".
func userOf(s string) string {
	_, s, _ = strings.Cut(s, "sip:")
	user, _, ok := strings.Cut(s, "@")
	if !ok {
		return ""
	}
	return user
}

// param is the value of a header's parameter.
func param(s, name string) string {
	_, s, ok := strings.Cut(s, ";"+name+"=")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(s, ";> ,"); i >= 0 {
		s = s[:i]
	}
	return s
}

// noteDialogs adds what a trace shows to dialogs.
func noteDialogs(r io.Reader, dialogs map[string]*dialog) error {
	return readTrace(r, func(m message) {
		switch {
		case m.Method == "INVITE" && !m.InDialog:
			d := dialogs[m.CallID]
			if d == nil {
				d = &dialog{Inbound: m.Sent, Number: m.URI, First: m.At, Branches: map[string]bool{}}
				if m.Sent {
					d.Number = m.From
				}
				dialogs[m.CallID] = d
			}
			d.Branches[m.Branch] = true
		case m.Answer && dialogs[m.CallID] != nil:
			dialogs[m.CallID].Answered = true
		case m.Method == "BYE" && dialogs[m.CallID] != nil:
			dialogs[m.CallID].Bye = true
		}
	})
}
