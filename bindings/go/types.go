package walstream

import "fmt"

// OIDs of the built-in types that are decoded. They never change (pg_type.dat).
const (
	oidBool        = 16
	oidBytea       = 17
	oidChar        = 18
	oidName        = 19
	oidInt8        = 20
	oidInt2        = 21
	oidInt4        = 23
	oidText        = 25
	oidOID         = 26
	oidXID         = 28
	oidCID         = 29
	oidJSON        = 114
	oidXML         = 142
	oidCIDR        = 650
	oidFloat4      = 700
	oidFloat8      = 701
	oidMacaddr8    = 774
	oidMacaddr     = 829
	oidInet        = 869
	oidBpchar      = 1042
	oidVarchar     = 1043
	oidDate        = 1082
	oidTime        = 1083
	oidTimestamp   = 1114
	oidTimestamptz = 1184
	oidInterval    = 1186
	oidBit         = 1560
	oidVarbit      = 1562
	oidNumeric     = 1700
	oidUUID        = 2950
	oidLSN         = 3220
	oidJSONB       = 3802
	oidXID8        = 5069
)

// builtins are types by name: a domain is known by its base type's.
var builtins = map[string]uint32{
	"bool": oidBool, "bytea": oidBytea, "char": oidChar, "name": oidName, "int8": oidInt8, "int2": oidInt2, "int4": oidInt4,
	"text": oidText, "oid": oidOID, "xid": oidXID, "cid": oidCID, "json": oidJSON, "xml": oidXML, "cidr": oidCIDR,
	"float4": oidFloat4, "float8": oidFloat8, "macaddr8": oidMacaddr8, "macaddr": oidMacaddr, "inet": oidInet,
	"bpchar": oidBpchar, "varchar": oidVarchar, "date": oidDate, "time": oidTime, "timestamp": oidTimestamp,
	"timestamptz": oidTimestamptz, "interval": oidInterval, "bit": oidBit, "varbit": oidVarbit, "numeric": oidNumeric,
	"uuid": oidUUID, "pg_lsn": oidLSN, "jsonb": oidJSONB, "xid8": oidXID8,
}

// elements are array types and what they hold.
var elements = map[uint32]uint32{
	143: oidXML, 199: oidJSON, 271: oidXID8, 651: oidCIDR, 775: oidMacaddr8, 1000: oidBool, 1001: oidBytea, 1002: oidChar, 1003: oidName,
	1005: oidInt2, 1007: oidInt4, 1009: oidText, 1011: oidXID, 1012: oidCID, 1014: oidBpchar, 1015: oidVarchar, 1016: oidInt8,
	1021: oidFloat4, 1022: oidFloat8, 1028: oidOID, 1040: oidMacaddr, 1041: oidInet, 1115: oidTimestamp, 1182: oidDate,
	1183: oidTime, 1185: oidTimestamptz, 1187: oidInterval, 1231: oidNumeric, 1561: oidBit, 1563: oidVarbit, 2951: oidUUID,
	3221: oidLSN, 3807: oidJSONB,
}

func init() {
	for array, element := range elements {
		for name, oid := range builtins {
			if oid == element {
				builtins["_"+name] = array
			}
		}
	}
}

func isInteger(oid uint32) bool {
	switch oid {
	case oidInt2, oidInt4, oidInt8, oidOID, oidXID, oidCID:
		return true
	}
	return false
}

func isNumber(oid uint32) bool {
	return isInteger(oid) || oid == oidFloat4 || oid == oidFloat8 || oid == oidNumeric
}

func isTime(oid uint32) bool { return oid == oidTimestamptz || oid == oidTimestamp || oid == oidDate }

// isText: the binary form is the text form.
func isText(oid uint32) bool {
	switch oid {
	case oidText, oidVarchar, oidBpchar, oidName, oidChar, oidXML, oidJSON:
		return true
	}
	return false
}

// UUID is a uuid value.
type UUID [16]byte

// String is the usual form, such as "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11".
func (u UUID) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// MarshalText makes a UUID a string in JSON and the like.
func (u UUID) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// Interval is an interval value. Its parts do not convert into each other: a month has no fixed length.
type Interval struct {
	Months, Days int32
	Microseconds int64
}

// Infinity is a date or timestamp that is infinite: 1 or -1.
type Infinity int8

// String is "infinity" or "-infinity".
func (i Infinity) String() string {
	if i < 0 {
		return "-infinity"
	}
	return "infinity"
}
