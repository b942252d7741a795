package store

import (
	"context"
	"fmt"
	"strings"
)

// keepCopy copies the schema into one beside it, with everything that it takes
// to run on the copy: going back is renaming two schemas. A copy that a failed
// run of the same migration left is of the same state, and is replaced.
func (d *postgresDB) keepCopy(ctx context.Context, c conn, m migration) (copied string, err error) {
	from := c.(*postgresConn).schema
	to := fmt.Sprintf("%s_before_%04d", from, m.version)
	if err := c.begin(ctx); err != nil {
		return "", err
	}
	if err = copySchema(ctx, c, from, to); err == nil {
		err = c.commit(ctx, false)
	}
	if err != nil {
		c.rollback(context.WithoutCancel(ctx))
		return "", err
	}
	return "schema " + to, nil
}

func copySchema(ctx context.Context, c conn, from, to string) error {
	script := fmt.Sprintf("DROP SCHEMA IF EXISTS %[1]s CASCADE; CREATE SCHEMA %[1]s;\n", quoted(to))
	err := c.query(ctx, func(sc scanner) error {
		var table string
		err := sc.Scan(&table)
		script += fmt.Sprintf("CREATE TABLE %[1]s (LIKE %[2]s INCLUDING ALL); INSERT INTO %[1]s SELECT * FROM %[2]s;\n",
			quoted(to, table), quoted(from, table))
		return err
	}, `SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = ? ORDER BY 1`, from)
	if err != nil {
		return err
	}
	// Numbers that were given must not be given again.
	err = c.query(ctx, func(sc scanner) error {
		var table, column string
		err := sc.Scan(&table, &column)
		script += fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%[1]s', '%[3]s'), nextval(pg_get_serial_sequence('%[2]s', '%[3]s')));\n",
			quoted(to, table), quoted(from, table), column)
		return err
	}, `SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns
		WHERE table_schema = ? AND is_identity = 'YES'`, from)
	if err != nil {
		return err
	}
	return c.run(ctx, script)
}

// quoted is a name with its parts quoted.
func quoted(parts ...string) string {
	for i, p := range parts {
		parts[i] = `"` + strings.ReplaceAll(p, `"`, `""`) + `"`
	}
	return strings.Join(parts, ".")
}
