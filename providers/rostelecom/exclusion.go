package rostelecom

import (
	"context"
	"fmt"

	"zvonar/internal/calls"
)

// kindAmoCRM is what excludes number_info: the integration with amoCRM routes callers
// itself, and the virtual PBX allows one of the two.
const kindAmoCRM = "amocrm"

// numberInfo says which way number_info is in use; "": it is not.
func (p *Provider) numberInfo() string {
	switch {
	case p.set.Info.On:
		return "number_info.on"
	case p.crm != nil:
		return "crm"
	}
	return ""
}

// Excludes implements providers.Excluder.
func (p *Provider) Excludes(kind string) string {
	if kind != kindAmoCRM || p.numberInfo() == "" {
		return ""
	}
	return fmt.Sprintf("the integration with amoCRM and number_info exclude each other: the provider %q has number_info in use (%s in its settings); switch that off first", p.name, p.numberInfo())
}

// Start implements providers.Service. number_info does not begin beside an integration
// with amoCRM that stands already.
func (p *Provider) Start(ctx context.Context) error {
	if p.numberInfo() == "" {
		return nil
	}
	var hooks []*calls.Webhook
	err := p.house.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		hooks, err = tx.Webhooks(p.account())
		return err
	})
	if err != nil {
		return err
	}
	for _, w := range hooks {
		if w.Kind == kindAmoCRM && !w.Disabled {
			return fmt.Errorf("number_info and the integration with amoCRM exclude each other: the account %q has that integration (destination %s); delete it first, or take %s out of the settings of the provider %q",
				w.Account, w.ID, p.numberInfo(), p.name)
		}
	}
	return nil
}
