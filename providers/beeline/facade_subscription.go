package beeline

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"zvonar/internal/calls"
)

// ordered is what is kept of a subscription at our facade, as the settings of its
// destination.
type ordered struct {
	Pattern  string    `json:"pattern,omitempty"`  // as it was asked
	Employee string    `json:"employee,omitempty"` // id; "": the group
	User     string    `json:"user,omitempty"`     // his user id
	Domain   string    `json:"domain,omitempty"`   // of user ids
	Type     string    `json:"type"`
	Expires  time.Time `json:"expires"`
}

// wantedTypes are the events of ours that a subscription may tell of.
func wantedTypes() []calls.EventType {
	return []calls.EventType{calls.CallDialing, calls.CallBridging, calls.CallBridged, calls.CallAnswered, calls.CallCompleted}
}

// maxSubscriptions is how many an account may have: clients that renew without
// deleting would otherwise hear everything more and more often.
const maxSubscriptions = 500

func (f *facade) subscribe(a *asked) (any, error) {
	var in Subscription
	if err := a.body(&in); err != nil {
		return nil, err
	}
	o := ordered{Pattern: in.Pattern, Type: in.SubscriptionType, Domain: f.settings.UserDomain}
	if o.Type == "" {
		o.Type = basicCall
	}
	if !oneOf(o.Type, []string{basicCall, "ADVANCED_CALL"}) {
		return nil, &Refusal{http.StatusBadRequest, "ParameterInvalid", "subscriptionType is BASIC_CALL or ADVANCED_CALL"}
	}
	life := min(time.Duration(min(in.Expires, 1<<31))*time.Second, f.settings.MaxExpires)
	if life <= 0 {
		return nil, &Refusal{http.StatusBadRequest, "ParameterInvalid", "expires is needed: seconds"}
	}
	if in.Pattern != "" {
		e, err := f.who(a.Context(), a.account(), in.Pattern)
		if err != nil {
			return nil, err
		}
		o.Employee, o.User = e.ID, userID(e, f.settings.UserDomain)
	}
	if f.house.CheckURL != nil {
		if err := f.house.CheckURL(a.Context(), in.URL); err != nil {
			return nil, err
		}
	}
	now := f.house.Clock.Now()
	o.Expires = now.Add(life)
	w, err := f.keep(a.Context(), a.account(), in.URL, o)
	if err != nil {
		return nil, err
	}
	return Subscription{SubscriptionID: w.ID, Expires: Millis(life / time.Second)}, nil
}

// keep writes the destination of a subscription and drops those that have ended.
func (f *facade) keep(ctx context.Context, account, url string, o ordered) (*calls.Webhook, error) {
	settings, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	now := f.house.Clock.Now()
	w := &calls.Webhook{ID: f.house.IDs.New("sub_"), Kind: Kind, Account: account, URL: url, Types: wantedTypes(), Settings: settings, CreatedAt: now}
	err = f.house.Store.Update(ctx, func(tx calls.Tx) error {
		list, err := tx.Webhooks(account)
		if err != nil {
			return err
		}
		count := 0
		for _, old := range list {
			if old.Kind != Kind {
				continue
			}
			if had, err := orderOf(old); err != nil || now.After(had.Expires.Add(time.Hour)) { // its end was told, or cannot be
				if err := tx.DeleteWebhook(account, old.ID); err != nil {
					return err
				}
				continue
			}
			count++
		}
		if count >= maxSubscriptions {
			return &Refusal{http.StatusConflict, "TooManySubscriptions", "delete subscriptions that are no longer needed"}
		}
		return tx.PutWebhook(w)
	})
	return w, err
}

func orderOf(w *calls.Webhook) (o ordered, err error) {
	err = json.Unmarshal(w.Settings, &o)
	return o, err
}

var noSubscription = &Refusal{http.StatusNotFound, "SubscriptionNotFound", "there is no such subscription, or it has ended"}

// mine finds the subscription that a request names.
func (f *facade) mine(tx calls.ReadTx, a *asked) (*calls.Webhook, ordered, error) {
	w, err := tx.Webhook(a.account(), a.URL.Query().Get("subscriptionId"))
	if err != nil || w.Kind != Kind {
		return nil, ordered{}, noSubscription
	}
	o, err := orderOf(w)
	if err != nil {
		return nil, o, noSubscription
	}
	return w, o, nil
}

func (f *facade) showSubscription(a *asked) (any, error) {
	var w *calls.Webhook
	var o ordered
	if err := f.house.Store.View(a.Context(), func(tx calls.ReadTx) (err error) {
		w, o, err = f.mine(tx, a)
		return err
	}); err != nil {
		return nil, err
	}
	left := o.Expires.Sub(f.house.Clock.Now())
	if left <= 0 || w.Disabled {
		return nil, noSubscription
	}
	s := Subscription{SubscriptionID: w.ID, TargetType: "GROUP", SubscriptionType: o.Type, Expires: Millis(left / time.Second), URL: w.URL}
	if o.Employee != "" {
		s.TargetType, s.TargetID = "ABONENT", o.User
	}
	return s, nil
}

func (f *facade) unsubscribe(a *asked) (any, error) {
	err := f.house.Store.Update(a.Context(), func(tx calls.Tx) error {
		w, _, err := f.mine(tx, a)
		if err != nil {
			return err
		}
		return tx.DeleteWebhook(a.account(), w.ID)
	})
	return "OK", err
}
