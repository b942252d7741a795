package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

// KeyForm says how the keys of one kind of facade look.
type KeyForm struct {
	// Public and Secret make new values; nil: 32 random letters and digits.
	Public, Secret func() string
	// Extra makes what the kind keeps besides (it sets k.Extra), and what the owner is
	// shown once; nil: nothing.
	Extra func(k *calls.FacadeKey) (shown map[string]string, err error)
	// Events: events can be sent in the dialect of this kind.
	Events bool
}

// leastKeySecret is the shortest secret that somebody may choose himself.
const leastKeySecret = 8

func (s *Server) declareKeys() {
	register(s, calls.PermAdmin, huma.Operation{OperationID: "list-keys", Method: http.MethodGet, Path: "/v1/keys",
		Summary: "List the keys of facades", Tags: []string{"providers"}}, s.listKeys)
	register(s, calls.PermAdmin, huma.Operation{OperationID: "create-key", Method: http.MethodPost, Path: "/v1/keys",
		Summary: "Issue a key of a facade; its secret is shown once", DefaultStatus: http.StatusCreated, Tags: []string{"providers"}}, s.createKey)
	register(s, calls.PermAdmin, huma.Operation{OperationID: "get-key", Method: http.MethodGet, Path: "/v1/keys/{id}",
		Summary: "Show a key of a facade", Tags: []string{"providers"}}, s.getKey)
	register(s, calls.PermAdmin, huma.Operation{OperationID: "change-key", Method: http.MethodPut, Path: "/v1/keys/{id}",
		Summary: "Rename a key, choose its roles, networks and where its events go", Tags: []string{"providers"}}, s.putKey)
	register(s, calls.PermAdmin, huma.Operation{OperationID: "rotate-key", Method: http.MethodPost, Path: "/v1/keys/{id}/rotate",
		Summary: "Make a new secret, shown once; the old one works a while longer", DefaultStatus: http.StatusCreated, Tags: []string{"providers"}}, s.rotateKey)
	register(s, calls.PermAdmin, huma.Operation{OperationID: "revoke-key", Method: http.MethodDelete, Path: "/v1/keys/{id}",
		Summary: "Revoke a key at once; its events stop", Tags: []string{"providers"}}, s.revokeKey)
}

// KeyPath names the key a request is about.
type KeyPath struct {
	ID string `path:"id" maxLength:"128"`
}

type keyOutput struct{ Body KeyResource }

type newKeyOutput struct{ Body NewKeyResource }

type keyListOutput struct{ Body List[KeyResource] }

type listKeysInput struct {
	Page
	Kind    string `query:"kind" maxLength:"64"`
	Account string `query:"account" maxLength:"64" doc:"of this account; another than your own needs an admin token of main"`
}

func (s *Server) listKeys(ctx context.Context, in *listKeysInput) (*keyListOutput, error) {
	account, err := s.tokenAccount(ctx, in.Account, "query.account")
	if err != nil {
		return nil, err
	}
	var rows []KeyResource
	err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		keys, err := tx.FacadeKeys(account)
		if err != nil {
			return err
		}
		hooks, err := tx.Webhooks(account)
		for _, k := range slices.Backward(keys) {
			if (in.Kind == "" || k.Kind == in.Kind) && (in.Cursor == "" || k.ID < in.Cursor) && len(rows) < in.size() {
				rows = append(rows, viewKey(k, hookOf(hooks, k)))
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &keyListOutput{Body: listOf(rows, in.size(), func(k KeyResource) KeyResource { return k }, func(k KeyResource) string { return k.ID })}, nil
}

// hookOf finds the destination that follows a key.
func hookOf(hooks []*calls.Webhook, k *calls.FacadeKey) *calls.Webhook {
	for _, w := range hooks {
		if w.Key == k.ID && w.Kind == k.Kind && w.CallID == "" {
			return w
		}
	}
	return nil
}

func (s *Server) getKey(ctx context.Context, in *KeyPath) (*keyOutput, error) {
	var out KeyResource
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		k, err := keyFor(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		hooks, err := tx.Webhooks(k.Account)
		out = viewKey(k, hookOf(hooks, k))
		return err
	})
	return &keyOutput{Body: out}, err
}

// keyFor finds a key that the asker, an admin, may see: his own account's, or as one
// of main anybody's.
func keyFor(ctx context.Context, tx calls.ReadTx, id string) (*calls.FacadeKey, error) {
	account := accountOf(ctx)
	if account == calls.MainAccount {
		account = ""
	}
	return tx.FacadeKey(account, id)
}

// KeyChange is what may be chosen of a key.
type KeyChange struct {
	Name           string             `json:"name" minLength:"1" maxLength:"64"`
	Roles          []calls.Permission `json:"roles,omitempty" maxItems:"5" nullable:"false" enum:"viewer,caller,moderator,operator,admin" doc:"caller where left out"`
	AllowFrom      []string           `json:"allow_from,omitempty" maxItems:"32" nullable:"false" doc:"networks it may be used from; anywhere where left out" example:"[\"192.0.2.0/24\"]"`
	EventsURL      string             `json:"events_url,omitempty" maxLength:"2048" doc:"where events go in the dialect of the kind; nowhere where left out"`
	EventsSettings json.RawMessage    `json:"events_settings,omitempty" doc:"what the kind keeps of that address, see docs/providers.md"`
}

type createKeyInput struct {
	Body struct {
		KeyChange
		Kind    string `json:"kind" minLength:"1" maxLength:"64" doc:"of the facade: sipuni, mango, …"`
		Public  string `json:"public,omitempty" maxLength:"128" doc:"what requests name the key by; made for you where left out"`
		Secret  string `json:"secret,omitempty" maxLength:"256" doc:"at least 8 characters; made for you where left out. For software whose credentials cannot be changed"`
		Account string `json:"account,omitempty" maxLength:"64" doc:"whose calls it places: your own account's where left out; another needs an admin token of main"`
	} `nameHint:"KeyRequest"`
}

func (s *Server) createKey(ctx context.Context, in *createKeyInput) (*newKeyOutput, error) {
	b := in.Body
	form, ok := s.cfg.KeyForms[b.Kind]
	if !ok {
		return nil, calls.Errorf(calls.CodeInvalidField, "there are no keys of this kind; kinds with keys: %s", strings.Join(slices.Sorted(maps.Keys(s.cfg.KeyForms)), ", ")).At("body.kind", b.Kind)
	}
	account, err := s.tokenAccount(ctx, b.Account, "body.account")
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	k := &calls.FacadeKey{ID: s.cfg.IDs.New("key_"), Account: account, Kind: b.Kind, Public: b.Public, Secret: b.Secret, CreatedAt: now}
	if k.Public == "" {
		k.Public = made(form.Public)
	}
	if err := s.chooseKey(ctx, k, b.KeyChange, form); err != nil {
		return nil, err
	}
	shown, err := fillKey(k, form)
	if err != nil {
		return nil, err
	}
	w, err := s.saveKey(ctx, "key.create", k, b.KeyChange, true)
	if err != nil {
		return nil, err
	}
	return &newKeyOutput{Body: NewKeyResource{KeyResource: viewKey(k, w), Secret: k.Secret, Shown: shown}}, nil
}
