package rostelecom

import "zvonar/internal/calls"

// account is whose calls those of this provider are.
func (p *Provider) account() string {
	if p.house.AccountOf != nil {
		if a := p.house.AccountOf(p.name); a != "" {
			return a
		}
	}
	return calls.MainAccount
}

// foreign hears an event of a session that we did not ask for.
func (p *Provider) foreign(e event) {
	p.log.Debug("an event of a call that was not asked for by us", "session", string(e.SessionID), "state", string(e.State))
}
