package calls

import (
	"testing"
	"time"
)

func TestAConsentTakesWhatItDoesNotSayFromTheCampaigns(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	own, campaigns := &Consent{Basis: "contract 7"}, &Consent{Basis: "site", At: &at, Category: "debt"}
	if got := own.Or(campaigns); got.Basis != "contract 7" || got.At != &at || got.Category != "debt" {
		t.Errorf("it is %+v", got)
	}
	var none *Consent
	if none.Or(campaigns) != campaigns || own.Or(nil) != own || none.Or(nil) != nil {
		t.Error("one that is not there counts")
	}
}
