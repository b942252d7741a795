package calls

// FingerprintReads reads the known announcements.
type FingerprintReads interface {
	// Fingerprints lists those of an account ("" = all), oldest first.
	Fingerprints(account string) ([]*Fingerprint, error)
}

// FingerprintWrites changes them.
type FingerprintWrites interface {
	InsertFingerprint(*Fingerprint) error
	// DeleteFingerprint reports whether it was there.
	DeleteFingerprint(account, id string) (bool, error)
}
