package calls

// NumberedReads read the whole numbers by which the dialect of a facade names what
// has another id with us. A kind, like "zvonobot.call", has numbers of its own.
type NumberedReads interface {
	// Numbered is our id of what bears n.
	Numbered(account, kind string, n int64) (id string, err error)
	NumberOf(account, kind, id string) (n int64, err error)
}

// NumberedWrites give such numbers out.
type NumberedWrites interface {
	// GiveNumber gives id the number n, 0: the next of its kind, from 1; a number is
	// given once, whatever became of its bearer. An id that has one keeps it.
	GiveNumber(account, kind, id string, n int64) (int64, error)
}
