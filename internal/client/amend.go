package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// Amend changes fields of the resource at path, which is escaped already and whose
// PUT replaces it whole: of what else PUT reads, named by kept, it sends back what
// GET gave. out is the resource as it is then.
func (c *Client) Amend(ctx context.Context, path string, kept []string, changes map[string]any, out any) error {
	var old map[string]json.RawMessage
	if err := c.Do(ctx, http.MethodGet, path, nil, &old); err != nil {
		return err
	}
	body := map[string]any{}
	for _, name := range kept {
		if v, ok := old[name]; ok && string(v) != "null" {
			body[name] = v
		}
	}
	for name, v := range changes {
		body[name] = v
	}
	return c.Do(ctx, http.MethodPut, path, body, out)
}
