package main

import (
	"zvonar/providers"
	"zvonar/providers/beeline"
	"zvonar/providers/mango"
	"zvonar/providers/rostelecom"
	"zvonar/providers/salebot"
	"zvonar/providers/sipuni"
	"zvonar/providers/voximplant"
	"zvonar/providers/zvonobot"
)

// systems are the providers whose folders zvonar knows, one line each. The kind http
// (providers/httpcall) is described by configuration alone and stands apart.
func systems() []providers.System {
	return []providers.System{
		beeline.System(),
		mango.System(),
		rostelecom.System(),
		salebot.System(),
		sipuni.System(),
		zvonobot.System(),
		voximplant.System(),
	}
}

// systemOf finds the system of a kind.
func systemOf(kind string) (providers.System, bool) {
	for _, s := range systems() {
		if s.Kind == kind {
			return s, true
		}
	}
	return providers.System{}, false
}
