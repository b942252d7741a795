package carrier

import (
	"sync"
	"time"
)

// Call is what the carrier saw of one call.
type Call struct {
	ID        string `json:"id"`          // of the carrier, also X-Call-ID of a PBX call
	SIPCallID string `json:"sip_call_id"` // "" until the INVITE is known
	Kind      Kind   `json:"kind"`
	Number    string `json:"number"` // whose behaviour was played
	From      string `json:"from"`   // caller number as shown to the callee
	To        string `json:"to"`     // what was dialled
	// Behaviour is the suffix of the table row, "" for an unknown number.
	Behaviour   string    `json:"behaviour"`
	StartedAt   time.Time `json:"started_at"`
	AnsweredAt  time.Time `json:"answered_at,omitzero"`
	EndedAt     time.Time `json:"ended_at,omitzero"` // zero while it lasts
	Code        int       `json:"code"`              // final SIP status, 0 unknown
	Q850        int       `json:"q850"`
	Canceled    bool      `json:"canceled"` // the caller gave up
	EndedBy     string    `json:"ended_by"` // peer, carrier
	Codec       string    `json:"codec"`
	DigitsSent  string    `json:"digits_sent"`
	DigitsHeard string    `json:"digits_heard"`
	HeardMS     int64     `json:"heard_ms"` // audio received after the answer
	WAV         string    `json:"wav"`      // file it was written to, "" for none
}

// Kind says how a call came about.
type Kind string

// The kinds of calls.
const (
	KindCallee Kind = "callee" // zvonar called a magic number
	KindCaller Kind = "caller" // the carrier called zvonar
	KindPBX    Kind = "pbx"    // asked for by the callback API
)

// callLog keeps the newest calls and the audio of the newest few.
type callLog struct {
	mu    sync.Mutex
	order []string // ids, oldest first
	byID  map[string]Call
	audio map[string][]int16
	aged  []string // ids in audio, oldest first
}

const (
	keptCalls = 1000
	keptAudio = 64
)

func newCallLog() *callLog {
	return &callLog{byID: map[string]Call{}, audio: map[string][]int16{}}
}

// put adds or replaces c.
func (l *callLog) put(c Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.byID[c.ID]; !known {
		l.order = append(l.order, c.ID)
		if len(l.order) > keptCalls {
			delete(l.byID, l.order[0])
			l.order = l.order[1:]
		}
	}
	l.byID[c.ID] = c
}

func (l *callLog) putAudio(id string, pcm []int16) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.audio[id] = pcm
	l.aged = append(l.aged, id)
	if len(l.aged) > keptAudio {
		delete(l.audio, l.aged[0])
		l.aged = l.aged[1:]
	}
}

// all returns the kept calls, oldest first.
func (l *callLog) all() []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Call, len(l.order))
	for i, id := range l.order {
		out[i] = l.byID[id]
	}
	return out
}

func (l *callLog) heard(id string) ([]int16, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pcm, ok := l.audio[id]
	return pcm, ok
}
