package store

// ProviderCall implements calls.ProviderCallReads.
func (t *tx) ProviderCall(account, provider, providerCallID string) (string, error) {
	return one(t, scalar[string], `SELECT call_id FROM provider_calls WHERE account = ? AND provider = ? AND provider_call_id = ?`,
		account, provider, providerCallID)
}

// NameProviderCall implements calls.ProviderCallWrites.
func (t *tx) NameProviderCall(account, provider, providerCallID, callID string) error {
	_, err := t.exec(`INSERT INTO provider_calls (account, provider, provider_call_id, call_id) VALUES (?, ?, ?, ?)
		ON CONFLICT (account, provider, provider_call_id) DO NOTHING`, account, provider, providerCallID, callID)
	return err
}
