package store

import (
	"encoding/json"
	"fmt"

	"zvonar/internal/calls"
)

// readDoc reads a row that is its document.
func readDoc[T any](sc scanner) (*T, error) {
	var doc string
	if err := sc.Scan(&doc); err != nil {
		return nil, err
	}
	v := new(T)
	return v, json.Unmarshal([]byte(doc), v)
}

// docOf is the document of a row.
func docOf(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("store: a row cannot be written: %w", err)
	}
	return string(b), nil
}

// Employee implements calls.PeopleReads.
func (t *tx) Employee(account, id string) (*calls.Employee, error) {
	return one(t, readDoc[calls.Employee], `SELECT doc FROM employees WHERE id = ? AND (CAST(? AS TEXT) = '' OR account = ?)`, id, account, account)
}

// EmployeeByExtension implements calls.PeopleReads.
func (t *tx) EmployeeByExtension(account, extension string) (*calls.Employee, error) {
	return one(t, readDoc[calls.Employee], `SELECT doc FROM employees WHERE account = ? AND extension = ? AND extension <> ''`, account, extension)
}

// EmployeeBySIPUser implements calls.PeopleReads.
func (t *tx) EmployeeBySIPUser(user string) (*calls.Employee, error) {
	return one(t, readDoc[calls.Employee], `SELECT doc FROM employees WHERE sip_user = ? AND sip_user <> ''`, user)
}

// Employees implements calls.PeopleReads.
func (t *tx) Employees(account, after string, limit int) ([]*calls.Employee, error) {
	return many(t, readDoc[calls.Employee], `SELECT doc FROM employees WHERE (account = ?1 OR ?1 = '') AND id > ?2 ORDER BY id LIMIT ?3`, account, after, limited(limit, 500))
}

// PutEmployee implements calls.PeopleWrites.
func (t *tx) PutEmployee(e *calls.Employee) error {
	row := *e
	row.CreatedAt, row.UpdatedAt = stored(e.CreatedAt), stored(e.UpdatedAt)
	doc, err := docOf(row)
	if err != nil {
		return err
	}
	for _, k := range []struct{ field, query, value string }{
		{"body.extension", `SELECT id FROM employees WHERE account = ?2 AND extension = ?1 AND extension <> '' AND id <> ?3`, e.Extension},
		{"body.sip_user", `SELECT id FROM employees WHERE sip_user = ?1 AND sip_user <> '' AND id <> ?3 AND (account = ?2 OR account <> ?2)`, e.SIPUser},
	} {
		others, err := many(t, scalar[string], k.query, k.value, e.Account, e.ID)
		if err != nil {
			return err
		}
		if k.value != "" && len(others) > 0 {
			return calls.Errorf(calls.CodeInvalidField, "another employee has it already").At(k.field, k.value)
		}
	}
	_, err = t.exec(`INSERT INTO employees (id, account, extension, phone, sip_user, created_at, doc) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET extension = excluded.extension, phone = excluded.phone, sip_user = excluded.sip_user, doc = excluded.doc
		WHERE employees.account = excluded.account`,
		e.ID, e.Account, e.Extension, e.Phone, e.SIPUser, micros(e.CreatedAt), doc)
	return err
}

// DeleteEmployee implements calls.PeopleWrites.
func (t *tx) DeleteEmployee(account, id string) (bool, error) {
	n, err := t.exec(`DELETE FROM employees WHERE account = ? AND id = ?`, account, id)
	return n > 0, err
}

// Group implements calls.PeopleReads.
func (t *tx) Group(account, name string) (*calls.Group, error) {
	return one(t, readDoc[calls.Group], `SELECT doc FROM hunt_groups WHERE account = ? AND name = ?`, account, name)
}

// Groups implements calls.PeopleReads.
func (t *tx) Groups(account, after string, limit int) ([]*calls.Group, error) {
	return many(t, readDoc[calls.Group], `SELECT doc FROM hunt_groups WHERE account = ? AND name > ? ORDER BY name LIMIT ?`, account, after, limited(limit, 500))
}

// PutGroup implements calls.PeopleWrites.
func (t *tx) PutGroup(g *calls.Group) error {
	row := *g
	row.CreatedAt, row.UpdatedAt = stored(g.CreatedAt), stored(g.UpdatedAt)
	doc, err := docOf(row)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO hunt_groups (account, name, created_at, doc) VALUES (?, ?, ?, ?)
		ON CONFLICT (account, name) DO UPDATE SET doc = excluded.doc`, g.Account, g.Name, micros(g.CreatedAt), doc)
	return err
}

// DeleteGroup implements calls.PeopleWrites.
func (t *tx) DeleteGroup(account, name string) (bool, error) {
	n, err := t.exec(`DELETE FROM hunt_groups WHERE account = ? AND name = ?`, account, name)
	return n > 0, err
}
