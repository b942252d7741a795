package calls

import "time"

// TokenReads reads tokens.
type TokenReads interface {
	Tokens() ([]*Token, error)                // of every account: who asks is known only once they were compared
	Token(account, id string) (*Token, error) // account "" = any
}

// TokenWrites changes tokens.
type TokenWrites interface {
	// PutToken inserts or replaces. LastUsedAt is not looked at.
	PutToken(*Token) error
	// TouchToken notes that a token was used at at, unless a later use is noted.
	TouchToken(id string, at time.Time) error
}
