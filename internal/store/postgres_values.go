package store

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Types of PostgreSQL that we send and read: src/include/catalog/pg_type.dat.
const (
	oidBool   = 16
	oidBytea  = 17
	oidName   = 19
	oidInt8   = 20
	oidInt2   = 21
	oidInt4   = 23
	oidText   = 25
	oidFloat8 = 701
)

var binaryFormat = []int16{1}

// bind writes the arguments into c.params and tells their types; those of NULL
// are for the server to find out.
func (c *postgresConn) bind(s *postgresStmt, args []any) ([]uint32, error) {
	oids := make([]uint32, len(args))
	c.params = c.params[:0]
	if c.paramText == nil {
		c.paramText = make([]byte, 0, 256) // an empty text in a nil slice would be NULL
	}
	c.paramText = c.paramText[:0]
	for i, a := range args {
		v, err := plainArg(a)
		if err != nil {
			return nil, err
		}
		start := len(c.paramText)
		switch x := v.(type) {
		case nil:
			c.params = append(c.params, nil)
			continue
		case int64:
			oids[i] = oidInt8
			c.paramText = binary.BigEndian.AppendUint64(c.paramText, uint64(x))
		case float64:
			oids[i] = oidFloat8
			c.paramText = binary.BigEndian.AppendUint64(c.paramText, math.Float64bits(x))
		case string:
			oids[i] = oidText
			c.paramText = append(c.paramText, cleanText(x)...)
		case []byte:
			oids[i] = oidBytea
			if x == nil {
				c.params = append(c.params, nil)
				continue
			}
			c.paramText = append(c.paramText, x...)
		}
		if s.sd != nil && (len(s.sd.ParamOIDs) <= i || s.sd.ParamOIDs[i] != oids[i]) {
			return nil, fmt.Errorf("argument %d is a %T, which it was not before", i+1, a)
		}
		c.params = append(c.params, c.paramText[start:len(c.paramText):len(c.paramText)])
	}
	return oids, nil
}

// cleanText replaces what a text of PostgreSQL cannot hold.
func cleanText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	return s
}

// postgresRow is one row in the binary format.
type postgresRow struct {
	fields []pgconn.FieldDescription
	values [][]byte
}

// Scan implements scanner.
func (r *postgresRow) Scan(dst ...any) error {
	if len(dst) != len(r.values) {
		return fmt.Errorf("%d columns were read into %d", len(r.values), len(dst))
	}
	for i, d := range dst {
		if err := putPostgres(d, r.fields[i].DataTypeOID, r.values[i]); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

func putPostgres(dst any, oid uint32, v []byte) error {
	if v == nil {
		return putNull(dst)
	}
	switch oid {
	case oidInt8:
		return putInt(dst, int64(binary.BigEndian.Uint64(v)))
	case oidInt4:
		return putInt(dst, int64(int32(binary.BigEndian.Uint32(v))))
	case oidInt2:
		return putInt(dst, int64(int16(binary.BigEndian.Uint16(v))))
	case oidBool:
		return putInt(dst, int64(v[0]))
	case oidText, oidName:
		return putText(dst, string(v))
	case oidBytea:
		return putBytes(dst, v)
	case oidFloat8:
		return putFloat(dst, math.Float64frombits(binary.BigEndian.Uint64(v)))
	}
	return fmt.Errorf("a value of type %d cannot be read; cast it", oid)
}
