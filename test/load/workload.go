//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
)

// workload is what a mode does with its calls.
type workload struct {
	mode    string
	about   string
	asked   bool   // the target calls, asked through its API
	bridged bool   // two legs at a time that hear each other; implies asked
	codecs  string // of the trunk
	trunk   string // further keys of the trunk
	flow    string // further keys of the flow
	sealed  bool   // SRTP both ways
	mute    bool   // callers press nothing
}

var workloads = []workload{
	{mode: "w1", about: "we call, it plays", codecs: "PCMA"},
	{mode: "w1-srtp", about: "w1, encrypted", codecs: "PCMA", trunk: `, srtp: required`, sealed: true},
	{mode: "w1-capture", about: "w1, both ways written to a file", codecs: "PCMA", flow: `, "capture": true`},
	{mode: "w2", about: "it calls, asked through its API", asked: true, codecs: "PCMA"},
	{mode: "w2-amd", about: "w2, and it listens for machines all the time", asked: true, codecs: "PCMA", flow: `, "amd": {"mode": "async"}`, mute: true},
	{mode: "bridge", about: "it connects two of us, asked through its API; a call is a leg", asked: true, bridged: true, codecs: "PCMA", mute: true},
	{mode: "bridge-transcoded", about: "bridge, A-law on one side, mu-law on the other", asked: true, bridged: true, codecs: "PCMA, PCMU", mute: true},
}

func workloadOf(mode string) (workload, error) {
	i := slices.IndexFunc(workloads, func(w workload) bool { return w.mode == mode })
	if i < 0 {
		return workload{}, fmt.Errorf("-mode is %q; it is floor%s", mode, modes())
	}
	return workloads[i], nil
}

// modes lists what -mode may be besides floor.
func modes() string {
	var b strings.Builder
	for _, w := range workloads {
		fmt.Fprintf(&b, "; %s: %s", w.mode, w.about)
	}
	return b.String()
}

// The numbers that the two legs of a bridge have before the part that is theirs together.
const (
	firstPrefix  = "7916"
	secondPrefix = "7926"
)

// request is what the target's API is asked for the nth call.
func (w workload) request(n int) (path, body string) {
	n %= 10_000_000
	if w.bridged {
		return "/v1/bridges", fmt.Sprintf(`{"first":"%s%07d","second":"%s%07d"}`, firstPrefix, n, secondPrefix, n)
	}
	return "/v1/calls", fmt.Sprintf(`{"to":"%s%07d","flow":{"record":1000001,"loop":true,"digits":[]%s}}`, firstPrefix, n, w.flow)
}

// legs is how many of our calls come of one request.
func (w workload) legs() int {
	if w.bridged {
		return 2
	}
	return 1
}

// codec is the payload type that a leg of this number answers with.
func (w workload) codec(number string) byte {
	if strings.Contains(w.codecs, "PCMU") && strings.HasPrefix(number, secondPrefix) {
		return mulawPT
	}
	return alawPT
}
