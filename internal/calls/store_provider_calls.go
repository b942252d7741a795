package calls

// ProviderCallReads finds calls by the names that providers give them.
type ProviderCallReads interface {
	// ProviderCall is the id of our call that a provider knows by providerCallID.
	ProviderCall(account, provider, providerCallID string) (callID string, err error)
}

// ProviderCallWrites keeps these names. They go with their calls.
type ProviderCallWrites interface {
	// NameProviderCall keeps the name of a call. A name that is taken stays as it is.
	NameProviderCall(account, provider, providerCallID, callID string) error
}
