package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// column is one column of a table as a backup knows it.
type column struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // int, text, blob
}

// table is one table of the schema.
type table struct {
	name    string
	columns []column
	counter string // column whose numbers the database gives; "": none
}

// catalogue asks a database for its tables, in an order in which rows can be
// inserted: what others refer to first. The schema's own version is left out.
func catalogue(ctx context.Context, c conn) (tables []table, err error) {
	query := `SELECT t.name, c.name, c.type, CASE WHEN t.sql LIKE '%AUTOINCREMENT%' AND c.pk = 1 THEN 1 ELSE 0 END
		FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.cid`
	var args []any
	if p, ok := c.(*postgresConn); ok {
		query, args = `SELECT CAST(c.table_name AS TEXT), CAST(c.column_name AS TEXT), CAST(c.data_type AS TEXT), CASE WHEN c.is_identity = 'YES' THEN 1 ELSE 0 END
			FROM information_schema.columns c JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
			WHERE c.table_schema = ? AND t.table_type = 'BASE TABLE' ORDER BY 1, c.ordinal_position`, []any{p.schema}
	}
	err = c.query(ctx, func(sc scanner) error {
		var name, col, typ string
		var counts bool
		if err := sc.Scan(&name, &col, &typ, &counts); err != nil {
			return err
		}
		kind, ok := kinds[strings.ToLower(typ)]
		if !ok {
			return fmt.Errorf("column %s.%s has the type %s, which a backup cannot hold", name, col, typ)
		}
		if len(tables) == 0 || tables[len(tables)-1].name != name {
			tables = append(tables, table{name: name})
		}
		t := &tables[len(tables)-1]
		t.columns = append(t.columns, column{col, kind})
		if counts {
			t.counter = col
		}
		return nil
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read the tables of the database: %w", err)
	}
	tables = slices.DeleteFunc(tables, func(t table) bool { return t.name == "schema_version" })
	slices.SortStableFunc(tables, func(a, b table) int { return rank(a) - rank(b) })
	return tables, nil
}

var kinds = map[string]string{
	"integer": "int", "bigint": "int", "smallint": "int", "text": "text", "blob": "blob", "bytea": "blob",
}

// rank puts the tables that foreign keys point at before the others.
func rank(t table) int {
	if t.name == "calls" {
		return 0
	}
	return 1
}

// lastNumber is the highest number that a counter has given, also to rows that
// are gone: none of them may be given again.
func lastNumber(ctx context.Context, c conn, t table) (n int64, err error) {
	read := func(sc scanner) error { return sc.Scan(&n) }
	if _, ok := c.(*postgresConn); ok {
		return n, c.query(ctx, read, `SELECT coalesce(pg_sequence_last_value(CAST(pg_get_serial_sequence(?, ?) AS regclass)), 0)`, t.name, t.counter)
	}
	return n, c.query(ctx, read, `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0)`, t.name)
}

// setLastNumber makes a counter go on behind n.
func setLastNumber(ctx context.Context, c conn, t table, n int64) error {
	if n == 0 {
		return nil
	}
	if _, ok := c.(*postgresConn); ok {
		_, err := c.exec(ctx, `SELECT setval(CAST(pg_get_serial_sequence(?, ?) AS regclass), ?)`, t.name, t.counter, n)
		return err
	}
	if _, err := c.exec(ctx, `DELETE FROM sqlite_sequence WHERE name = ?`, t.name); err != nil {
		return err
	}
	_, err := c.exec(ctx, `INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)`, t.name, n)
	return err
}
