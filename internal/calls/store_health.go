package calls

// Health is what a Store tells about itself.
type Health interface {
	// Failing says, as an Error{Code: overloaded} in words for an operator, why
	// no new call may begin: the disk is full, the database is locked, a commit
	// takes longer than 2 s. nil where all is well. Calls that run go on
	// meanwhile: what they Observe is kept in order and written later.
	Failing() error
}
