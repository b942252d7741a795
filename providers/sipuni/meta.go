package sipuni

import "encoding/json"

// meta is what a call that came by the facade remembers of its order, in its
// metadata under "sipuni".
type meta struct {
	User      string `json:"user"`
	Tree      string `json:"tree,omitempty"`
	SIPNumber string `json:"sipnumber,omitempty"`
}

type metadata struct {
	Sipuni meta `json:"sipuni"`
}

func (m meta) raw() json.RawMessage {
	raw, err := json.Marshal(metadata{m})
	if err != nil { // plain texts
		return nil
	}
	return raw
}

// metaOf reads it back; the zero value where there is none.
func metaOf(raw json.RawMessage) meta {
	var m metadata
	if json.Unmarshal(raw, &m) != nil {
		return meta{}
	}
	return m.Sipuni
}
