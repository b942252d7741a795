package calls

import (
	"cmp"
	"time"
)

// Consent is why somebody may be called: kept with the call, to be shown on
// demand. Nothing in it is judged.
type Consent struct {
	Basis    string     `json:"basis"`    // contract, written, site, …
	At       *time.Time `json:"at"`       // when it was given; nil: not said
	Category string     `json:"category"` // of the call: information, advertising, debt, …
}

// Or is c with what it does not say taken from other; either may be nil.
func (c *Consent) Or(other *Consent) *Consent {
	if c == nil || other == nil {
		return cmp.Or(c, other)
	}
	return &Consent{Basis: cmp.Or(c.Basis, other.Basis), At: cmp.Or(c.At, other.At), Category: cmp.Or(c.Category, other.Category)}
}

// The scopes of a block. A campaign's and a number's have the id or the number
// behind a colon.
const (
	ScopeAccount  = "account"
	ScopeCampaign = "campaign:"
	ScopeNumber   = "number:"
)

// What a needBlock may say instead of "1": nobody of the same campaign, or from the
// same caller number, calls again.
const (
	BlockCampaign = "campaign"
	BlockNumber   = "number"
)

// BlockQuery asks whether a number may be called.
type BlockQuery struct {
	Account, Number string
	Campaign        string // id; "": none
	Line            string // caller number; "": not chosen yet
}

// BlockReads reads the blacklist by scope. What has expired is not there.
type BlockReads interface {
	// BlockedFor is the entry that forbids a call, the widest first.
	BlockedFor(BlockQuery) (*BlockEntry, error) // ErrNotFound if free
	// BlocksOf are the entries of a number, of every scope.
	BlocksOf(account, number string) ([]BlockEntry, error)
}

// BlockWrites changes the blacklist by scope.
type BlockWrites interface {
	// UnblockScope removes the entry of one scope, "" those of all.
	UnblockScope(account, number, scope string) (removed bool, err error)
}
