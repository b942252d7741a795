package calls

import "time"

// ProviderReads read what the providers' world keeps: keys of facades, exchanges,
// certificates.
type ProviderReads interface {
	// FacadeKeys lists the keys of an account ("" = all), oldest first, the revoked too.
	FacadeKeys(account string) ([]*FacadeKey, error)
	FacadeKey(account, id string) (*FacadeKey, error) // account "" = any
	// FacadeKeyOf finds the key of a kind that requests name public, revoked or not.
	FacadeKeyOf(kind, public string) (*FacadeKey, error)

	// Exchanges lists newest first; after a cursor (After) oldest first.
	Exchanges(ExchangeFilter) ([]Exchange, error)

	// ProviderTLS is the mode of TLS that people chose: on, off, or "" for that of the settings.
	ProviderTLS(provider string) (mode string, err error)
	// ProviderCertificates lists the certificates that people added, oldest first.
	ProviderCertificates(provider string) ([]ProviderCertificate, error)
}

// ProviderWrites change it.
type ProviderWrites interface {
	// PutFacadeKey inserts or replaces; LastUsedAt is not looked at. Another key of
	// the kind with this Public: Error{Code: wrong-state}.
	PutFacadeKey(*FacadeKey) error
	// TouchFacadeKey notes that a key was used at at, unless a later use is noted.
	TouchFacadeKey(id string, at time.Time) error

	// InsertExchange gives x its ID.
	InsertExchange(x *Exchange) error
	// TrimExchanges removes those of before a time (zero: none) and all but the last most.
	TrimExchanges(before time.Time, most int) (removed int, err error)
	// ClearExchanges removes those that the filter selects; Cursor, After and Limit do not count.
	ClearExchanges(ExchangeFilter) (removed int, err error)

	PutProviderTLS(provider, mode string) error
	PutProviderCertificate(ProviderCertificate) error
	DeleteProviderCertificate(provider, fingerprint string) error
}

// ExchangeFilter selects exchanges. Zero fields do not filter.
type ExchangeFilter struct {
	// Account: those of this account; with Unowned also those of nobody (requests
	// whose key was not known).
	Account string
	Unowned bool
	Kind    string
	// Provider is a configured name; Facades selects those of none.
	Provider string
	Facades  bool
	Method   string
	Outgoing *bool
	CallID   string
	Before   int64 // ID of the last one seen, going back
	After    int64 // ID of the last one seen, going on; 0 and a list goes back
	Limit    int   // 1–500
}

// ProviderCertificate is one that people trust, in the connections of one provider.
type ProviderCertificate struct {
	Provider    string
	Fingerprint string // hex SHA-256 of the certificate
	PEM         string
	AddedBy     string
	AddedAt     time.Time
}
