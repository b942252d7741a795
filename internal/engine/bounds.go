package engine

// What one call may do, however long somebody leans on a key.
const (
	maxDigits   = 1000 // digits heard; those that follow do nothing
	maxAttempts = 20   // attempts of a call: the customer's and the managers'
	maxTexts    = 5    // texts that one call may send
)
