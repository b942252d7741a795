package calls

import "time"

// SIPBinding is where somebody is who registered with us: one contact of a user.
// It belongs to the node that he registered with, whose socket reaches him.
type SIPBinding struct {
	User         string
	Account      string
	Contact      string   // the URI that he gave
	Received     string   // ADDRESS:PORT that his REGISTER came from
	Transport    string   // "udp", "tcp", "tls"
	Path         []string // values of Path (RFC 3327), nil: none
	CallID       string
	CSeq         uint32
	Q            float64
	Agent        string // what his telephone calls itself
	RegisteredAt time.Time
	ExpiresAt    time.Time
}

// SIPReads reads the contacts of registered users.
type SIPReads interface {
	// SIPBindings lists all that registered with a node, by user and contact.
	SIPBindings(node string) ([]*SIPBinding, error)
}

// SIPWrites changes them.
type SIPWrites interface {
	// SetSIPBindings replaces the contacts of a user at a node; none removes him.
	SetSIPBindings(node, user string, list []SIPBinding) error
}
