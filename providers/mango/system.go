package mango

import (
	"zvonar/internal/outbox"
	"zvonar/providers"
)

// Kind is the provider's name in configurations and under /compat/.
const Kind = "mango"

// System is MANGO OFFICE as a whole.
func System() providers.System {
	return providers.System{
		Kind: Kind,
		New: func(h *providers.House, name string, s providers.Settings) (providers.Provider, error) {
			return newClient(h, name, s)
		},
		Facade:  newFacade,
		Needs:   needs,
		Sinks:   func(h *providers.House) []outbox.Sink { return []outbox.Sink{sink{h}} },
		Keys:    providers.KeyForm{Signed: true},
		Console: samples(),
	}
}

// samples are the requests of the debug console, in both directions.
func samples() (list []providers.Sample) {
	for _, m := range methods {
		list = append(list, providers.Sample{Method: m.path, Outgoing: true, Title: m.title, Body: m.sample},
			providers.Sample{Method: m.path, Title: m.title + " (facade)", Body: m.sample})
	}
	return list
}
