package api

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

// maxCertificates bounds what is trusted for one provider.
const maxCertificates = 20

func (s *Server) declareProviderTLS() {
	register(s, calls.PermOperator, huma.Operation{OperationID: "get-provider-tls", Method: http.MethodGet, Path: "/v1/providers/{name}/tls",
		Summary: "Show how a provider is spoken to: TLS, and whom we trust", Tags: []string{"providers"}}, s.getProviderTLS)
	register(s, calls.PermAdmin, huma.Operation{OperationID: "change-provider-tls", Method: http.MethodPut, Path: "/v1/providers/{name}/tls",
		Summary: "Switch TLS towards a provider on or off", Tags: []string{"providers"}}, s.putProviderTLS)
	register(s, calls.PermAdmin, huma.Operation{OperationID: "add-provider-certificate", Method: http.MethodPost, Path: "/v1/providers/{name}/certificates",
		Summary: "Trust a certificate of a provider", DefaultStatus: http.StatusCreated, Tags: []string{"providers"}}, s.addCertificate)
	register(s, calls.PermAdmin, huma.Operation{OperationID: "delete-provider-certificate", Method: http.MethodDelete, Path: "/v1/providers/{name}/certificates/{fingerprint}",
		Summary: "Trust a certificate no more", Tags: []string{"providers"}}, s.deleteCertificate)
	register(s, calls.PermOperator, huma.Operation{OperationID: "get-own-certificate", Method: http.MethodGet, Path: "/v1/providers/{name}/certificate",
		Summary: "Our own certificate, for the provider to trust", Tags: []string{"providers"}}, s.ownCertificate)
}

// TrustedView is a certificate that is trusted.
type TrustedView struct {
	Fingerprint string      `json:"fingerprint" doc:"SHA-256, hex"`
	Subject     string      `json:"subject"`
	NotAfter    calls.Stamp `json:"not_after"`
	AddedBy     string      `json:"added_by"`
	AddedAt     calls.Stamp `json:"added_at"`
}

func viewTrusted(c calls.ProviderCertificate) TrustedView {
	out := TrustedView{Fingerprint: c.Fingerprint, AddedBy: c.AddedBy, AddedAt: calls.Stamp(c.AddedAt)}
	if block, _ := pem.Decode([]byte(c.PEM)); block != nil {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			out.Subject, out.NotAfter = cert.Subject.String(), calls.Stamp(cert.NotAfter.UTC())
		}
	}
	return out
}

type providerTLSOutput struct {
	Body struct {
		Mode  string        `json:"mode" enum:"on,off,configured" doc:"configured: as tls.mode of the settings says"`
		Trust []TrustedView `json:"trust" nullable:"false" doc:"certificates that were added here, besides those of the settings"`
	} `nameHint:"ProviderTLS"`
}

// configuredTLS is the mode where nobody chose another.
const configuredTLS = "configured"

func (s *Server) getProviderTLS(ctx context.Context, in *ProviderPath) (*providerTLSOutput, error) {
	if err := s.cfg.Console.MayChange(accountOf(ctx), in.Name); err != nil {
		return nil, err
	}
	out := &providerTLSOutput{}
	out.Body.Trust = []TrustedView{}
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		mode, err := tx.ProviderTLS(in.Name)
		if out.Body.Mode = mode; mode == "" {
			out.Body.Mode = configuredTLS
		}
		list, err2 := tx.ProviderCertificates(in.Name)
		for _, c := range list {
			out.Body.Trust = append(out.Body.Trust, viewTrusted(c))
		}
		return errors.Join(err, err2)
	})
	return out, err
}

type putProviderTLSInput struct {
	ProviderPath
	Body struct {
		Mode string `json:"mode" enum:"on,off,configured"`
	} `nameHint:"ProviderTLSRequest"`
}

func (s *Server) putProviderTLS(ctx context.Context, in *putProviderTLSInput) (*providerTLSOutput, error) {
	mode := in.Body.Mode
	if mode == configuredTLS {
		mode = ""
	}
	err := s.changeProvider(ctx, in.Name, "provider.tls", in.Body.Mode, func(tx calls.Tx) error { return tx.PutProviderTLS(in.Name, mode) })
	if err != nil {
		return nil, err
	}
	return s.getProviderTLS(ctx, &in.ProviderPath)
}

// changeProvider changes how a provider is spoken to, with its audit entry.
func (s *Server) changeProvider(ctx context.Context, name, action, detail string, change func(calls.Tx) error) error {
	if err := s.cfg.Console.MayChange(accountOf(ctx), name); err != nil {
		return err
	}
	return s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return tx.Audit(calls.AuditEntry{Account: accountOf(ctx), Actor: actorOf(ctx), Action: action, Object: "provider:" + name, At: s.clock.Now(), Detail: detail})
	})
}

type addCertificateInput struct {
	ProviderPath
	Body struct {
		PEM string `json:"pem" minLength:"1" maxLength:"65536" doc:"one certificate: of an authority, or the other side's own"`
	} `nameHint:"CertificateRequest"`
}

type trustedOutput struct{ Body TrustedView }

func (s *Server) addCertificate(ctx context.Context, in *addCertificateInput) (*trustedOutput, error) {
	block, rest := pem.Decode([]byte(in.Body.PEM))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, calls.Errorf(calls.CodeInvalidField, "is no certificate in PEM (-----BEGIN CERTIFICATE-----)").At("body.pem", nil)
	}
	if more, _ := pem.Decode(rest); more != nil {
		return nil, calls.Errorf(calls.CodeInvalidField, "holds several; add one after the other").At("body.pem", nil)
	}
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		return nil, calls.Errorf(calls.CodeInvalidField, "is no certificate that can be read: %s", err).At("body.pem", nil)
	}
	sum := sha256.Sum256(block.Bytes)
	c := calls.ProviderCertificate{Provider: in.Name, Fingerprint: hex.EncodeToString(sum[:]), PEM: string(pem.EncodeToMemory(block)), AddedBy: actorOf(ctx), AddedAt: s.clock.Now()}
	err := s.changeProvider(ctx, in.Name, "provider.trust", c.Fingerprint, func(tx calls.Tx) error {
		have, err := tx.ProviderCertificates(in.Name)
		if err != nil {
			return err
		}
		if len(have) >= maxCertificates {
			return calls.Errorf(calls.CodeWrongState, "%d certificates are trusted already; remove one first", len(have))
		}
		return tx.PutProviderCertificate(c)
	})
	if err != nil {
		return nil, err
	}
	return &trustedOutput{Body: viewTrusted(c)}, nil
}

type deleteCertificateInput struct {
	ProviderPath
	Fingerprint string `path:"fingerprint" maxLength:"64"`
}

func (s *Server) deleteCertificate(ctx context.Context, in *deleteCertificateInput) (*struct{}, error) {
	return nil, s.changeProvider(ctx, in.Name, "provider.distrust", in.Fingerprint, func(tx calls.Tx) error {
		return tx.DeleteProviderCertificate(in.Name, in.Fingerprint)
	})
}

type certificateOutput struct {
	Body struct {
		PEM string `json:"pem"`
	} `nameHint:"Certificate"`
}

func (s *Server) ownCertificate(ctx context.Context, in *ProviderPath) (*certificateOutput, error) {
	out := &certificateOutput{}
	data, err := s.cfg.Console.Certificate(accountOf(ctx), in.Name)
	out.Body.PEM = string(data)
	return out, err
}
