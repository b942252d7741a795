package voximplant

import (
	"zvonar/providers"
)

// System is Voximplant as a client and as a facade.
func System() providers.System {
	return providers.System{Kind: Kind, New: newClient, Console: samples}
}
