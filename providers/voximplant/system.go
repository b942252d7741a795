package voximplant

import (
	"zvonar/internal/outbox"
	"zvonar/providers"
)

// System is Voximplant as a client and as a facade.
func System() providers.System {
	return providers.System{
		Kind: Kind, New: newClient, Facade: newFacade, Needs: needs, Keys: keyForm(),
		Sinks:   func(*providers.House) []outbox.Sink { return []outbox.Sink{sink{}} },
		Console: samples,
	}
}
