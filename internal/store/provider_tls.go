package store

import (
	"errors"

	"zvonar/internal/calls"
)

// ProviderTLS implements calls.ProviderReads.
func (t *tx) ProviderTLS(provider string) (string, error) {
	mode, err := one(t, scalar[string], `SELECT mode FROM provider_tls WHERE provider = ?`, provider)
	if errors.Is(err, calls.ErrNotFound) {
		return "", nil
	}
	return mode, err
}

// PutProviderTLS implements calls.ProviderWrites.
func (t *tx) PutProviderTLS(provider, mode string) error {
	_, err := t.exec(`INSERT INTO provider_tls (provider, mode) VALUES (?, ?) ON CONFLICT (provider) DO UPDATE SET mode = excluded.mode`, provider, mode)
	return err
}

// ProviderCertificates implements calls.ProviderReads.
func (t *tx) ProviderCertificates(provider string) ([]calls.ProviderCertificate, error) {
	return many(t, func(sc scanner) (c calls.ProviderCertificate, err error) {
		var at int64
		err = sc.Scan(&c.Provider, &c.Fingerprint, &c.PEM, &c.AddedBy, &at)
		c.AddedAt = fromMicros(at)
		return c, err
	}, `SELECT provider, fingerprint, pem, added_by, added_at FROM provider_certificates WHERE provider = ? ORDER BY added_at, fingerprint`, provider)
}

// PutProviderCertificate implements calls.ProviderWrites.
func (t *tx) PutProviderCertificate(c calls.ProviderCertificate) error {
	_, err := t.exec(`INSERT INTO provider_certificates (provider, fingerprint, pem, added_by, added_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (provider, fingerprint) DO NOTHING`, c.Provider, c.Fingerprint, c.PEM, c.AddedBy, micros(c.AddedAt))
	return err
}

// DeleteProviderCertificate implements calls.ProviderWrites.
func (t *tx) DeleteProviderCertificate(provider, fingerprint string) error {
	return changedOne(t.exec(`DELETE FROM provider_certificates WHERE provider = ? AND fingerprint = ?`, provider, fingerprint))
}
