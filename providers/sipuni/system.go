package sipuni

import (
	"crypto/rand"
	"math/big"
	"strconv"

	"zvonar/internal/outbox"
	"zvonar/providers"
)

// Kind is the name of the service: in the configuration, under /compat/, in metrics.
const Kind = "sipuni"

// System is the folder as the binary lists it.
func System() providers.System {
	return providers.System{
		Kind:    Kind,
		New:     newClient,
		Facade:  newFacade,
		Needs:   needs,
		Keys:    providers.KeyForm{Signed: true, Public: newUser},
		Sinks:   func(h *providers.House) []outbox.Sink { return []outbox.Sink{sink{h}} },
		Console: samples,
	}
}

// newUser makes the number of an account: six digits, the first not zero, for
// software that takes it for a number loses zeros.
func newUser() string {
	n, err := rand.Int(rand.Reader, big.NewInt(900_000))
	if err != nil { // crypto/rand does not fail
		panic(err)
	}
	return strconv.FormatInt(100_000+n.Int64(), 10)
}
