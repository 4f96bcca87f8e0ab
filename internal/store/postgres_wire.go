package store

import (
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// What goes to PostgreSQL and comes back is encoded here, in the binary format and with
// the types given: nothing has to be prepared or looked up first, so that any statement
// may run on any server connection of a pooler.

// The object ids of the types that are used.
const (
	oidBool  = 16
	oidBytea = 17
	oidInt8  = 20
	oidInt2  = 21
	oidInt4  = 23
	oidText  = 25

	oidByteaArray = 1001
	oidTextArray  = 1009
	oidInt8Array  = 1016
)

// binaryFormat, as the only element, is the format of all parameters or results.
var binaryFormat = []int16{1}

// encode makes the parameters of a statement.
func encode(args []any) (values [][]byte, oids []uint32, err error) {
	values, oids = make([][]byte, len(args)), make([]uint32, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case nil:
		case int64:
			values[i], oids[i] = binary.BigEndian.AppendUint64(nil, uint64(v)), oidInt8
		case string:
			values[i], oids[i] = []byte(storable(v)), oidText
		case []byte:
			values[i], oids[i] = v, oidBytea
		case bool:
			values[i], oids[i] = []byte{0}, oidBool
			if v {
				values[i][0] = 1
			}
		default:
			return nil, nil, fmt.Errorf("store: an argument of type %T", arg)
		}
	}
	return values, oids, nil
}

// storable replaces what PostgreSQL does not take as text and Go does.
func storable(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// encodeColumns makes an array of each column of rows that stand one after the other.
func encodeColumns(types string, args []any) (values [][]byte, oids []uint32, err error) {
	values, oids = make([][]byte, len(types)), make([]uint32, len(types))
	for i := range types {
		array, element := arrayTypes(types[i])
		oids[i] = array
		if values[i], err = encodeColumn(element, args, i, len(types)); err != nil {
			return nil, nil, err
		}
	}
	return values, oids, nil
}

func arrayTypes(letter byte) (array, element uint32) {
	switch letter {
	case 't':
		return oidTextArray, oidText
	case 'b':
		return oidByteaArray, oidBytea
	}
	return oidInt8Array, oidInt8
}

// encodeColumn takes each step-th argument from the first on.
func encodeColumn(element uint32, args []any, first, step int) ([]byte, error) {
	n := len(args) / step
	size := 20 + 12*n
	if element != oidInt8 {
		for i := first; i < len(args); i += step {
			switch v := args[i].(type) {
			case string:
				size += len(v)
			case []byte:
				size += len(v)
			}
		}
	}
	b := make([]byte, 0, size)
	b = binary.BigEndian.AppendUint32(b, 1) // dimensions
	b = binary.BigEndian.AppendUint32(b, 1) // there may be NULLs
	b = binary.BigEndian.AppendUint32(b, element)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	b = binary.BigEndian.AppendUint32(b, 1) // the first index
	for i := first; i < len(args); i += step {
		switch v := args[i].(type) {
		case nil:
			b = binary.BigEndian.AppendUint32(b, 1<<32-1)
		case int64:
			b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(v))
		case string:
			v = storable(v)
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
		case []byte:
			if v == nil {
				b = binary.BigEndian.AppendUint32(b, 1<<32-1)
				continue
			}
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
		default:
			return nil, fmt.Errorf("store: an argument of type %T", v)
		}
	}
	return b, nil
}

// decode makes the values of a row: int64, bool, []byte or string.
func decode(row []driver.Value, oids []uint32, values [][]byte) {
	for i, v := range values {
		switch {
		case v == nil:
			row[i] = nil
		case oids[i] == oidInt8:
			row[i] = int64(binary.BigEndian.Uint64(v))
		case oids[i] == oidInt4:
			row[i] = int64(int32(binary.BigEndian.Uint32(v)))
		case oids[i] == oidInt2:
			row[i] = int64(int16(binary.BigEndian.Uint16(v)))
		case oids[i] == oidBool:
			row[i] = v[0] != 0
		case oids[i] == oidBytea:
			row[i] = append(make([]byte, 0, len(v)), v...)
		default:
			row[i] = string(v)
		}
	}
}

// arrays are the parameters $1::text[],… for columns of the types.
func arrays(types string) string {
	var b strings.Builder
	for i, letter := range types {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("$" + strconv.Itoa(i+1) + "::" + map[rune]string{'t': "text", 'b': "bytea", 'i': "bigint"}[letter] + "[]")
	}
	return b.String()
}

// dollars keeps the statements that were rewritten; there is a fixed number of them.
type dollars struct {
	known sync.Map
}

func (d *dollars) rewrite(query string) string {
	if known, ok := d.known.Load(query); ok {
		return known.(string)
	}
	text := withDollars(query)
	d.known.Store(query, text)
	return text
}

// withDollars writes the placeholders ? and ?1 as $1; text in quotes stays.
func withDollars(query string) string {
	var b strings.Builder
	quoted := false
	for i, n := 0, 1; i < len(query); i++ {
		switch c := query[i]; {
		case c == '\'':
			quoted = !quoted
			b.WriteByte(c)
		case c != '?' || quoted:
			b.WriteByte(c)
		case i+1 < len(query) && query[i+1] >= '0' && query[i+1] <= '9':
			b.WriteByte('$')
		default:
			b.WriteString("$" + strconv.Itoa(n))
			n++
		}
	}
	return b.String()
}
