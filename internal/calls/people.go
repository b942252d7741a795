package calls

import "time"

// CallMethod says how an employee may place calls. The server enforces it.
type CallMethod string

// The call methods.
const (
	MethodOff CallMethod = "off" // nobody places calls in his name
	MethodApp CallMethod = "app" // his own telephone places them, the API may not
	MethodAPI CallMethod = "api" // the API places them
)

// RingOrder says which of an employee's telephones ring when he is called.
type RingOrder string

// The orders.
const (
	RingFirst RingOrder = "first" // the first he has: softphone, extension, phone
	RingAll   RingOrder = "all"   // all of them at once; the first to answer has the call
)

// SIPRealm is the realm in which employees' softphones prove themselves; what
// Employee keeps of a password is good in no other.
const SIPRealm = "zvonar"

// SoftphoneTrunk is the trunk that an attempt to a registered softphone names: its
// To is Employee.SIPUser. No configured trunk may have this name.
const SoftphoneTrunk = "softphones"

// Employee is a person at an account (DESIGN 1).
type Employee struct {
	ID        string // "emp_" + ULID
	Account   string
	Name      string
	Extension string // 1–8 digits, unique in the account; "": none
	Trunk     string // where the extension rings (201@office); "": nowhere
	Phone     string // digits only; "": none
	Ring      RingOrder
	// Caller and Clip are what a call in his name shows and plays where it does
	// not say otherwise.
	Caller string
	Clip   ClipID
	Method CallMethod
	CRMUser,
	Provider,
	Subscriber string // his names in the CRM and at a provider
	// SIPUser is the user name of his softphone, unique in the installation; HA1
	// and HA1SHA256 are hex digests of "user:realm:password" (RFC 7616 3.4.2).
	SIPUser        string
	HA1, HA1SHA256 string
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Strategy says in which order the members of a group are rung.
type Strategy string

// The strategies.
const (
	Sequential   Strategy = "sequential"   // in their order, each call from the first on
	RoundRobin   Strategy = "round_robin"  // each call begins with the one after whom the last began
	Simultaneous Strategy = "simultaneous" // all at once; the first to answer has the call
)

// MaxMembers is how many members a group may have.
const MaxMembers = 16

// Group is a target of several employees.
type Group struct {
	Account  string
	Name     string // a word: letters, digits, - and _
	Strategy Strategy
	Members  []string // ids of employees
	// RingTimeout is how long each member rings; 0: as long as the flow says.
	RingTimeout Duration
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// NumberKind says whose a caller number is.
type NumberKind string

// The kinds.
const (
	NumberOwn   NumberKind = "own"   // the account's; may be shown once it is confirmed
	NumberTrunk NumberKind = "trunk" // stands in the configuration of a trunk
)

// NumberState says whether a caller number may be shown.
type NumberState string

// The states.
const (
	NumberPending   NumberState = "pending"
	NumberConfirmed NumberState = "confirmed"
)

// Number is a caller number with what it is used for.
type Number struct {
	Account string
	Number  string // digits only
	Kind    NumberKind
	Trunk   string // that may show it; "": each of the account's
	State   NumberState
	Title   string
	// Employee and Campaigns are whom it is assigned to; nobody: everybody may use it.
	Employee  string
	Campaigns []string
	// Pool makes it one of those that calls from "pool:NAME" take turns with.
	Pool string
	// Code is what has to be pressed in the confirming call, until CodeUntil.
	Code      string
	CodeUntil time.Time
	CallID    string // of the confirming call
	// ConfirmedBy is "call", or the name of the operator's token.
	ConfirmedBy string
	ConfirmedAt time.Time
	CreatedAt   time.Time
}

// Usable reports whether n may be shown in a call by employee (an id) or campaign
// ("": none).
func (n *Number) Usable(employee, campaign string) bool {
	if n.State != NumberConfirmed {
		return false
	}
	if n.Employee == "" && len(n.Campaigns) == 0 {
		return true
	}
	if n.Employee != "" && n.Employee == employee {
		return true
	}
	for _, c := range n.Campaigns {
		if c == campaign && c != "" {
			return true
		}
	}
	return false
}

// NumberDay is what one caller number did on one day of UTC.
type NumberDay struct {
	Account, Number string
	Day             int64 // days since 1970-01-01
	Dialled         int64 // calls that rang somebody, or tried to
	Answered        int64 // of them by a person, as far as is known
	TalkMS          int64
}

// DayOf is the day of UTC that t lies in.
func DayOf(t time.Time) int64 { return t.Unix() / 86400 }
