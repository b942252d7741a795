package calls

// PlaceRequest asks a provider to call someone on our behalf and to bring the
// call to our user agent.
type PlaceRequest struct {
	CallID    string // our call
	Attempt   string // id of the committed attempt; one request per attempt, ever
	To        string // the client's number, digits only
	From      string // caller number asked for, or ""
	Extension string // the provider's extension that our user agent answers
	Ref       string // the asker's own reference; free text
}

// PlaceResult is what a provider said when it took the request.
type PlaceResult struct {
	ProviderCallID string // "" where it names none
}

// PlaceRefused is a provider's clear no: nothing will ring for this attempt.
type PlaceRefused struct {
	Reason string // a sentence for people, without numbers or secrets
	Err    error  // cause, may be nil
}

// Error makes *PlaceRefused an error.
func (e *PlaceRefused) Error() string { return "the provider refused: " + e.Reason }

// Unwrap gives the cause.
func (e *PlaceRefused) Unwrap() error { return e.Err }

// PlaceUnknown says that the request left us and no usable answer came: the
// call may ring all the same, so nobody may place it a second time.
type PlaceUnknown struct {
	Reason string // a sentence for people, without numbers or secrets
	Err    error  // cause, may be nil
}

// Error makes *PlaceUnknown an error.
func (e *PlaceUnknown) Error() string {
	return "the provider may have placed the call: " + e.Reason
}

// Unwrap gives the cause.
func (e *PlaceUnknown) Unwrap() error { return e.Err }
