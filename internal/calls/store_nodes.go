package calls

import "errors"

// What a run of a node is told about its lease.
var (
	// ErrFenced: another run or another node owns this node's calls now. It is
	// final: nothing can be stored any more, and the process must end.
	ErrFenced = errors.New("this process lost its node: the node's calls belong to another process now, which ends them")
	// ErrLapsed: the lease could not be renewed in time, so another node may be
	// about to take the calls over. It passes if the store comes back first.
	ErrLapsed = errors.New("the lease of this node ran out, for the store could not be reached in time; nobody is rung until it is renewed")
)

// Nodes is a store as the nodes that share it see it (DESIGN 5). A node owns
// its calls under a lease; whoever lets it run out is fenced: the node that
// takes over raises the fencing number, and from then on nothing of the old
// run is stored. Safe for concurrent use; nothing here waits for the store.
//
// A store that only one process can open (SQLite) is always held and always
// leads.
type Nodes interface {
	// Node tells this node's name and the fencing number of this run.
	Node() (name string, fence int64)

	// Held is nil while this run owns its calls by its own clock, else ErrFenced
	// or ErrLapsed. Ask it right before anything that rings or sends: a process
	// that was stopped for a minute between a commit and an act must not act.
	Held() error

	// Fenced is closed once this run is fenced.
	Fenced() <-chan struct{}

	// Lead asks for a piece of work that one node of several does at a time
	// ("outbox", "texts", "retention"): the first question applies for it, leads
	// says whether it is this node's now. Ask before every step; changed is
	// closed when the answer may have changed (nil where it never does).
	//
	// What a leader stores is fenced like everything else: once another leads,
	// units of this run fail with ErrFenced. So only the step that was under way
	// outside of the store can happen twice.
	Lead(work string) (leads bool, changed <-chan struct{})

	// OnTaken says who hears of calls that became this node's because the lease
	// of their node ran out. Nothing is taken over before. take is called from
	// a goroutine of the store's, never twice at once, with calls that are this
	// node's already (durable), up to some hundreds at a time.
	OnTaken(take func(from string, left []*Call))
}

// NodeReads are the readings of one node's own rows.
type NodeReads interface {
	// UnfinishedOf lists the calls of one node that are not completed, by id
	// after the given one ("": from the start), at most limit.
	UnfinishedOf(node, after string, limit int) ([]*Call, error)
}
