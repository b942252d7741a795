package api

import (
	"errors"

	"zvonar/internal/calls"
)

// seedForeignProvider gives another account a key, an exchange and a certificate.
func seedForeignProvider(tx calls.Tx) error {
	return errors.Join(
		tx.PutFacadeKey(&calls.FacadeKey{ID: "key_foreign", Account: foreign, Kind: "y", Name: foreign, Public: "foreign-public", Secret: "foreign-secret", CreatedAt: noon}),
		tx.InsertExchange(&calls.Exchange{Account: foreign, Kind: "y", Provider: "foreign-provider", Method: "foreign-method", Correlation: "foreign-call", At: noon, Request: foreignNumber}),
		tx.PutProviderCertificate(calls.ProviderCertificate{Provider: "foreign-provider", Fingerprint: "f1", PEM: foreign, AddedBy: foreign, AddedAt: noon}))
}

// foreignProviders are the requests for what belongs to another account's providers.
var foreignProviders = map[string]foreignRequest{
	"POST /v1/bot/zvonobot_call":                             {body: `{"number":"78009990000","client_phone":"79004443322","record_id":"own-recording"}`, want: 422, why: "his number is none of ours"},
	"POST /v1/bot/zvonobot_digits_call":                      {body: `{"number":"78009990000","client_phone":"79004443322","record_id":"7700077","payload":[]}`, want: 422, why: "his clip is none of ours"},
	"GET /v1/keys/{id}":                                      {path: "/v1/keys/key_foreign"},
	"PUT /v1/keys/{id}":                                      {path: "/v1/keys/key_foreign", body: `{"name":"mine"}`},
	"DELETE /v1/keys/{id}":                                   {path: "/v1/keys/key_foreign"},
	"POST /v1/keys/{id}/rotate":                              {path: "/v1/keys/key_foreign/rotate"},
	"POST /v1/keys":                                          {body: `{"kind":"y","name":"x","account":"foreign"}`, want: 422, why: "another account looks like none"},
	"DELETE /v1/exchanges":                                   {want: 200, why: "clears the asker's own; the foreign rows are compared afterwards"},
	"GET /v1/providers/{name}/samples":                       {path: "/v1/providers/foreign-provider/samples"},
	"POST /v1/providers/{name}/test":                         {path: "/v1/providers/foreign-provider/test", body: `{"method":"m"}`},
	"POST /v1/providers/{name}/sign":                         {path: "/v1/providers/foreign-provider/sign", body: `{"method":"m"}`},
	"GET /v1/providers/{name}/tls":                           {path: "/v1/providers/foreign-provider/tls"},
	"PUT /v1/providers/{name}/tls":                           {path: "/v1/providers/foreign-provider/tls", body: `{"mode":"off"}`},
	"GET /v1/providers/{name}/certificate":                   {path: "/v1/providers/foreign-provider/certificate"},
	"POST /v1/providers/{name}/certificates":                 {path: "/v1/providers/foreign-provider/certificates", body: somePEMBody},
	"DELETE /v1/providers/{name}/certificates/{fingerprint}": {path: "/v1/providers/foreign-provider/certificates/f1"},
}
