package rostelecom

import (
	"context"

	"zvonar/internal/calls"
)

// User is one person of the domain.
type User struct {
	DisplayName string `json:"display_name"`
	Name        string `json:"name"`
	PIN         string `json:"pin"`
}

// Users asks for the address book of the domain; pin "" is everybody.
func (p *Provider) Users(ctx context.Context, pin string) ([]User, error) {
	var out struct {
		Users []struct {
			DisplayName text `json:"display_name"`
			Name        text `json:"name"`
			PIN         text `json:"pin"`
		} `json:"users"`
	}
	fields := map[string]string{}
	if p.set.Domain != "" {
		fields["domain"] = p.set.Domain
	}
	if pin != "" {
		fields["user_pin"] = pin
	}
	if err := p.ask(ctx, methodUsersInfo, "", fields, &out); err != nil {
		return nil, err
	}
	users := make([]User, 0, len(out.Users))
	for _, u := range out.Users {
		users = append(users, User{DisplayName: calls.Clean(string(u.DisplayName), 200), Name: calls.Clean(string(u.Name), 200), PIN: calls.Clean(string(u.PIN), 40)})
	}
	return users, nil
}
