package rostelecom

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"

	"zvonar/internal/outbox"
	"zvonar/providers"
)

// Kind is the name of the system.
const Kind = "rostelecom"

// System is Rostelecom's virtual PBX.
func System() providers.System {
	return providers.System{
		Kind: Kind,
		New: func(h *providers.House, name string, s providers.Settings) (providers.Provider, error) {
			return newProvider(h, name, s)
		},
		Needs: needs, Facade: func(h *providers.House, s providers.Settings) (http.Handler, error) { return newFacade(h, s) },
		Keys:  providers.KeyForm{Signed: true, Public: code, Secret: code},
		Sinks: func(h *providers.House) []outbox.Sink { return []outbox.Sink{sink{h}} },

		Console: samples(),
	}
}

// code is 32 hex digits in capitals, as the cabinet issues identification codes and
// sign keys.
func code() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return strings.ToUpper(hex.EncodeToString(b[:]))
}
