package beeline

import (
	"zvonar/internal/outbox"
	"zvonar/providers"
)

// System is Beeline's Cloud PBX: a client, a facade, and the events of its XSI.
func System() providers.System {
	return providers.System{
		Kind: Kind, New: open, Facade: newFacade, Needs: needs(),
		Sinks:   func(h *providers.House) []outbox.Sink { return []outbox.Sink{sink{h}} },
		Console: samples(),
	}
}
