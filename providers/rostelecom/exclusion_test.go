package rostelecom

import (
	"context"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

func TestNumberInfoAndAmoCRMExcludeEachOther(t *testing.T) {
	t.Parallel()
	present := &calls.Webhook{ID: "wh_7", Account: "main", Kind: kindAmoCRM}
	for name, c := range map[string]struct {
		settings string
		hook     *calls.Webhook
		excludes bool
		starts   bool
	}{
		"number_info answers":                 {"number_info: {on: true}", nil, true, true},
		"number_info asks":                    {"crm: {url: \"http://127.0.0.1:1\", client_id: a, sign_key: b}", nil, true, true},
		"no number_info":                      {"", present, false, true},
		"number_info beside amoCRM":           {"number_info: {on: true}", present, true, false},
		"number_info beside what was amoCRM":  {"number_info: {on: true}", &calls.Webhook{ID: "wh_7", Kind: kindAmoCRM, Disabled: true}, true, true},
		"number_info beside another receiver": {"number_info: {on: true}", &calls.Webhook{ID: "wh_8", Kind: "bitrix24"}, true, true},
	} {
		w := newWorld(t, c.settings)
		store := &officeStore{Store: w.house.Memory}
		if c.hook != nil {
			store.hooks = []*calls.Webhook{c.hook}
		}
		w.p.house.Store = store
		if why := w.p.Excludes(kindAmoCRM); (why != "") != c.excludes || c.excludes && !strings.Contains(why, `"rt"`) {
			t.Errorf("%s: %q", name, why)
		}
		if why := w.p.Excludes("bitrix24"); why != "" {
			t.Errorf("%s: %q", name, why)
		}
		if err := w.p.Start(context.Background()); (err == nil) != c.starts || err != nil && !strings.Contains(err.Error(), "wh_7") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
