package providers

import (
	"slices"

	"zvonar/internal/calls"
)

// Need is what a method of a facade does for whoever asks. It decides which role his key
// must have: the role that the same thing needs in our own API, whatever the dialect. A
// facade says the need of each of its methods in one table, see System.Needs.
type Need string

// The needs.
const (
	// NeedRead tells what is there: people, numbers, clips, calls and their figures.
	NeedRead Need = "read"
	// NeedCall places calls, texts and clips, and steers, ends and follows them.
	NeedCall Need = "call"
	// NeedListen gives the sound of a talk, or a link to it.
	NeedListen Need = "listen"
	// NeedManage changes what outlives a call: lists of thousands of calls.
	NeedManage Need = "manage"
)

// roles is the rule.
var roles = map[Need]calls.Permission{
	NeedRead: calls.PermViewer, NeedCall: calls.PermCaller, NeedListen: calls.PermOperator, NeedManage: calls.PermOperator,
}

// Role is the role that a key must have. What has no need in the table of its facade is for admins.
func (n Need) Role() calls.Permission {
	if role, ok := roles[n]; ok {
		return role
	}
	return calls.PermAdmin
}

// MetBy reports whether a key or a token with these roles has it.
func (n Need) MetBy(has []calls.Permission) bool {
	return (&calls.Token{Roles: slices.Clone(has)}).May(n.Role())
}
